"""Several readings of one face into one: a robust mean, and how well the readings agree."""

from __future__ import annotations

import numpy as np

from facekit.detection.crops import Placement
from facekit.records import FloatArray

# Shift (parts of the crop's side), scale, angle (degrees) and mirroring of the crops. In total they cancel.
PERTURBATIONS: tuple[tuple[tuple[float, float], float, float, bool], ...] = (
    ((0.00, 0.00), 1.00, 0.0, False),
    ((0.00, 0.00), 1.00, 0.0, True),
    ((0.03, 0.02), 0.92, 5.0, False),
    ((-0.03, -0.02), 1.08, -5.0, True),
    ((-0.02, 0.03), 1.06, 6.0, True),
    ((0.02, -0.03), 0.94, -6.0, False),
    ((-0.03, 0.02), 0.95, -3.0, True),
    ((0.03, -0.02), 1.05, 3.0, False),
)


def perturbed(placement: Placement, count: int) -> list[tuple[Placement, bool]]:
    """``count`` placements around one, each with whether to mirror the crop; always the same ones."""
    return [(placement.moved(shift, scale, np.radians(a)), f) for shift, scale, a, f in PERTURBATIONS[:count]]


def robust_mean(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (L, D) of N readings (N, L, D) with far readings weighed down, and their spread (L,).

    Iteratively reweighted with Cauchy weights from the median; the spread is the standard deviation of one
    reading along one axis (first two coordinates), with those weights.
    """
    centre = np.median(points, axis=0)
    weight = np.ones(points.shape[:2])
    for _ in range(3):
        distance = np.linalg.norm((points - centre)[..., :2], axis=-1)  # (N, L)
        scale = 1.5 * np.maximum(np.median(distance, axis=0), 1e-6)
        weight = 1 / (1 + np.square(distance / scale))
        weight /= weight.sum(axis=0)
        centre = (weight[..., None] * points).sum(axis=0)
    square = np.square((points - centre)[..., :2]).sum(axis=-1) / 2
    return centre, np.sqrt((weight * square).sum(axis=0))
