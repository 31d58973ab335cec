"""The pixel shader: colour of every pixel of a rasterised scene, in linear light."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter

from facekit.raster.fragments import Fragments
from facekit.records import FloatArray, IntArray
from facekit.synthetic.light import Lamps
from facekit.synthetic.noise import SIDE
from facekit.synthetic.scene import Scene

# by material: highlight strength, exponent, bump amplitude, bumps per mm   (skin eye mouth teeth hair cloth
# lens frame fabric)
SHINE = np.array([1.0, 0.0, 0.30, 0.35, 0.16, 0.02, 0.9, 0.30, 0.02], np.float32)
EXPONENT = np.array([0.0, 300.0, 60.0, 60.0, 18.0, 8.0, 220.0, 60.0, 8.0], np.float32)
BUMP = np.array([0.055, 0.0, 0.15, 0.03, 0.55, 0.12, 0.0, 0.02, 0.12], np.float32)
PITCH = np.array([0.75, 1.0, 0.3, 0.4, 1.0, 1.1, 1.0, 0.3, 1.2], np.float32)
OFFSET = 0.0035  # m along the normal at which the shadow map is read, against self-shadowing
SPECKLE = np.array([0.0, 0.0, 0.0, 0.0, 0.30, 0.10, 0.0, 0.03, 0.06], np.float32)


@cache
def bump_volume() -> FloatArray:
    """(64, 64, 64, 4) float32 periodic noise: three for the normal, one for the colour."""
    white = np.random.default_rng(7).standard_normal((SIDE, SIDE, SIDE, 4))
    smooth = gaussian_filter(white, (0.8, 0.8, 0.8, 0.0), mode="wrap")
    return (smooth / smooth.std()).astype(np.float32)


@njit(cache=True, fastmath=True)
def _noise(volume: FloatArray, x: float, y: float, z: float, out: FloatArray) -> None:
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    x, y, z = x - fx, y - fy, z - fz
    a, b, c = int(fx) & 63, int(fy) & 63, int(fz) & 63
    a1, b1, c1 = (a + 1) & 63, (b + 1) & 63, (c + 1) & 63
    for k in range(4):
        low = (volume[a, b, c, k] * (1 - z) + volume[a, b, c1, k] * z) * (1 - y)
        low += (volume[a, b1, c, k] * (1 - z) + volume[a, b1, c1, k] * z) * y
        high = (volume[a1, b, c, k] * (1 - z) + volume[a1, b, c1, k] * z) * (1 - y)
        high += (volume[a1, b1, c, k] * (1 - z) + volume[a1, b1, c1, k] * z) * y
        out[k] = low * (1 - x) + high * x


@njit(cache=True, fastmath=True)
def _texel(texture: FloatArray, u: float, v: float, out: FloatArray) -> None:
    size = texture.shape[0]
    x, y = u * size - 0.5, (1 - v) * size - 0.5
    c, r = int(np.floor(x)), int(np.floor(y))
    x, y = x - c, y - r
    c0, c1 = min(max(c, 0), size - 1), min(max(c + 1, 0), size - 1)
    r0, r1 = min(max(r, 0), size - 1), min(max(r + 1, 0), size - 1)
    for k in range(3):
        top = texture[r0, c0, k] * (1 - x) + texture[r0, c1, k] * x
        low = texture[r1, c0, k] * (1 - x) + texture[r1, c1, k] * x
        out[k] = top * (1 - y) + low * y


@njit(cache=True, fastmath=True)
def _lit(shadow: FloatArray, placing: FloatArray, p: FloatArray, n: FloatArray, softness: float) -> float:
    size = shadow.shape[0]
    px, py, pz = p[0] + OFFSET * n[0], p[1] + OFFSET * n[1], p[2] + OFFSET * n[2]
    x = placing[0, 0] * px + placing[0, 1] * py + placing[0, 2] * pz + placing[0, 3]
    y = placing[1, 0] * px + placing[1, 1] * py + placing[1, 2] * pz + placing[1, 3]
    z = placing[2, 0] * px + placing[2, 1] * py + placing[2, 2] * pz - 0.002
    corners = 0
    for j in (-2, 2):
        for i in (-2, 2):
            c, r = int(x + i * softness), int(y + j * softness)
            if c < 0 or r < 0 or c >= size or r >= size or z <= shadow[r, c]:
                corners += 1
    if corners == 4:  # wholly lit, as most pixels are
        return 1.0
    free = 0.0
    for j in range(-2, 3):
        for i in range(-2, 3):
            c, r = int(x + i * softness), int(y + j * softness)
            if c < 0 or r < 0 or c >= size or r >= size or z <= shadow[r, c]:
                free += 1.0
    return free / 25.0


@njit(cache=True, fastmath=True)
def _pattern(kind: int, x: float, y: float) -> float:
    u, v = x - np.floor(x) - 0.5, y - np.floor(y) - 0.5
    if kind == 1:  # dots
        return 0.45 if u * u + v * v < 0.08 else 1.0
    if kind == 2:  # stripes
        return 0.55 if v > 0 else 1.0
    return 0.6 if (u > 0) != (v > 0) else 1.0  # checks


@njit(cache=True, fastmath=True)
def _shade(
    found: IntArray,
    bary: FloatArray,
    faces: IntArray,
    material: IntArray,
    corners: FloatArray,
    vertex: tuple[FloatArray, ...],
    texture: FloatArray,
    tables: tuple[FloatArray, ...],
    shadow: FloatArray,
    placing: FloatArray,
    lamp: FloatArray,
    settings: FloatArray,
    volume: FloatArray,
    image: FloatArray,
) -> None:
    position, normals, coords, colours, tangents, occlusion = vertex
    shine_of, exponent_of, bump_of, pitch_of, speckle_of = tables
    softness, gloss, skin_shine = settings[0], settings[1], settings[2]
    p, n, q, a = (
        np.zeros(3, np.float32),
        np.zeros(3, np.float32),
        np.zeros(3, np.float32),
        np.zeros(3, np.float32),
    )
    t, noise, texel = np.zeros(3, np.float32), np.zeros(4, np.float32), np.zeros(3, np.float32)
    for row in range(found.shape[0]):
        for col in range(found.shape[1]):
            f = found[row, col]
            if f < 0:
                continue
            m = material[f]
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            wi, wj, wk = bary[row, col, 0], bary[row, col, 1], bary[row, col, 2]
            for c in range(3):
                p[c] = wi * position[i, c] + wj * position[j, c] + wk * position[k, c]
                n[c] = wi * normals[i, c] + wj * normals[j, c] + wk * normals[k, c]
                q[c] = wi * coords[i, c] + wj * coords[j, c] + wk * coords[k, c]
                a[c] = wi * colours[i, c] + wj * colours[j, c] + wk * colours[k, c]
            free = wi * occlusion[i] + wj * occlusion[j] + wk * occlusion[k]
            if corners[f, 0, 0] >= 0:
                u = wi * corners[f, 0, 0] + wj * corners[f, 1, 0] + wk * corners[f, 2, 0]
                v = wi * corners[f, 0, 1] + wj * corners[f, 1, 1] + wk * corners[f, 2, 1]
                _texel(texture, u, v, texel)
                for c in range(3):
                    a[c] = texel[c]
            neckline = (
                settings[3] - settings[4] * np.exp(-((q[0] / settings[5]) ** 2)) + settings[6] * abs(q[0])
            )
            if m == 0 and q[1] < neckline:
                m = 5
                for c in range(3):
                    a[c] = lamp[6, c]
            if m == 8 and settings[9] > 0:
                fade = _pattern(int(settings[9]), q[0] / settings[10], q[1] / settings[10])
                for c in range(3):
                    a[c] *= fade
            if bump_of[m] > 0 or speckle_of[m] > 0:
                s = pitch_of[m]
                _noise(volume, q[0] * s, q[1] * s, q[2] * s, noise)
                for c in range(3):
                    n[c] += bump_of[m] * noise[c]
                    a[c] *= max(0.2, 1 + speckle_of[m] * noise[3])
            length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + 1e-12
            vx, vy, vz = lamp[5, 0] - p[0], lamp[5, 1] - p[1], lamp[5, 2] - p[2]
            away = np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx / away, vy / away, vz / away
            for c in range(3):
                n[c] /= length
            facing = n[0] * vx + n[1] * vy + n[2] * vz
            if facing < 0 and m != 2:
                facing = -facing * 0.2
            key = n[0] * lamp[0, 0] + n[1] * lamp[0, 1] + n[2] * lamp[0, 2]
            fill = max(0.0, n[0] * lamp[2, 0] + n[1] * lamp[2, 1] + n[2] * lamp[2, 2])
            up = 0.5 + 0.5 * (n[0] * lamp[4, 0] + n[1] * lamp[4, 1] + n[2] * lamp[4, 2])
            lit = _lit(shadow, placing, p, n, softness) if key > -0.2 else 0.0
            hx, hy, hz = vx + lamp[0, 0], vy + lamp[0, 1], vz + lamp[0, 2]
            h = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
            fresnel = 0.04 + 0.96 * (1 - min(1.0, (vx * hx + vy * hy + vz * hz) / h)) ** 5
            rim = 0.25 + 0.75 * (1 - min(1.0, max(0.0, facing))) ** 3
            if m == 4:
                for c in range(3):
                    t[c] = wi * tangents[i, c] + wj * tangents[j, c] + wk * tangents[k, c]
                    t[c] += 0.10 * noise[c]
                size = np.sqrt(t[0] * t[0] + t[1] * t[1] + t[2] * t[2]) + 1e-9
                th = (t[0] * hx + t[1] * hy + t[2] * hz) / (h * size)
                spec = max(0.0, 1 - th * th) ** (0.5 * exponent_of[m]) * max(0.05, 0.5 + 0.5 * noise[3])
                strength = shine_of[m] * (0.25 + 2.0 * (a[0] + a[1] + a[2]) / 3)
            else:
                exponent = gloss if m == 0 else exponent_of[m]
                nh = max(0.0, (n[0] * hx + n[1] * hy + n[2] * hz) / h)
                spec = nh**exponent * (exponent + 8) / 25.0
                strength = shine_of[m] * (skin_shine * fresnel * 10 if m == 0 else 1.0)
            wrap = 0.0 if m != 0 else 0.08
            for c in range(3):
                soft = max(0.0, (key + wrap * (1.0 if c == 0 else 0.3)) / (1 + wrap))
                ambient = (lamp[7, c] * up + lamp[8, c] * (1 - up)) * free
                light = ambient + lamp[1, c] * soft * lit + lamp[3, c] * fill * (0.4 + 0.6 * free)
                extra = strength * spec * max(0.0, min(1.0, 4 * key)) * lit * lamp[1, c]
                if m == 0 or m == 6:
                    extra += 0.10 * (rim - 0.25) * ambient
                image[row, col, c] = a[c] * light + extra
            if m == 1:
                # the cornea mirrors the lamp and a window: two small sharp spots, shaded by the lid
                r2 = 2 * (n[0] * vx + n[1] * vy + n[2] * vz)
                rx, ry, rz = r2 * n[0] - vx, r2 * n[1] - vy, r2 * n[2] - vz
                spot = rx * lamp[9, 0] + ry * lamp[9, 1] + rz * lamp[9, 2]
                glint = min(1.0, max(0.0, (spot - settings[7]) / 0.012))
                for c in range(3):
                    image[row, col, c] += glint * settings[8] * lamp[1, c] * free


def shade_scene(
    scene: Scene,
    fragments: Fragments[FloatArray],
    texture: FloatArray,
    occlusion: FloatArray,
    shadow: tuple[FloatArray, FloatArray],
    lamps: Lamps,
    rotation: FloatArray,
    eye: FloatArray,
    cloth: FloatArray,
    image: FloatArray,
) -> None:
    """Write the colours of all covered pixels into ``image`` (H, W, 3) float32, linear RGB, which holds the
    background.

    rotation (3, 3): head frame to the lamps' frame; eye (3,): the camera's place in the head frame, m; cloth
    (9,): colour, then neckline height, depth, width (mm) and slope, then pattern and pitch (mm) of fabric.
    """
    key, fill = lamps.key @ rotation, lamps.fill @ rotation
    up = np.array([0.0, 1.0, 0.0]) @ rotation
    lamp = np.stack(
        [
            key,
            lamps.key_colour,
            fill,
            lamps.fill_colour,
            up,
            eye,
            cloth[:3],
            lamps.sky,
            lamps.ground,
            _glint_direction(key, np.array([0.0, 0.0, 1.0]) @ rotation),
        ]
    ).astype(np.float32)
    settings = np.array(
        [lamps.softness, lamps.gloss, lamps.shine, *cloth[3:7], 0.978, 1.3, *cloth[7:9]], np.float32
    )
    _shade(
        fragments.pix_to_face[0],
        fragments.bary[0],
        scene.faces,
        scene.material,
        scene.corners,
        (scene.vertices, scene.normals, scene.coords, scene.colour, scene.tangent, occlusion),
        np.ascontiguousarray(texture, np.float32),
        (SHINE, EXPONENT, BUMP, PITCH, SPECKLE),
        shadow[0],
        shadow[1],
        lamp,
        settings,
        bump_volume(),
        image,
    )


def _glint_direction(key: FloatArray, view: FloatArray) -> FloatArray:
    """A lamp far to the side is not mirrored by the part of the eye that shows; the spot is drawn towards
    the camera."""
    mixed = key + 0.9 * view
    return mixed / np.linalg.norm(mixed)
