"""The figures the papers report, one pure function each. All in the unit of the vertices (metres in, metres
out).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def rms_distance(a: Floats, b: Floats) -> float:
    """Frobenius distance of two shapes (V, 3) over the square root of the number of vertices."""
    return float(np.sqrt(np.mean(np.sum((np.asarray(a, float) - np.asarray(b, float)) ** 2, axis=-1))))


def mean_shape_error(shape: Floats, truth: Floats, region: Bools | None = None) -> float:
    """Mean over vertices of the distance to the true vertex (MSE of Diverse3DFace, Table 1). Shapes (V, 3);
    region (V,).
    """
    distance = np.linalg.norm(np.asarray(shape, float) - np.asarray(truth, float), axis=-1)
    return float(np.mean(distance if region is None else distance[region]))


def closest_sample_error(shapes: Floats, truth: Floats, region: Bools | None = None) -> float:
    """RMS vertex distance of the sample nearest to the truth (CSE of Diverse3DFace, Sec. 5, scaled as its
    released code).

    shapes (N, V, 3), truth (V, 3), region (V,) bool or None for all vertices.
    """
    keep = slice(None) if region is None else region
    return min(rms_distance(shape[keep], truth[keep]) for shape in np.asarray(shapes))


def self_distances(shapes: Floats, region: Bools | None = None) -> Floats:
    """RMS vertex distance between all pairs of shapes (N, V, 3) over a region (V,): (N, N), zero diagonal."""
    flat = np.asarray(shapes, float)
    flat = (flat if region is None else flat[:, region]).reshape(len(flat), -1)
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
