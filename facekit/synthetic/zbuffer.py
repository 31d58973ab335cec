"""Two small kernels: which triangle of a chart owns a texel, and depth maps for shadows and ambient
occlusion.

They see orthographic geometry only; photos themselves go through facekit.raster.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facekit.records import FloatArray, IntArray


@njit(cache=True)
def _chart(uv: FloatArray, faces: IntArray, owner: IntArray, bary: FloatArray) -> None:
    size = owner.shape[0]
    for f in range(len(faces)):
        ax, ay = uv[faces[f, 0], 0] * size, (1 - uv[faces[f, 0], 1]) * size
        bx, by = uv[faces[f, 1], 0] * size, (1 - uv[faces[f, 1], 1]) * size
        cx, cy = uv[faces[f, 2], 0] * size, (1 - uv[faces[f, 2], 1]) * size
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0.0:
            continue
        for row in range(max(0, int(min(ay, by, cy) - 0.5)), min(size, int(max(ay, by, cy) + 1.5))):
            for col in range(max(0, int(min(ax, bx, cx) - 0.5)), min(size, int(max(ax, bx, cx) + 1.5))):
                x, y = col + 0.5, row + 0.5
                w0 = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                w1 = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                w2 = 1 - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    owner[row, col] = f
                    bary[row, col, 0], bary[row, col, 1], bary[row, col, 2] = w0, w1, w2


def rasterize_chart(uv: FloatArray, faces: IntArray, size: int) -> tuple[IntArray, FloatArray]:
    """Owner triangle (size, size) int32, -1 where none, and barycentrics (size, size, 3) float32 of each
    texel centre.

    uv (T, 2), origin bottom left; row 0 of the result is the top of the UV square.
    """
    owner = np.full((size, size), -1, np.int32)
    bary = np.zeros((size, size, 3), np.float32)
    _chart(np.asarray(uv, np.float64), np.asarray(faces, np.int64), owner, bary)
    return owner, bary


@njit(cache=True, fastmath=True, nogil=True)
def _depth(points: FloatArray, faces: IntArray, depth: FloatArray) -> None:
    height, width = depth.shape
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = points[i, 0], points[i, 1], points[i, 2]
        bx, by, bz = points[j, 0], points[j, 1], points[j, 2]
        cx, cy, cz = points[k, 0], points[k, 1], points[k, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-9:
            continue
        inverse = 1.0 / area
        left, right = max(0, int(min(ax, bx, cx) + 0.5)), min(width, int(max(ax, bx, cx) + 0.5))
        for row in range(max(0, int(min(ay, by, cy) + 0.5)), min(height, int(max(ay, by, cy) + 0.5))):
            y = row + 0.5
            for col in range(left, right):
                x = col + 0.5
                w0 = ((bx - x) * (cy - y) - (cx - x) * (by - y)) * inverse
                w1 = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) * inverse
                w2 = 1 - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    z = w0 * az + w1 * bz + w2 * cz
                    if z < depth[row, col]:
                        depth[row, col] = z


def depth_map(points: FloatArray, faces: IntArray, size: int) -> FloatArray:
    """Smallest z (size, size) float32 over triangles of points (V, 3): x, y in pixels, z along the view; inf
    where none."""
    depth = np.full((size, size), np.inf, np.float32)
    _depth(np.ascontiguousarray(points, np.float32), np.ascontiguousarray(faces, np.int32), depth)
    return depth
