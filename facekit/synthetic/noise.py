"""Smooth noise in space: a periodic volume looked up at scaled positions, so that seams of a chart do not
show."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter

from facekit.records import FloatArray

SIDE = 64  # cells of the periodic volume


@cache
def noise_volume() -> FloatArray:
    """(64, 64, 64) float32, zero mean, unit variance, correlated over about one cell; periodic."""
    white = np.random.default_rng(20240229).standard_normal((SIDE, SIDE, SIDE))
    smooth = gaussian_filter(white, 0.8, mode="wrap")
    return ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)


@njit(cache=True, fastmath=True)
def _lookup(volume: FloatArray, points: FloatArray, inverse: FloatArray, offset: FloatArray) -> FloatArray:
    side = volume.shape[0]
    out = np.zeros(len(points), np.float32)
    for i in range(len(points)):
        x = points[i, 0] * inverse[0] + offset[0]
        y = points[i, 1] * inverse[1] + offset[1]
        z = points[i, 2] * inverse[2] + offset[2]
        fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
        x, y, z = x - fx, y - fy, z - fz
        a, b, c = int(fx) & (side - 1), int(fy) & (side - 1), int(fz) & (side - 1)
        a1, b1, c1 = (a + 1) & (side - 1), (b + 1) & (side - 1), (c + 1) & (side - 1)
        low = (volume[a, b, c] * (1 - z) + volume[a, b, c1] * z) * (1 - y)
        low += (volume[a, b1, c] * (1 - z) + volume[a, b1, c1] * z) * y
        high = (volume[a1, b, c] * (1 - z) + volume[a1, b, c1] * z) * (1 - y)
        high += (volume[a1, b1, c] * (1 - z) + volume[a1, b1, c1] * z) * y
        out[i] = low * (1 - x) + high * x
    return out


def noise_at(
    points: FloatArray, cell: float | tuple[float, float, float], rng: np.random.Generator
) -> FloatArray:
    """Noise (N,) float32 at points (N, 3), of unit variance in the mean of all places.

    ``cell``: size of one noise cell, in the unit of the points; three numbers stretch it along the axes.
    ``rng`` decides which part of the noise is read.
    """
    inverse = (1.0 / np.broadcast_to(np.asarray(cell, np.float64), (3,))).astype(np.float32)
    offset = rng.uniform(0, SIDE, 3).astype(np.float32)
    return _lookup(noise_volume(), np.ascontiguousarray(points, np.float32), inverse, offset)


def smoothstep(x: FloatArray, low: float | FloatArray, high: float | FloatArray) -> FloatArray:
    """0 below ``low``, 1 above ``high``, a cubic between; falls instead of rising when high < low."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
