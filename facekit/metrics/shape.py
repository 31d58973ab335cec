"""Distances between shapes of one topology (Diverse3DFace, Sec. 5, Metrics), in the unit of the vertices.

Errors against a true shape take an alignment by name, see ``align``. Self distances take none: the samples
of one photo stand in one frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit.metrics.align import align

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def rms_distance(a: Floats, b: Floats) -> float:
    """Frobenius distance of two shapes (V, 3) over the square root of the number of vertices."""
    return float(np.sqrt(np.mean(np.sum((np.asarray(a, float) - np.asarray(b, float)) ** 2, axis=-1))))


def mean_shape_error(
    shape: Floats, truth: Floats, region: Bools | None = None, how: str = "none", on: Bools | None = None
) -> float:
    """Mean over vertices of the distance to the true vertex ("MSE", mean shape error, of Diverse3DFace,
    Table 1 and Fig. 6).

    shape, truth (V, 3); region (V,) bool, the vertices that count, None for all; ``how`` the alignment on
    the vertices ``on`` (V,). Raises ValueError for an empty region.
    """
    keep = _chosen(region)
    distance = np.linalg.norm(align(shape, truth, how, on) - np.asarray(truth, float), axis=-1)[keep]
    return float(np.mean(distance))


def closest_sample_error(
    shapes: Floats, truth: Floats, region: Bools | None = None, how: str = "none", on: Bools | None = None
) -> float:
    """RMS vertex distance of the sample nearest to the truth (CSE of Diverse3DFace, Sec. 5, scaled as its
    released code: Frobenius norm over the root of the number of vertices).

    shapes (N, V, 3), truth (V, 3); region (V,) bool, the vertices that count, None for all; ``how`` the
    alignment of each sample on the vertices ``on`` (V,). Raises ValueError for an empty region.
    """
    keep = _chosen(region)
    return min(rms_distance(shape[keep], truth[keep]) for shape in align(shapes, truth, how, on))


def self_distances(shapes: Floats, region: Bools | None = None) -> Floats:
    """RMS vertex distance between all pairs of shapes (N, V, 3) over a region (V,): (N, N), zero diagonal.
    Raises ValueError for an empty region.
    """
    flat = np.asarray(shapes, float)[:, _chosen(region)].reshape(len(shapes), -1)
    flat = flat - flat.mean(0)
    gram = flat @ flat.T
    norm = np.diag(gram)
    squared = np.maximum(norm[:, None] + norm[None] - 2 * gram, 0) / (flat.shape[1] / 3)
    np.fill_diagonal(squared, 0)
    return np.sqrt(squared)


def average_self_distance(shapes: Floats, region: Bools | None = None) -> float:
    """Distance of each sample to its nearest other sample, averaged over samples (ASD of Diverse3DFace, Sec.
    5).

    With the visible vertices as region this is ASD-V, with the hidden ones ASD-O. shapes (N, V, 3) with N of
    at least 2.
    """
    if len(shapes) < 2:
        raise ValueError("a self distance needs at least two samples")
    between = self_distances(shapes, region)
    np.fill_diagonal(between, np.inf)
    return float(between.min(axis=1).mean())


def _chosen(region: Bools | None) -> slice | Bools:
    """The region as an index; ValueError if it is empty."""
    if region is None:
        return slice(None)
    if not np.any(region):
        raise ValueError("there is no vertex in the region to measure")
    return np.asarray(region, bool)
