"""The upright square around a face that the segmenter looks at."""

from __future__ import annotations

import numpy as np

from facekit.detection.crops import Placement
from facekit.records import FloatArray

REACH = 2.1  # side of the square, in distances from the line of the eyes to the chin, or
WIDTH = 1.55  # in widths of the landmarks, whichever is more
HIGHER = 0.12  # how much higher than the landmarks' middle its middle is, in parts of the side


def aligned(landmarks: FloatArray) -> Placement:
    """Where the square of a face with landmarks (68, 2) px lies: upright by the eyes, hair and chin inside.

    Landmarks that are unknown (NaN) are left out; the eyes must be known.
    """
    points = np.asarray(landmarks, np.float64)[:, :2]
    right, left = np.nanmean(points[36:42], axis=0), np.nanmean(points[42:48], axis=0)
    angle = float(np.arctan2(*(left - right)[::-1]))
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = points @ axes.T
    low, high = np.nanmin(turned, axis=0), np.nanmax(turned, axis=0)
    eyes = float(((right + left) / 2 @ axes.T)[1])
    side = max(REACH * (float(high[1]) - eyes), WIDTH * float(high[0] - low[0]), 8.0)
    middle = (low + high) / 2 - np.array([0.0, HIGHER * side])
    return Placement(middle @ axes, side, angle)
