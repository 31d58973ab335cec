"""Kernels for vertex normals and their gradient: one pass over the faces, so the order of sums is fixed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from facekit.geometry.arrays import layout
from facekit.records import FloatArray, IntArray


def normals_numpy(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Unit normals (..., V, 3), of the dtype of ``vertices`` (float32 unless float64)."""
    dtype = np.float64 if vertices.dtype == np.float64 else np.float32
    flat = layout(vertices, dtype).reshape(-1, *vertices.shape[-2:])
    index = layout(faces, np.int32)
    normals = np.zeros_like(flat)
    lengths = np.zeros(flat.shape[:2])
    for k in range(len(flat)):
        normals_forward(flat[k], index, normals[k], lengths[k])
    return normals.reshape(vertices.shape)


@njit(cache=True, nogil=True, error_model="numpy")
def normals_forward(vertices: FloatArray, faces: IntArray, normals: FloatArray, lengths: FloatArray) -> None:
    """Write unit normals (V, 3) and the lengths (V,) they had as sums of area-weighted face normals."""
    sums = np.zeros((vertices.shape[0], 3))
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = _difference(vertices, b, a)
        vx, vy, vz = _difference(vertices, c, a)
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            sums[k, 0] += nx
            sums[k, 1] += ny
            sums[k, 2] += nz
    for i in range(vertices.shape[0]):
        length = np.sqrt(sums[i, 0] ** 2 + sums[i, 1] ** 2 + sums[i, 2] ** 2)
        lengths[i] = length
        scale = 1.0 / length if length > 0.0 else 0.0
        for k in range(3):
            normals[i, k] = sums[i, k] * scale


@njit(cache=True, nogil=True, error_model="numpy")
def normals_backward(
    vertices: FloatArray,
    faces: IntArray,
    normals: FloatArray,
    lengths: FloatArray,
    grad: FloatArray,
    out: FloatArray,
) -> None:
    """Add d loss / d vertices (V, 3) float64 to ``out``, given ``grad`` = d loss / d normals.

    With n = s / |s|: d loss / d s = (g - n (n.g)) / |s|; a face's cross product (b - a) x (c - a) is in
    three sums.
    """
    pull = np.zeros((vertices.shape[0], 3))
    for i in range(vertices.shape[0]):
        if lengths[i] > 0.0:
            along = 0.0
            for k in range(3):
                along += np.float64(normals[i, k]) * grad[i, k]
            for k in range(3):
                pull[i, k] = (grad[i, k] - normals[i, k] * along) / lengths[i]
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        gx = pull[a, 0] + pull[b, 0] + pull[c, 0]
        gy = pull[a, 1] + pull[b, 1] + pull[c, 1]
        gz = pull[a, 2] + pull[b, 2] + pull[c, 2]
        for i, j, k in ((a, b, c), (b, c, a), (c, a, b)):  # d/d vertex i of g . cross = (j - k) x g
            ex, ey, ez = _difference(vertices, j, k)
            out[i, 0] += ey * gz - ez * gy
            out[i, 1] += ez * gx - ex * gz
            out[i, 2] += ex * gy - ey * gx


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _difference(vertices: FloatArray, i: int, j: int) -> Any:
    return (
        np.float64(vertices[i, 0]) - np.float64(vertices[j, 0]),
        np.float64(vertices[i, 1]) - np.float64(vertices[j, 1]),
        np.float64(vertices[i, 2]) - np.float64(vertices[j, 2]),
    )
