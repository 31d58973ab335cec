"""Light on the texels of a chart, and pictures of a mesh that wears them.

A frame of a capture is lit once, on its texels; each view adds the highlights that it sees. So all views
show the same surface, and what a camera sees of a texel is known even where another part of the face hides
it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facekit.records import BoolArray, ByteArray, FloatArray, IntArray
from facekit.synthetic.bilinear import read_texture

OFFSET, BIAS = 0.003, 0.002  # m, along the normal and in depth, against self-shadowing
WRAP = 0.08  # light seeps round the edge of the shadow, red most
BRIGHTEST = 0.45  # highlight, per unit of light: at grazing angles skin is rough
GRAZING = (0.10, 0.45)  # cosine to the camera at which a texel starts to count and counts in full
BEHIND = 0.004  # m behind the nearest surface at which a texel still counts as that surface


@njit(cache=True, fastmath=True)
def light_texels(
    points: FloatArray,
    normals: FloatArray,
    albedo: FloatArray,
    free: FloatArray,
    lamps: tuple[FloatArray, FloatArray, FloatArray],
    shadow: tuple[FloatArray, FloatArray],
    out: FloatArray,
    lit: FloatArray,
) -> None:
    """Matt light of N texels, and how much of each lamp reaches them.

    points, normals, albedo (N, 3); free (N,) open share of the sky; lamps = directions (L, 3), colours
    (L, 3), sky and ground (2, 3); shadow = depth map of lamp 0 and its placing (3, 4); out (N, 3), lit
    (N, L).
    """
    directions, colours, ambient = lamps
    depth, placing = shadow
    for i in range(len(points)):
        up = 0.5 + 0.5 * normals[i, 1]
        for c in range(3):
            out[i, c] = (ambient[0, c] * up + ambient[1, c] * (1 - up)) * free[i]
        for k in range(len(directions)):
            cosine = 0.0
            for c in range(3):
                cosine += normals[i, c] * directions[k, c]
            reach = 0.35 + 0.65 * free[i]
            if k == 0:
                reach = _reach(points, normals, i, depth, placing) if cosine > -0.2 else 0.0
            lit[i, k] = reach * max(0.0, min(1.0, 4 * cosine))
            for c in range(3):
                soft = max(0.0, (cosine + WRAP * (1.0 if c == 0 else 0.3)) / (1 + WRAP))
                out[i, c] += colours[k, c] * soft * reach
        for c in range(3):
            out[i, c] *= albedo[i, c]


@njit(cache=True, fastmath=True)
def _reach(points: FloatArray, normals: FloatArray, i: int, depth: FloatArray, placing: FloatArray) -> float:
    """Share of the key light that reaches a texel: nine taps into the depth map."""
    size = depth.shape[0]
    x = points[i, 0] + OFFSET * normals[i, 0]
    y = points[i, 1] + OFFSET * normals[i, 1]
    z = points[i, 2] + OFFSET * normals[i, 2]
    u = placing[0, 0] * x + placing[0, 1] * y + placing[0, 2] * z + placing[0, 3]
    v = placing[1, 0] * x + placing[1, 1] * y + placing[1, 2] * z + placing[1, 3]
    w = placing[2, 0] * x + placing[2, 1] * y + placing[2, 2] * z + placing[2, 3] - BIAS
    free = 0.0
    for dr in range(-1, 2):
        for dc in range(-1, 2):
            r, c = int(v + 3.0 * dr), int(u + 3.0 * dc)
            if r < 0 or c < 0 or r >= size or c >= size or w <= depth[r, c]:
                free += 1.0
    return free / 9.0


@njit(cache=True, fastmath=True)
def add_gloss(
    points: FloatArray,
    normals: FloatArray,
    gloss: FloatArray,
    lit: FloatArray,
    lamps: tuple[FloatArray, FloatArray, FloatArray],
    eye: FloatArray,
    out: FloatArray,
) -> None:
    """Add to ``out`` (N, 3) the highlights seen from ``eye`` (3,) m: Blinn-Phong with Schlick's Fresnel term.

    gloss (N, 2): strength and exponent.
    """
    directions, colours, _ = lamps
    for i in range(len(points)):
        strength, exponent = gloss[i, 0], gloss[i, 1]
        if strength <= 0:
            continue
        vx, vy, vz = eye[0] - points[i, 0], eye[1] - points[i, 1], eye[2] - points[i, 2]
        scale = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz)
        vx, vy, vz = vx * scale, vy * scale, vz * scale
        if vx * normals[i, 0] + vy * normals[i, 1] + vz * normals[i, 2] <= 0:
            continue
        for k in range(len(directions)):
            if lit[i, k] <= 0:
                continue
            hx, hy, hz = vx + directions[k, 0], vy + directions[k, 1], vz + directions[k, 2]
            length = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
            cosine = (hx * normals[i, 0] + hy * normals[i, 1] + hz * normals[i, 2]) / length
            if cosine < 0.5:
                continue
            edge = 1.0 - min(1.0, (vx * hx + vy * hy + vz * hz) / length)
            fresnel = 0.04 + 0.96 * edge**5
            lobe = strength * fresnel * cosine**exponent * (exponent + 8) / 2.5
            lobe = min(lobe, BRIGHTEST) * lit[i, k]
            for c in range(3):
                out[i, c] += lobe * colours[k, c]


@njit(cache=True, fastmath=True)
def texel_trust(
    points: FloatArray,
    normals: FloatArray,
    camera: tuple[FloatArray, FloatArray, FloatArray],
    depth: FloatArray,
    factor: float,
    trust: FloatArray,
) -> None:
    """How well a camera sees each texel, 0..1, into ``trust`` (N,).

    camera = K, R, t of the picture; depth (h, w) m of the picture ``factor`` times as large, inf = none.
    """
    K, R, t = camera
    height, width = depth.shape
    for i in range(len(points)):
        trust[i] = 0.0
        x = R[0, 0] * points[i, 0] + R[0, 1] * points[i, 1] + R[0, 2] * points[i, 2] + t[0]
        y = R[1, 0] * points[i, 0] + R[1, 1] * points[i, 1] + R[1, 2] * points[i, 2] + t[1]
        z = R[2, 0] * points[i, 0] + R[2, 1] * points[i, 1] + R[2, 2] * points[i, 2] + t[2]
        if z <= 0:
            continue
        col = int(np.floor((K[0, 0] * x / z + K[0, 2]) * factor))
        row = int(np.floor((K[1, 1] * y / z + K[1, 2]) * factor))
        if row < 0 or col < 0 or row >= height or col >= width or z > depth[row, col] + BEHIND:
            continue
        nx = R[0, 0] * normals[i, 0] + R[0, 1] * normals[i, 1] + R[0, 2] * normals[i, 2]
        ny = R[1, 0] * normals[i, 0] + R[1, 1] * normals[i, 1] + R[1, 2] * normals[i, 2]
        nz = R[2, 0] * normals[i, 0] + R[2, 1] * normals[i, 1] + R[2, 2] * normals[i, 2]
        cosine = -(nx * x + ny * y + nz * z) / np.sqrt(x * x + y * y + z * z)
        s = min(1.0, max(0.0, (cosine - GRAZING[0]) / (GRAZING[1] - GRAZING[0])))
        trust[i] = s * s * (3 - 2 * s)


@njit(cache=True, fastmath=True)
def paint_view(
    found: IntArray,
    bary: FloatArray,
    corners: FloatArray,
    texture: FloatArray,
    image: FloatArray,
    mask: BoolArray,
) -> None:
    """Draw a mesh that wears a texture: each pixel of ``image`` (H, W, 3) is the mean of its samples.

    found (fH, fW) face or -1, bary (fH, fW, 3); corners (F, 3, 2) UV; texture (T, T, 3); ``image`` holds the
    background; mask (H, W) becomes true where all samples show the mesh.
    """
    height, width = mask.shape
    factor = found.shape[0] // height
    share = 1.0 / (factor * factor)
    total = np.zeros(3)
    for row in range(height):
        for col in range(width):
            hits = 0
            total[:] = 0
            for j in range(factor * row, factor * row + factor):
                for i in range(factor * col, factor * col + factor):
                    f = found[j, i]
                    if f < 0:
                        continue
                    hits += 1
                    u, v = 0.0, 0.0
                    for k in range(3):
                        u += bary[j, i, k] * corners[f, k, 0]
                        v += bary[j, i, k] * corners[f, k, 1]
                    red, green, blue = read_texture(texture, u, v)
                    total[0] += red
                    total[1] += green
                    total[2] += blue
            for k in range(3):
                image[row, col, k] = total[k] * share + image[row, col, k] * (1 - hits * share)
            mask[row, col] = hits == factor * factor


def to_bytes(linear: FloatArray, gain: FloatArray | float = 1.0, bias: FloatArray | float = 0.0) -> ByteArray:
    """sRGB bytes of linear light (..., 3), with a camera's gain and bias on the encoded values 0..1."""
    light = _shoulder(np.maximum(linear, 0.0))
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.clip(np.rint((encoded * gain + bias) * 255), 0, 255).astype(np.uint8)


def _shoulder(light: FloatArray) -> FloatArray:
    """Film-like roll-off above 0.7, so that highlights do not clip hard."""
    over = np.maximum(light - 0.7, 0.0)
    return np.asarray(np.minimum(light, 0.7) + 0.3 * over / (0.3 + over), np.float32)
