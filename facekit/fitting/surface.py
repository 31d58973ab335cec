"""Points fixed to the surface of a face while it moves: their places and normals, by the code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from facekit.fitting.skin_pixels import SkinGrid
from facekit.geometry.mesh import face_normals, vertex_normals
from facekit.morphable.model import FaceModel

Array = NDArray[np.float64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """M points of the surface that belongs to the code ``origin``."""

    model: FaceModel
    grid: SkinGrid
    origin: Array  # (K,)
    rest: Array  # (M, 3) m, at the origin
    modes: Single  # (M, 6, K) by the code: of the place (m), then of the unit normal, at the origin

    @staticmethod
    def of(model: FaceModel, grid: SkinGrid, code: Array) -> Surface:
        """With the derivatives at ``code``."""
        vertices = model.instance(code)
        used, corners = np.unique(grid.corners, return_inverse=True)
        corners = corners.reshape(grid.corners.shape)
        count = len(corners)
        ends = np.arange(0, 3 * count + 1, 3)
        pick = csr_matrix((grid.bary.astype(np.float32).ravel(), corners.ravel(), ends), (count, len(used)))
        flat = np.ascontiguousarray(model.basis.transpose(1, 2, 0), np.float32)  # (V, 3, K)
        size = flat.shape[2]
        turn = _normal_slopes(vertices, model.topology.faces, used)
        turned = (turn @ flat.reshape(-1, size)).reshape(len(used), -1)
        modes = np.zeros((count, 6, size), np.float32)
        modes[:, :3] = (pick @ flat[used].reshape(len(used), -1)).reshape(count, 3, size)
        slopes = (pick @ turned).reshape(count, 3, size)
        mixed = grid.interpolated(vertex_normals(vertices, model.topology.faces))
        length = np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9)
        modes[:, 3:] = _tangential((mixed / length).astype(np.float32), slopes) / length[..., None]
        return Surface(model, grid, code, grid.interpolated(vertices), modes)

    def places(self, code: Array) -> Array:
        """(M, 3) m for a code (K,)."""
        out: Array = self.rest + self.modes[:, :3] @ (code - self.origin)
        return out

    def normals(self, code: Array) -> Array:
        """(M, 3) unit, for a code (K,)."""
        vertices = self.model.instance(code)
        n = self.grid.interpolated(vertex_normals(vertices, self.model.topology.faces))
        out: Array = n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
        return out


def _tangential(normals: Single, slopes: Single) -> Single:
    """(M, 3, K) without what lies along the normals (M, 3)."""
    out: Single = slopes - normals[:, :, None] * (normals[:, None] @ slopes)
    return out


def _normal_slopes(vertices: Array, faces: NDArray[np.integer], used: NDArray[np.integer]) -> csr_matrix:
    """Derivatives (3 U, 3 V) of the unit normals of the vertices ``used`` (U,) by all coordinates."""
    row_of = np.full(len(vertices), -1)
    row_of[used] = np.arange(len(used))
    near = faces[(row_of[faces] >= 0).any(1)]
    edges = [vertices[near[:, (k + 2) % 3]] - vertices[near[:, (k + 1) % 3]] for k in range(3)]
    sums = np.zeros((len(used), 3))
    area = face_normals(vertices, near)
    for k in range(3):
        mine = row_of[near[:, k]]
        np.add.at(sums, mine[mine >= 0], area[mine >= 0])
    length = np.maximum(np.linalg.norm(sums, axis=1), 1e-15)
    normal = sums / length[:, None]
    rows, columns, values = [], [], []
    axis = np.arange(3)
    for corner in range(3):  # of the face whose vertex gets the normal
        mine = row_of[near[:, corner]]
        at = np.flatnonzero(mine >= 0)
        unit = normal[mine[at]]
        project = (np.eye(3) - unit[:, :, None] * unit[:, None]) / length[mine[at], None, None]
        for mover in range(3):  # the area vector changes by edge × d for a step d of this corner
            slope = project @ _cross(edges[mover][at])
            shape = slope.shape
            rows.append(np.broadcast_to(3 * mine[at, None, None] + axis[:, None], shape).ravel())
            columns.append(np.broadcast_to(3 * near[at, mover, None, None] + axis, shape).ravel())
            values.append(slope.ravel())
    data = np.concatenate(values).astype(np.float32)
    shape2 = (3 * len(used), 3 * len(vertices))
    return coo_matrix((data, (np.concatenate(rows), np.concatenate(columns))), shape=shape2).tocsr()


def _cross(v: Array) -> Array:
    """(N, 3, 3) matrices of the cross product v × ."""
    out = np.zeros((len(v), 3, 3))
    out[:, 0, 1], out[:, 0, 2] = -v[:, 2], v[:, 1]
    out[:, 1, 0], out[:, 1, 2] = v[:, 2], -v[:, 0]
    out[:, 2, 0], out[:, 2, 1] = -v[:, 1], v[:, 0]
    return out
