"""Smooth interpolation on a pixel grid: the membrane equation, solved to the end or on ever finer grids."""

from __future__ import annotations

import numpy as np
from numba import njit

from facekit.records import BoolArray, FloatArray
from facekit.texture.conjugate import solve

DIRECT = 24_000  # unknowns solved to the end; larger problems start from a grid of half the size
SWEEPS = (
    24  # Gauss-Seidel sweeps after each doubling: what the coarse grid misses is short waves near the border
)


def membrane(
    free: BoolArray,
    data: FloatArray,
    trust: FloatArray,
    screen: float = 0.0,
    towards: FloatArray | None = None,
) -> FloatArray:
    """The smoothest field on ``free`` pixels that meets the data at their neighbours.

    Minimises the sum of (c_p - c_q)^2 over neighbouring free pixels p, q, plus trust_q (c_p - data_q)^2 over
    free p beside a pixel q that is not free, plus screen (c_p - towards_p)^2. With trust 0 or 1 and screen 0
    this is the discrete Laplace equation with Dirichlet (1) and Neumann (0) borders; applied to the
    difference of two pictures it is gradient-domain blending (Perez, Gangnet and Blake, Poisson Image
    Editing, SIGGRAPH 2003).

    free (H, W) bool; data (H, W, C) float; trust (H, W) float 0 to 1, read only where not free; towards (H,
    W, C), zero by default. Returns (H, W, C) float32: the field on free pixels, ``data`` elsewhere. A free
    patch that touches no trusted pixel and has no screen keeps ``towards``. Exact up to DIRECT unknowns.
    """
    data = np.asarray(data, np.float32)
    aim = np.zeros_like(data) if towards is None else np.asarray(towards, np.float32)
    held = np.where(free, 0.0, trust).astype(np.float32)
    return _solve(np.asarray(free, bool), data, held, float(screen), aim)


def _solve(free: BoolArray, data: FloatArray, held: FloatArray, screen: float, aim: FloatArray) -> FloatArray:
    if np.count_nonzero(free) <= DIRECT:
        return solve(free, data, held, screen, aim)
    coarse_held = _halve(held)
    share = _halve(free.astype(np.float32))
    coarse_free = (share > 0.5) | ((share > 0) & (coarse_held == 0))
    coarse_data = _halve(data * held[..., None]) / np.maximum(coarse_held, 1e-6)[..., None]
    coarse = _solve(coarse_free, coarse_data, np.where(coarse_free, 0, coarse_held), 4 * screen, _halve(aim))
    rows, columns = (
        np.minimum(np.arange(n) // 2, m - 1) for n, m in zip(free.shape, coarse.shape, strict=False)
    )
    field = np.where(free[..., None], coarse[rows][:, columns], data)
    field = np.ascontiguousarray(field, np.float32)
    _relax(field, free, held, np.float32(screen), np.ascontiguousarray(aim, np.float32), SWEEPS)
    return field


def _halve(x: FloatArray) -> FloatArray:
    """Mean over 2 x 2 blocks; an odd last row or column is repeated."""
    pad = [(0, x.shape[0] % 2), (0, x.shape[1] % 2)] + [(0, 0)] * (x.ndim - 2)
    x = np.pad(x, pad, mode="edge")
    return ((x[0::2, 0::2] + x[1::2, 0::2] + x[0::2, 1::2] + x[1::2, 1::2]) / 4).astype(np.float32)


@njit(cache=True, nogil=True)
def _relax(
    field: FloatArray, free: BoolArray, held: FloatArray, screen: np.float32, aim: FloatArray, sweeps: int
) -> None:  # pragma: no cover - compiled
    """Gauss-Seidel sweeps in place, forwards and backwards in turn; ``field`` is the data where not free."""
    height, width, channels = field.shape
    total = np.zeros(channels, np.float32)
    for sweep in range(sweeps):
        for i in range(height):
            y = i if sweep % 2 == 0 else height - 1 - i
            for j in range(width):
                x = j if sweep % 2 == 0 else width - 1 - j
                if not free[y, x]:
                    continue
                weight = screen
                for c in range(channels):
                    total[c] = screen * aim[y, x, c]
                for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                    if v < 0 or u < 0 or v >= height or u >= width:
                        continue
                    w = np.float32(1) if free[v, u] else held[v, u]
                    if w > 0:
                        weight += w
                        for c in range(channels):
                            total[c] += w * field[v, u, c]
                if weight > 0:
                    for c in range(channels):
                        field[y, x, c] = total[c] / weight
