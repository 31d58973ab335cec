"""Landmarks on their way from the network to the record, and the box round them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.detection.crops import Placement
from facekit.records import FloatArray


@dataclass(frozen=True)
class Points:
    """Landmarks of one reading, or the mean of many, in photo pixels."""

    points: FloatArray  # (L, 2) px
    depth: FloatArray  # (L,) px
    confidence: FloatArray  # (L,) 0 to 1
    spread: FloatArray  # (L,) px, standard deviation of one reading; 0 for a single reading
    placement: Placement  # of the unperturbed crop


def face_box(points: FloatArray) -> FloatArray:
    """(4,) x0 y0 x1 y1 of points (L, 2)."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def longer_side(box: FloatArray) -> float:
    """Longer side of a box x0 y0 x1 y1."""
    return float(max(box[2] - box[0], box[3] - box[1]))
