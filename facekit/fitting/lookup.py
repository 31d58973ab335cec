"""Smooth look-up in a picture: cubic B-splines, so that value and slope are continuous between pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit.records import BoolArray

Array = NDArray[np.float64]

BEFORE, AFTER = 1, 2  # pixels that a look-up touches on either side


def smooth_lookup(
    picture: NDArray[np.float32], usable: BoolArray, where: Array
) -> tuple[Array, Array, BoolArray]:
    """Values (M, 3), their slopes (M, 3, 2) per pixel and which are valid (M,), at pixels ``where`` (M, 2).

    The spline approximates the picture (h, w, 3), which it blurs by half a pixel, as antialiasing. Places are
    invalid where one of the sixteen pixels touched is outside the picture or not ``usable`` (h, w).
    """
    height, width = picture.shape[:2]
    x, y = where[:, 0] - 0.5, where[:, 1] - 0.5
    valid = (x >= BEFORE) & (x < width - AFTER) & (y >= BEFORE) & (y < height - AFTER)
    x, y = np.where(valid, x, BEFORE), np.where(valid, y, BEFORE)
    column, row = x.astype(int), y.astype(int)
    weight_x, slope_x = _spline(x - column)
    weight_y, slope_y = _spline(y - row)
    ruler = np.arange(-BEFORE, AFTER + 1)
    rows, columns = (row[:, None] + ruler)[:, :, None], (column[:, None] + ruler)[:, None, :]
    valid &= usable[rows, columns].all((1, 2))
    taps = picture[rows, columns].astype(np.float64)
    across = (taps * weight_x[:, None, :, None]).sum(2)
    along = (taps * slope_x[:, None, :, None]).sum(2)
    value = (across * weight_y[..., None]).sum(1)
    slope = np.stack([(along * weight_y[..., None]).sum(1), (across * slope_y[..., None]).sum(1)], axis=-1)
    return value, slope, valid


def _spline(t: Array) -> tuple[Array, Array]:
    """Weights (M, 4) of the four neighbours at fractions ``t`` (M,), and their derivatives."""
    s = 1 - t
    weight = np.stack([s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3], 1) / 6
    slope = np.stack([-(s**2), 3 * t**2 - 4 * t, 4 * s - 3 * s**2, t**2], 1) / 2
    return weight, slope
