"""Completed pictures as patches: what of the photo a completion replaces, and nothing else."""

from __future__ import annotations

import numpy as np

from facekit.records import BoolArray, ByteArray, Completion, IntArray


def window_of(hidden: BoolArray, margin: int) -> IntArray:
    """The box x0 y0 x1 y1 (int32) of the hidden pixels (H, W), ``margin`` px larger, inside the picture.

    One pixel at the corner where nothing is hidden.
    """
    height, width = hidden.shape
    rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
    if len(rows) == 0:
        return np.array([0, 0, 1, 1], np.int32)
    low = np.maximum([columns[0] - margin, rows[0] - margin], 0)
    high = np.minimum([columns[-1] + 1 + margin, rows[-1] + 1 + margin], [width, height])
    return np.array([*low, *high], np.int32)


def paste(photo: ByteArray, completion: Completion, index: int) -> ByteArray:
    """The photo (H, W, 3) uint8 with completion ``index`` in place of its hidden pixels; the others are
    unchanged.
    """
    x0, y0, x1, y1 = (int(v) for v in completion.window)
    result = photo.copy()
    view = result[y0:y1, x0:x1]
    view[completion.mask] = completion.patches[index][completion.mask]
    return result
