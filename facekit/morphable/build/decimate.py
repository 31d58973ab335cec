"""Edge-collapse decimation of one half of the head, judged on several shapes at once.

Half-edge collapse (Garland and Heckbert 1997, quadric error metric): a vertex moves onto a neighbour, so
that the remaining vertices are vertices of the source and carry its modes exactly. Vertices on feature
lines (midline, lip line, eyelid rim, neck) move along their line only, fixed vertices stay.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from facekit.records import BoolArray, FloatArray, IntArray

MIN_FLIP = 0.2  # least cosine between old and new triangle normals, in every shape
MIN_QUALITY = 0.4  # least triangle quality (1 is equilateral) unless it was worse before
MAX_VALENCE = 9
LENGTH_ERROR = 0.025  # an edge of length l costs as much as a distance error of 0.025 l


@dataclass(frozen=True)
class Plan:
    """What decimation has to respect."""

    zone: IntArray  # (V,) zone of each vertex
    targets: tuple[int, ...]  # vertices to keep in each zone
    line: IntArray  # (V,) feature line of each vertex, -1 none
    fixed: BoolArray  # (V,) vertices that stay
    weight: FloatArray  # (V,) how much an error at each vertex counts


class Decimation:
    """A triangle mesh in several shapes, shrinking by half-edge collapses."""

    def __init__(self, shapes: FloatArray, faces: IntArray, plan: Plan):
        self.shapes = np.ascontiguousarray(shapes.transpose(1, 0, 2))  # (V, S, 3)
        self.points = np.concatenate([self.shapes, np.ones((*self.shapes.shape[:2], 1))], axis=2)
        self.plan = plan
        self.faces = {k: tuple(int(i) for i in face) for k, face in enumerate(faces)}
        self.around: dict[int, set[int]] = {int(i): set() for i in np.unique(faces)}
        for k, face in self.faces.items():
            for i in face:
                self.around[i].add(k)
        self.counts = np.bincount(plan.zone[list(self.around)], minlength=len(plan.targets))
        self.quadric, self.area = self._quadrics(faces)
        self.line_edges = self._feature_edges(faces)
        self.version = np.zeros(len(self.shapes), np.int64)

    def _quadrics(self, faces: IntArray) -> tuple[FloatArray, FloatArray]:
        corner = self.shapes[faces].astype(np.float64)  # (F, 3, S, 3)
        cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        double = np.linalg.norm(cross, axis=-1)
        normal = cross / np.maximum(double, 1e-12)[..., None]
        plane = np.concatenate([normal, -(normal * corner[:, 0]).sum(-1, keepdims=True)], axis=-1)
        outer = np.einsum("fsi,fsj,fs->fsij", plane, plane, double / 6)
        quadric = np.zeros((len(self.shapes), corner.shape[2], 4, 4))
        area = np.zeros(len(self.shapes))
        for k in range(3):
            np.add.at(quadric, faces[:, k], outer)
            np.add.at(area, faces[:, k], double[:, 0] / 6)
        return quadric, area

    def _feature_edges(self, faces: IntArray) -> set[tuple[int, int]]:
        """Edges that lie on a feature line: open edges, and edges joining neighbours on one line."""
        line = self.plan.line
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        unique, count = np.unique(edges, axis=0, return_counts=True)
        same = (line[unique[:, 0]] >= 0) & (line[unique[:, 0]] == line[unique[:, 1]])
        return {(int(a), int(b)) for a, b in unique[(count == 1) | same]}

    def neighbours(self, i: int) -> set[int]:
        return {j for k in self.around[i] for j in self.faces[k]} - {i}

    def cost(self, u: int, v: int) -> float:
        point = self.points[v]
        error = float(((self.quadric[u] @ point[:, :, None])[:, :, 0] * point).sum()) / len(point)
        step = self.shapes[u, 0] - self.shapes[v, 0]
        length = float(step @ step)
        return float(self.plan.weight[u]) * (error + LENGTH_ERROR**2 * length * (self.area[u] + self.area[v]))

    def movable(self, u: int, v: int) -> bool:
        """Whether the rules of the plan let u move onto v."""
        if self.plan.fixed[u] or self.counts[self.plan.zone[u]] <= self.plan.targets[self.plan.zone[u]]:
            return False
        return bool(self.plan.line[u] < 0) or (min(u, v), max(u, v)) in self.line_edges

    def sound(self, u: int, v: int) -> bool:
        """Whether moving u onto v keeps the mesh a manifold without flipped or thin triangles."""
        shared = self.around[u] & self.around[v]
        common = self.neighbours(u) & self.neighbours(v)
        if not shared or len(common) != len(shared):
            return False
        for c in common:
            open_fan = len(self.neighbours(c)) != len(self.around[c])
            if len(self.around[c]) <= (2 if open_fan else 4):
                return False
        if len(self.neighbours(v) | self.neighbours(u)) - 2 > MAX_VALENCE:
            return False
        moved = [self.faces[k] for k in self.around[u] - shared]
        return not moved or self._shapely(np.array(moved), u, v)

    def _shapely(self, faces: IntArray, u: int, v: int) -> bool:
        old = self.shapes[faces]
        new = self.shapes[np.where(faces == u, v, faces)]
        before, after = (cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]) for x in (old, new))
        size_before, size_after = (np.sqrt((x * x).sum(axis=-1)) for x in (before, after))
        if ((before * after).sum(-1) < MIN_FLIP * size_before * size_after).any() or (size_after == 0).any():
            return False
        was, now = (quality(x[:, :, 0], s[:, 0]) for x, s in ((old, size_before), (new, size_after)))
        return bool((now >= np.minimum(MIN_QUALITY, was.min())).all())

    def collapse(self, u: int, v: int) -> None:
        """Move u onto v."""
        for k in self.around[u] & self.around[v]:
            for i in self.faces.pop(k):
                self.around[i].discard(k)
        for k in self.around.pop(u):
            self.faces[k] = tuple(v if i == u else i for i in self.faces[k])
            self.around[v].add(k)
        for a, b in [e for e in self.line_edges if u in e] if self.plan.line[u] >= 0 else []:
            self.line_edges.discard((a, b))
            other = b if a == u else a
            if other != v:
                self.line_edges.add((min(other, v), max(other, v)))
        self.quadric[v] += self.quadric[u]
        self.area[v] += self.area[u]
        self.counts[self.plan.zone[u]] -= 1
        self.version[v] += 1

    def run(self) -> IntArray:
        """Collapse until every zone has reached its target; returns the faces left (F, 3)."""
        while self._sweep():
            pass
        return np.array([self.faces[k] for k in sorted(self.faces)], np.int32)

    def _push(self, heap: list[tuple[float, int, int, int, int]], u: int, v: int) -> None:
        if self.movable(u, v):
            heapq.heappush(heap, (self.cost(u, v), u, v, int(self.version[u]), int(self.version[v])))

    def _sweep(self) -> int:
        heap: list[tuple[float, int, int, int, int]] = []
        for u in sorted(self.around):
            for v in sorted(self.neighbours(u)):
                self._push(heap, u, v)
        done = 0
        while heap:
            _, u, v, version_u, version_v = heapq.heappop(heap)
            if u not in self.around or v not in self.around:
                continue
            if (version_u, version_v) != (self.version[u], self.version[v]):
                continue
            if not self.movable(u, v) or not self.sound(u, v):
                continue
            self.collapse(u, v)
            done += 1
            for w in sorted(self.neighbours(v)):
                self._push(heap, v, w)
                self._push(heap, w, v)
        return done


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cross products along the last axis; for small arrays faster than NumPy's."""
    out = a[..., [1, 2, 0]] * b[..., [2, 0, 1]]
    out -= a[..., [2, 0, 1]] * b[..., [1, 2, 0]]
    return out


def quality(corners: FloatArray, double_area: FloatArray) -> FloatArray:
    """2 √3 · double area / sum of squared edges of triangles (F, 3, 3): from 0 to 1, equilateral."""
    edges = corners - np.roll(corners, 1, axis=1)
    return 2 * np.sqrt(3) * double_area / np.maximum((edges**2).sum(axis=(1, 2)), 1e-24)
