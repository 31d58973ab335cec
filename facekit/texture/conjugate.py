"""Conjugate gradients for the membrane equation on the free pixels of a grid.

The preconditioner is the modified incomplete Cholesky factorisation without fill-in (Gustafsson, A class of
first order factorization methods, BIT 18, 1978), with the usual safeguards. On faces some 50 steps do, which
takes half the time of elimination, and no lock of Python's is held meanwhile.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facekit.geometry.arrays import layout
from facekit.records import BoolArray, FloatArray, IntArray

HOLD = 1e-9  # a patch that nothing holds would be singular: it is held, ever so slightly, to its aim
ENOUGH = 1e-8  # largest residual, in units of the data: no bit of a picture hangs on it
MOST = 4000  # steps
MODIFIED, SAFE = 0.97, 0.25  # share of the fill-in that goes to the diagonal; least pivot, of the diagonal
LEFT, UP, RIGHT, DOWN = range(4)


def solve(free: BoolArray, data: FloatArray, held: FloatArray, screen: float, aim: FloatArray) -> FloatArray:
    """The field (H, W, C) float32 that ``membrane.membrane`` describes, ``data`` where not free.

    free (H, W) bool; data, aim (H, W, C); held (H, W), 0 on free pixels.
    """
    field = np.array(data, np.float32)
    count = int(np.count_nonzero(free))
    if count == 0:
        return field
    mask, start = layout(free, np.bool_), layout(aim[free], np.float64)
    beside, diagonal = np.full((count, 4), -1, np.int32), np.full(count, screen + HOLD)
    right = diagonal[:, None] * start
    _assemble(mask, field, layout(held, np.float32), beside, diagonal, right)
    _descend(beside, diagonal, right, start)
    field[free] = start
    return field


@njit(cache=True, nogil=True)
def _assemble(
    free: BoolArray,
    data: FloatArray,
    held: FloatArray,
    beside: IntArray,
    diagonal: FloatArray,
    right: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Write the neighbours (N, 4) of the free pixels, add to the diagonal and the right side."""
    height, width = free.shape
    index = np.full(free.shape, -1, np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            if free[y, x]:
                index[y, x] = count
                count += 1
    for y in range(height):
        for x in range(width):
            i = index[y, x]
            if i < 0:
                continue
            for k, (v, u) in enumerate(((y, x - 1), (y - 1, x), (y, x + 1), (y + 1, x))):
                if v < 0 or u < 0 or v >= height or u >= width:
                    continue
                beside[i, k] = index[v, u]
                if free[v, u]:
                    diagonal[i] += 1.0
                    continue
                diagonal[i] += held[v, u]
                for c in range(right.shape[1]):
                    right[i, c] += held[v, u] * data[v, u, c]


@njit(cache=True, nogil=True)
def _factor(beside: IntArray, diagonal: FloatArray) -> FloatArray:  # pragma: no cover - compiled
    """Inverse of the diagonal (N,) of the incomplete factor, whose other entries are -1."""
    root = np.zeros(len(diagonal))
    for i in range(len(diagonal)):
        pivot = diagonal[i]
        for k, across in ((LEFT, DOWN), (UP, RIGHT)):
            j = beside[i, k]
            if j >= 0:
                pivot -= root[j] ** 2 * (1.0 + (MODIFIED if beside[j, across] >= 0 else 0.0))
        root[i] = 1.0 / np.sqrt(pivot if pivot > SAFE * diagonal[i] else diagonal[i])
    return root


@njit(cache=True, nogil=True)
def _precondition(
    beside: IntArray, root: FloatArray, r: FloatArray, z: FloatArray, dot: FloatArray
) -> None:  # pragma: no cover - compiled
    """Solve with the incomplete factor, forwards and back: ``r`` (N, C) to ``z``, and their ``dot`` (C,)."""
    for i in range(len(r)):
        a, b = beside[i, LEFT], beside[i, UP]
        for c in range(r.shape[1]):
            total = r[i, c]
            if a >= 0:
                total += root[a] * z[a, c]
            if b >= 0:
                total += root[b] * z[b, c]
            z[i, c] = root[i] * total
    dot[:] = 0.0
    for i in range(len(r) - 1, -1, -1):
        a, b = beside[i, RIGHT], beside[i, DOWN]
        for c in range(r.shape[1]):
            total = z[i, c]
            if a >= 0:
                total += root[i] * z[a, c]
            if b >= 0:
                total += root[i] * z[b, c]
            z[i, c] = root[i] * total
            dot[c] += z[i, c] * r[i, c]


@njit(cache=True, nogil=True)
def _product(
    beside: IntArray, diagonal: FloatArray, p: FloatArray, out: FloatArray, dot: FloatArray
) -> None:  # pragma: no cover - compiled
    """The matrix times ``p`` (N, C), and the ``dot`` (C,) of both."""
    dot[:] = 0.0
    for i in range(len(p)):
        left, up, right, down = beside[i, LEFT], beside[i, UP], beside[i, RIGHT], beside[i, DOWN]
        for c in range(p.shape[1]):
            total = diagonal[i] * p[i, c]
            if left >= 0:
                total -= p[left, c]
            if up >= 0:
                total -= p[up, c]
            if right >= 0:
                total -= p[right, c]
            if down >= 0:
                total -= p[down, c]
            out[i, c] = total
            dot[c] += total * p[i, c]


@njit(cache=True, nogil=True)
def _descend(
    beside: IntArray, diagonal: FloatArray, right: FloatArray, x: FloatArray
) -> None:  # pragma: no cover - compiled
    """Improve ``x`` (N, C), each channel by itself, until no residual is larger than ENOUGH."""
    count, channels = x.shape
    root = _factor(beside, diagonal)
    q, z, p = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    energy, before, along = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    _product(beside, diagonal, x, q, along)
    r = right - q
    for _ in range(MOST):
        before[:] = energy
        _precondition(beside, root, r, z, energy)
        for i in range(count):
            for c in range(channels):
                p[i, c] = z[i, c] + (energy[c] / before[c] * p[i, c] if before[c] > 0.0 else 0.0)
        _product(beside, diagonal, p, q, along)
        for c in range(channels):
            along[c] = energy[c] / along[c] if along[c] > 0.0 else 0.0
        worst = 0.0
        for i in range(count):
            for c in range(channels):
                x[i, c] += along[c] * p[i, c]
                r[i, c] -= along[c] * q[i, c]
                worst = max(worst, abs(r[i, c]))
        if worst < ENOUGH:
            return
