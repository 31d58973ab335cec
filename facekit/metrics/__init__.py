"""The figures the papers report, one pure function each. All in the unit of the vertices (metres in, metres
out).
"""

from __future__ import annotations

from facekit.metrics.align import ALIGNMENTS, align
from facekit.metrics.histogram import error_histogram
from facekit.metrics.plausible import crossing_pairs, crossing_triangles, mahalanobis
from facekit.metrics.shape import (
    average_self_distance,
    closest_sample_error,
    mean_shape_error,
    rms_distance,
    self_distances,
)

__all__ = [
    "ALIGNMENTS",
    "align",
    "average_self_distance",
    "closest_sample_error",
    "crossing_pairs",
    "crossing_triangles",
    "error_histogram",
    "mahalanobis",
    "mean_shape_error",
    "rms_distance",
    "self_distances",
]
