"""The numba z-buffer: kernels for one band of rows of one image. They hold no Python lock, so threads share the work.

Rules, all independent of the number of threads:
  a pixel is sampled at its centre (column + 0.5, row + 0.5);
  edges belong to the triangle, so that a mirrored mesh covers the mirrored pixels;
  the nearest triangle wins, among equals the one with the lower index;
  depth is perspective: 1 / depth is linear in the picture, and so are barycentric / depth;
  a triangle is skipped whole when a vertex is at or before the near plane, or when its picture has no area.
Inside, everything is float64: with float32 input the edge tests have no rounding error that could open a seam.
"""

from __future__ import annotations

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
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ay, by, cy = np.float64(screen[a, 1]), np.float64(screen[b, 1]), np.float64(screen[c, 1])
        y_low, y_high = min(ay, by, cy), max(ay, by, cy)
        if not (y_high >= top + 0.5 and y_low <= bottom - 0.5):  # also drops NaN
            continue
        ax, bx, cx = np.float64(screen[a, 0]), np.float64(screen[b, 0]), np.float64(screen[c, 0])
        x_low, x_high = min(ax, bx, cx), max(ax, bx, cx)
        if not (x_high >= 0.5 and x_low <= width - 0.5):
            continue
        az, bz, cz = np.float64(screen[a, 2]), np.float64(screen[b, 2]), np.float64(screen[c, 2])
        if not (az > near and bz > near and cz > near):
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not (MIN_AREA < abs(area) < np.inf) or area * cull > 0:
            continue
        x0 = int(np.ceil(max(x_low, 0.5) - 0.5))
        x1 = int(np.floor(min(x_high, width - 0.5) - 0.5)) + 1
        y0 = int(np.ceil(max(y_low, top + 0.5) - 0.5))
        y1 = int(np.floor(min(y_high, bottom - 0.5) - 0.5)) + 1
        sign = 1.0 if area > 0 else -1.0
        scale = 1.0 / abs(area)
        step0, step1, step2 = sign * (by - cy), sign * (cy - ay), sign * (ay - by)
        down0, down1, down2 = sign * (cx - bx), sign * (ax - cx), sign * (bx - ax)
        q0, q1, q2 = scale / az, scale / bz, scale / cz
        step_q = step0 * q0 + step1 * q1 + step2 * q2
        px = x0 + 0.5
        for y in range(y0, y1):
            py = y + 0.5
            row0 = down0 * (py - by) + step0 * (px - bx)
            row1 = down1 * (py - cy) + step1 * (px - cx)
            row2 = down2 * (py - ay) + step2 * (px - ax)
            row_q = row0 * q0 + row1 * q1 + row2 * q2
            for i in range(x1 - x0):
                inside = (row0 + i * step0 >= 0.0) & (row1 + i * step1 >= 0.0) & (row2 + i * step2 >= 0.0)
                if inside:
                    q = row_q + i * step_q
                    x = x0 + i
                    if q > inverse_depth[y, x]:
                        inverse_depth[y, x] = q
                        pix_to_face[y, x] = f


