"""Closest points on a triangle mesh, by a tree of bounding boxes over its faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from facekit.geometry.arrays import layout
from facekit.geometry.threads import run_all, split, thread_count
from facekit.records import FloatArray, IntArray

LEAF = 6  # faces in a leaf
DEPTH = 64  # of the stack; a tree over 2^31 faces is 32 deep


@dataclass(frozen=True)
class ClosestPoints:
    """For each of P query points the nearest point of a surface."""

    points: FloatArray  # (P, 3) m, float64
    distance: FloatArray  # (P,) m
    face: IntArray  # (P,) int32
    bary: FloatArray  # (P, 3), of the point in its face


@dataclass(frozen=True)
class SurfaceTree:
    """A mesh ready for queries."""

    triangles: FloatArray  # (F, 3, 3) m, in the order of the leaves
    order: IntArray  # (F,) index of each of them in the mesh
    low: FloatArray  # (N, 3) corners of the nodes' boxes
    high: FloatArray  # (N, 3)
    span: IntArray  # (N, 2) the node's range of triangles
    child: IntArray  # (N,) first of two children, which follow one another; -1 for a leaf

    def closest(self, points: FloatArray) -> ClosestPoints:
        """Nearest points of the surface to ``points`` (P, 3) m."""
        queries = layout(points, np.float64).reshape(-1, 3)
        face, bary = np.zeros(len(queries), np.int32), np.zeros((len(queries), 3))
        tree = self.triangles, self.low, self.high, self.span, self.child
        jobs = split(len(queries), 4 * thread_count()) if len(queries) else []
        run_all([lambda r=r: _query(queries, r, tree, face, bary) for r in jobs])  # type: ignore[misc]
        nearest = (self.triangles[face] * bary[..., None]).sum(axis=1)
        distance = np.linalg.norm(nearest - queries, axis=1)
        return ClosestPoints(nearest, distance, self.order[face], bary)


def closest_point(vertices: FloatArray, faces: IntArray, points: FloatArray) -> ClosestPoints:
    """Nearest points of the mesh (V, 3) m, (F, 3) to ``points`` (P, 3) m; for many calls keep a tree."""
    return surface_tree(vertices, faces).closest(points)


def surface_tree(vertices: FloatArray, faces: IntArray) -> SurfaceTree:
    """Tree of boxes over the faces (F, 3) of vertices (V, 3) m, halved at the median of the longest side."""
    if len(faces) == 0:
        raise ValueError("a surface needs at least one face")
    triangles = layout(np.asarray(vertices)[faces], np.float64)
    centres = triangles.mean(axis=1)
    order = np.arange(len(faces))
    spans, children = [(0, len(faces))], [-1]
    node = 0
    while node < len(spans):
        start, stop = spans[node]
        if stop - start > LEAF:
            part, middle = order[start:stop], (stop - start) // 2
            axis = int(np.ptp(centres[part], axis=0).argmax())
            order[start:stop] = part[np.argpartition(centres[part, axis], middle)]
            children[node] = len(spans)
            spans += [(start, start + middle), (start + middle, stop)]
            children += [-1, -1]
        node += 1
    span, triangles = np.array(spans, np.int32), triangles[order]
    low = np.stack([triangles[a:b].min(axis=(0, 1)) for a, b in spans])
    high = np.stack([triangles[a:b].max(axis=(0, 1)) for a, b in spans])
    return SurfaceTree(triangles, order.astype(np.int32), low, high, span, np.array(children, np.int32))


@njit(cache=True, nogil=True, error_model="numpy")
def _query(
    points: FloatArray,
    rows: tuple[int, int],
    tree: tuple[FloatArray, FloatArray, FloatArray, IntArray, IntArray],
    face: IntArray,
    bary: FloatArray,
) -> None:
    """Face (P,) and barycentrics (P, 3) nearest to the points (P, 3) of ``rows``.

    tree: triangles, low, high, span and child of a SurfaceTree; numba takes a tuple, but no dataclass.
    """
    triangles, low, high, span, child = tree
    stack = np.zeros(DEPTH, np.int32)
    reach = np.zeros(DEPTH)
    for p in range(rows[0], rows[1]):
        point = points[p]
        best, size = np.inf, 1
        stack[0], reach[0] = 0, 0.0
        while size > 0:
            size -= 1
            node = stack[size]
            if reach[size] >= best:
                continue
            first = child[node]
            if first < 0:
                for f in range(span[node, 0], span[node, 1]):
                    w0, w1, w2, square = _closest_in_triangle(triangles[f], point)
                    if square < best:
                        best, face[p] = square, f
                        bary[p, 0], bary[p, 1], bary[p, 2] = w0, w1, w2
                continue
            left, right = _box_distance(low, high, first, point), _box_distance(low, high, first + 1, point)
            nearer = 0 if left <= right else 1  # it goes on top of the stack
            stack[size], reach[size] = first + 1 - nearer, max(left, right)
            stack[size + 1], reach[size + 1] = first + nearer, min(left, right)
            size += 2


@njit(cache=True, nogil=True, inline="always")
def _box_distance(low: FloatArray, high: FloatArray, node: int, point: FloatArray) -> float:
    """Squared distance from a point to a node's box."""
    total = 0.0
    for k in range(3):
        d = max(low[node, k] - point[k], 0.0, point[k] - high[node, k])
        total += d * d
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _closest_in_triangle(triangle: FloatArray, point: FloatArray) -> Any:
    """Barycentrics of the nearest point of a triangle, and its squared distance (Ericson, 2005, 5.1.5)."""
    a, b, c = triangle[0], triangle[1], triangle[2]
    d1, d2 = _dot(a, b, a, point), _dot(a, c, a, point)
    d3, d4 = _dot(a, b, b, point), _dot(a, c, b, point)
    d5, d6 = _dot(a, b, c, point), _dot(a, c, c, point)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0.0 and d2 <= 0.0:
        w1, w2 = 0.0, 0.0
    elif d3 >= 0.0 and d4 <= d3:
        w1, w2 = 1.0, 0.0
    elif d6 >= 0.0 and d5 <= d6:
        w1, w2 = 0.0, 1.0
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        w1, w2 = d1 / (d1 - d3), 0.0
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        w1, w2 = 0.0, d2 / (d2 - d6)
    elif va <= 0.0 and d4 >= d3 and d5 >= d6:
        w2 = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        w1 = 1.0 - w2
    else:
        total = va + vb + vc
        w1, w2 = vb / total, vc / total
    w0, square = 1.0 - w1 - w2, 0.0
    for k in range(3):
        d = w0 * a[k] + w1 * b[k] + w2 * c[k] - point[k]
        square += d * d
    return w0, w1, w2, square


@njit(cache=True, nogil=True, inline="always")
def _dot(p: FloatArray, q: FloatArray, r: FloatArray, s: FloatArray) -> float:
    """(q - p) . (s - r)"""
    return (q[0] - p[0]) * (s[0] - r[0]) + (q[1] - p[1]) * (s[1] - r[1]) + (q[2] - p[2]) * (s[2] - r[2])
