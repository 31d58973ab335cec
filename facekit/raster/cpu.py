"""The numba z-buffer: kernels for a band of rows of one image, free of the Python lock.

Rules, all independent of the number of threads:
  a pixel is sampled at its centre (column + 0.5, row + 0.5);
  edges belong to the triangle, so that a mirrored mesh covers the mirrored pixels;
  the nearest triangle wins, among equals the one with the lower index;
  depth is perspective: 1 / depth is linear in the picture, and so are barycentric / depth;
  a triangle is skipped whole when a vertex is at or before the near plane, or its picture has no area.
Inside, everything is float64: with float32 input no rounding of the edge tests opens a seam.

Letters: a, b, c corners; px, py pixel centre; e edge functions; w barycentrics; q 1 / depth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from facekit.records import FloatArray, IntArray

MIN_AREA = 1e-9  # px^2, twice the area of the smallest triangle drawn


@njit(cache=True, nogil=True, error_model="numpy")
def scan_band(
    screen: FloatArray,
    faces: IntArray,
    near: float,
    cull: int,
    rows: tuple[int, int],
    pix_to_face: IntArray,
    inverse_depth: FloatArray,
) -> None:
    """Find the nearest face of each pixel in ``rows`` of one image.

    screen (V, 3) px, px, m; faces (F, 3) int32; outputs (H, W), of which ``rows`` are overwritten.
    """
    top, bottom = rows
    width = pix_to_face.shape[1]
    pix_to_face[top:bottom] = -1
    inverse_depth[top:bottom] = 0.0
    for f in range(faces.shape[0]):
        ax, ay, az = _corner(screen, faces[f, 0])
        bx, by, bz = _corner(screen, faces[f, 1])
        cx, cy, cz = _corner(screen, faces[f, 2])
        y_low, y_high = min(ay, by, cy), max(ay, by, cy)
        x_low, x_high = min(ax, bx, cx), max(ax, bx, cx)
        if not (y_high >= top + 0.5 and y_low <= bottom - 0.5):  # "not" drops NaN too
            continue
        if not (x_high >= 0.5 and x_low <= width - 0.5 and min(az, bz, cz) > near):
            continue
        x0, x1 = int(np.ceil(max(x_low, 0.5) - 0.5)), int(np.floor(min(x_high, width - 0.5) - 0.5))
        y0, y1 = int(np.ceil(max(y_low, top + 0.5) - 0.5)), int(np.floor(min(y_high, bottom - 0.5) - 0.5))
        if x1 < x0 or y1 < y0:
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not (MIN_AREA < abs(area) < np.inf) or area * cull > 0:
            continue
        sign, scale = (1.0 if area > 0 else -1.0), 1.0 / abs(area)
        dx0, dx1, dx2 = sign * (by - cy), sign * (cy - ay), sign * (ay - by)  # of the edge functions
        dy0, dy1, dy2 = sign * (cx - bx), sign * (ax - cx), sign * (bx - ax)
        q0, q1, q2 = scale / az, scale / bz, scale / cz
        dq = dx0 * q0 + dx1 * q1 + dx2 * q2
        px = x0 + 0.5
        for y in range(y0, y1 + 1):
            py = y + 0.5
            e0 = dy0 * (py - by) + dx0 * (px - bx)
            e1 = dy1 * (py - cy) + dx1 * (px - cx)
            e2 = dy2 * (py - ay) + dx2 * (px - ax)
            q_left = e0 * q0 + e1 * q1 + e2 * q2
            for i in range(x1 - x0 + 1):
                q = q_left + i * dq
                inside = min(e0 + i * dx0, e1 + i * dx1, e2 + i * dx2) >= 0.0
                if inside & (q > inverse_depth[y, x0 + i]):  # one branch: its outcome is hard to predict
                    inverse_depth[y, x0 + i] = q
                    pix_to_face[y, x0 + i] = f


@njit(cache=True, nogil=True, error_model="numpy")
def resolve_band(
    screen: FloatArray,
    faces: IntArray,
    rows: tuple[int, int],
    pix_to_face: IntArray,
    bary: FloatArray,
    depth: FloatArray,
) -> None:
    """Perspective-correct barycentrics (H, W, 3) and depth (H, W) of the faces found; 0 and inf elsewhere."""
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                bary[y, x, 0] = bary[y, x, 1] = bary[y, x, 2] = 0.0
                depth[y, x] = np.inf
            else:
                w0, w1, w2, z = _weights(screen, faces, f, x + 0.5, y + 0.5)
                bary[y, x, 0], bary[y, x, 1], bary[y, x, 2], depth[y, x] = w0, w1, w2, z


@njit(cache=True, nogil=True, error_model="numpy")
def backward_band(
    screen: FloatArray,
    faces: IntArray,
    rows: tuple[int, int],
    pix_to_face: IntArray,
    grad_bary: FloatArray,
    grad_depth: FloatArray,
    grad_screen: FloatArray,
) -> None:
    """Add this band's part of d loss / d screen to ``grad_screen`` (V, 3) float64, at fixed visibility.

    With b the barycentrics in the picture, w_j = b_j z / z_j and 1 / z = sum_j b_j / z_j. Moving vertex k
    by d moves the triangle's picture by b_k d under the pixel, so that
      dw_j / dv_k = -b_k grad w_j,  grad w_j = z (grad b_j / z_j - w_j sum_i grad b_i / z_i),
      dw_j / dz_k = -(w_k / z_k) (delta_jk - w_j),  dz / dz_k = w_k z / z_k.
    Summed over j, with h_j = (g_j - sum_i g_i w_i - g_z z) / z_j: -b_k z sum_j h_j grad b_j and -w_k h_k.
    """
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                continue
            g0, g1, g2 = grad_bary[y, x, 0], grad_bary[y, x, 1], grad_bary[y, x, 2]
            gz = grad_depth[y, x]
            if g0 == 0.0 and g1 == 0.0 and g2 == 0.0 and gz == 0.0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2, z = _weights(screen, faces, f, x + 0.5, y + 0.5)
            ax, ay, az = _corner(screen, a)
            bx, by, bz = _corner(screen, b)
            cx, cy, cz = _corner(screen, c)
            along = g0 * w0 + g1 * w1 + g2 * w2 + gz * z
            h0, h1, h2 = (g0 - along) / az, (g1 - along) / bz, (g2 - along) / cz
            scale = 1.0 / ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
            gx = scale * (h0 * (by - cy) + h1 * (cy - ay) + h2 * (ay - by))
            gy = scale * (h0 * (cx - bx) + h1 * (ax - cx) + h2 * (bx - ax))
            _subtract(grad_screen, a, w0 * az * gx, w0 * az * gy, w0 * h0)  # b_k z = w_k z_k
            _subtract(grad_screen, b, w1 * bz * gx, w1 * bz * gy, w1 * h1)
            _subtract(grad_screen, c, w2 * cz * gx, w2 * cz * gy, w2 * h2)


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate_band(
    attributes: FloatArray,
    faces: IntArray,
    rows: tuple[int, int],
    pix_to_face: IntArray,
    bary: FloatArray,
    out: FloatArray,
) -> None:
    """out (H, W, C) = sum_k bary_k attributes[vertex k]; 0 where there is no face."""
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                out[y, x] = 0.0
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2 = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            for k in range(attributes.shape[1]):
                out[y, x, k] = w0 * attributes[a, k] + w1 * attributes[b, k] + w2 * attributes[c, k]


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate_backward_band(
    attributes: FloatArray,
    faces: IntArray,
    rows: tuple[int, int],
    pix_to_face: IntArray,
    bary: FloatArray,
    grad_out: FloatArray,
    grad_bary: FloatArray,
    grad_attributes: FloatArray,
) -> None:
    """Write d loss / d bary (H, W, 3) and add to d loss / d attributes (V, C) float64."""
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2 = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            g0, g1, g2 = 0.0, 0.0, 0.0
            for k in range(attributes.shape[1]):
                g = grad_out[y, x, k]
                g0 += g * attributes[a, k]
                g1 += g * attributes[b, k]
                g2 += g * attributes[c, k]
                grad_attributes[a, k] += w0 * g
                grad_attributes[b, k] += w1 * g
                grad_attributes[c, k] += w2 * g
            grad_bary[y, x, 0], grad_bary[y, x, 1], grad_bary[y, x, 2] = g0, g1, g2


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _corner(screen: FloatArray, k: int) -> Any:
    """px, py, depth of vertex k as float64."""
    return np.float64(screen[k, 0]), np.float64(screen[k, 1]), np.float64(screen[k, 2])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _subtract(total: FloatArray, k: int, x: float, y: float, z: float) -> None:
    total[k, 0] -= x
    total[k, 1] -= y
    total[k, 2] -= z


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _weights(screen: FloatArray, faces: IntArray, f: int, px: float, py: float) -> Any:
    """Perspective-correct barycentrics and depth of face f at a pixel, w0, w1, w2, z in float64."""
    ax, ay, az = _corner(screen, faces[f, 0])
    bx, by, bz = _corner(screen, faces[f, 1])
    cx, cy, cz = _corner(screen, faces[f, 2])
    e0 = (bx - px) * (cy - py) - (by - py) * (cx - px)
    e1 = (cx - px) * (ay - py) - (cy - py) * (ax - px)
    e2 = (ax - px) * (by - py) - (ay - py) * (bx - px)
    s0, s1, s2 = e0 / az, e1 / bz, e2 / cz
    scale = 1.0 / (s0 + s1 + s2)
    return s0 * scale, s1 * scale, s2 * scale, (e0 + e1 + e2) * scale