@njit(cache=True, nogil=True, error_model="numpy")
def resolve_band(
    screen: FloatArray,
    faces: IntArray,
    rows: tuple[int, int],
    pix_to_face: IntArray,
    bary: FloatArray,
    depth: FloatArray,
) -> None:
    """Perspective-correct barycentrics (H, W, 3) and depth (H, W) of the faces found; 0 and inf where there is none."""
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                bary[y, x, 0] = bary[y, x, 1] = bary[y, x, 2] = 0.0
                depth[y, x] = np.inf
                continue
            w0, w1, w2, z = _weights(screen, faces, f, x + 0.5, y + 0.5)
            bary[y, x, 0], bary[y, x, 1], bary[y, x, 2], depth[y, x] = w0, w1, w2, z


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _weights(
    screen: FloatArray, faces: IntArray, f: int, px: float, py: float
) -> tuple[float, float, float, float]:
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    ax, ay, az = np.float64(screen[a, 0]) - px, np.float64(screen[a, 1]) - py, np.float64(screen[a, 2])
    bx, by, bz = np.float64(screen[b, 0]) - px, np.float64(screen[b, 1]) - py, np.float64(screen[b, 2])
    cx, cy, cz = np.float64(screen[c, 0]) - px, np.float64(screen[c, 1]) - py, np.float64(screen[c, 2])
    e0, e1, e2 = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
    s0, s1, s2 = e0 / az, e1 / bz, e2 / cz
    total = s0 + s1 + s2
    return s0 / total, s1 / total, s2 / total, (e0 + e1 + e2) / total


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

    Moving vertex k by d moves the picture of the triangle by b_k d under the pixel, b the barycentrics in the picture:
    dw_j/dv_k = -b_k grad w_j, with w_j = b_j z / z_j, 1/z = sum b_j / z_j, so that
    grad w_j = z (grad b_j / z_j - w_j sum_i grad b_i / z_i), and dw_j/dz_k = -(w_k / z_k) (delta_jk - w_j).
    """
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                continue
            g0, g1, g2 = (
                np.float64(grad_bary[y, x, 0]),
                np.float64(grad_bary[y, x, 1]),
                np.float64(grad_bary[y, x, 2]),
            )
            gz = np.float64(grad_depth[y, x])
            if g0 == 0.0 and g1 == 0.0 and g2 == 0.0 and gz == 0.0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2, z = _weights(screen, faces, f, x + 0.5, y + 0.5)
            ax, ay, az = np.float64(screen[a, 0]), np.float64(screen[a, 1]), np.float64(screen[a, 2])
            bx, by, bz = np.float64(screen[b, 0]), np.float64(screen[b, 1]), np.float64(screen[b, 2])
            cx, cy, cz = np.float64(screen[c, 0]), np.float64(screen[c, 1]), np.float64(screen[c, 2])
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            mean = g0 * w0 + g1 * w1 + g2 * w2
            along = mean + gz * z
            # sum_j g_j grad w_j + gz grad z = z sum_j h_j grad b_j, h_j = (g_j - mean - gz z) / z_j
            h0, h1, h2 = (g0 - along) / az, (g1 - along) / bz, (g2 - along) / cz
            gx = z * (h0 * (by - cy) + h1 * (cy - ay) + h2 * (ay - by)) / area
            gy = z * (h0 * (cx - bx) + h1 * (ax - cx) + h2 * (bx - ax)) / area
            b0, b1, b2 = w0 * az / z, w1 * bz / z, w2 * cz / z
            grad_screen[a, 0] -= b0 * gx
            grad_screen[a, 1] -= b0 * gy
            grad_screen[a, 2] -= w0 * h0
            grad_screen[b, 0] -= b1 * gx
            grad_screen[b, 1] -= b1 * gy
            grad_screen[b, 2] -= w1 * h1
            grad_screen[c, 0] -= b2 * gx
            grad_screen[c, 1] -= b2 * gy
            grad_screen[c, 2] -= w2 * h2


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
    channels = attributes.shape[1]
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                out[y, x] = 0.0
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2 = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            for k in range(channels):
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
    channels = attributes.shape[1]
    for y in range(rows[0], rows[1]):
        for x in range(pix_to_face.shape[1]):
            f = pix_to_face[y, x]
            if f < 0:
                grad_bary[y, x, 0] = grad_bary[y, x, 1] = grad_bary[y, x, 2] = 0.0
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2 = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            g0, g1, g2 = 0.0, 0.0, 0.0
            for k in range(channels):
                g = grad_out[y, x, k]
                g0 += g * attributes[a, k]
                g1 += g * attributes[b, k]
                g2 += g * attributes[c, k]
                grad_attributes[a, k] += w0 * g
                grad_attributes[b, k] += w1 * g
                grad_attributes[c, k] += w2 * g
            grad_bary[y, x, 0], grad_bary[y, x, 1], grad_bary[y, x, 2] = g0, g1, g2
