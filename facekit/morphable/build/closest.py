"""Closest points on a triangle mesh."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from facekit.records import FloatArray, IntArray

NEIGHBOURS = 12  # nearest triangle centres that are tried for each point


def closest_points(
    queries: FloatArray, vertices: FloatArray, faces: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Triangle (n,), barycentric coordinates (n, 3) and distance (n,) of the surface point nearest to each query.

    Tries the triangles with the nearest centres and those around the nearest vertices, which finds the true nearest
    one on meshes of even triangles.
    """
    centres = vertices[faces].mean(axis=1)
    candidates = cKDTree(centres).query(queries, k=min(NEIGHBOURS, len(faces)))[1].reshape(len(queries), -1)
    best = np.zeros(len(queries), np.int64)
    bary = np.zeros((len(queries), 3))
    least = np.full(len(queries), np.inf)
    for column in candidates.T:
        weights = triangle_closest(queries, vertices[faces[column]])
        points = np.einsum("nc,ncd->nd", weights, vertices[faces[column]])
        distance = np.linalg.norm(points - queries, axis=1)
        nearer = distance < least
        best[nearer], bary[nearer], least[nearer] = column[nearer], weights[nearer], distance[nearer]
    return best, bary, least


def triangle_closest(p: FloatArray, corners: FloatArray) -> FloatArray:
    """Barycentric coordinates (n, 3) of the point of each triangle (n, 3, 3) nearest to p (n, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    square = np.maximum((normal**2).sum(axis=1), 1e-30)
    v = (np.cross(c - a, p - a) * -normal).sum(axis=1) / square
    w = (np.cross(b - a, p - a) * normal).sum(axis=1) / square
    plane = np.stack([1 - v - w, v, w], axis=1)
    options = [plane]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = corners[:, j] - corners[:, i]
        t = ((p - corners[:, i]) * edge).sum(axis=1) / np.maximum((edge**2).sum(axis=1), 1e-30)
        t = np.clip(t, 0.0, 1.0)
        weights = np.zeros_like(plane)
        weights[:, i], weights[:, j] = 1 - t, t
        options.append(weights)
    points = np.einsum("onc,ncd->ond", np.stack(options), corners)
    distance = np.linalg.norm(points - p, axis=2)
    distance[0, plane.min(axis=1) < 0] = np.inf
    return np.stack(options)[distance.argmin(axis=0), np.arange(len(p))]
