"""The pixel shader's kernels: colour of every pixel of a rasterised scene, in linear light.

A point on a surface is a row of 16 numbers in the columns below: position, normal, noise coordinates,
colour, hair direction, ambient occlusion.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facekit.records import FloatArray, IntArray
from facekit.synthetic.bilinear import read_texture

P, N, Q, A, T, FREE = 0, 3, 6, 9, 12, 15  # columns of a point
VIEW, HALF = 16, 19  # and of what is worked out for it: directions to the camera and half-way to the lamp
KEY, KEY_COLOUR, FILL, FILL_COLOUR, UP, EYE, CLOTH, SKY, GROUND, WINDOW = range(10)  # rows of ``lamp``
SOFTNESS, GLOSS, SHEEN, LINE, DIP, DIP_WIDTH, SLOPE, PATTERN, PITCH_MM = range(9)  # of ``settings``
SKIN, BALL, MOUTH, TEETH, HAIR, WEAVE, LENS, FRAME, FABRIC = range(9)  # as scene.MATERIALS

# by material: highlight strength, exponent, bump amplitude, bumps per mm, speckle of the colour
SHINE = np.array([1.0, 0.0, 0.30, 0.35, 0.16, 0.02, 0.9, 0.30, 0.02], np.float32)
EXPONENT = np.array([0.0, 300.0, 60.0, 60.0, 18.0, 8.0, 220.0, 60.0, 8.0], np.float32)
BUMP = np.array([0.055, 0.0, 0.15, 0.03, 0.55, 0.12, 0.0, 0.02, 0.12], np.float32)
PITCH = np.array([0.75, 1.0, 0.3, 0.4, 1.0, 1.1, 1.0, 0.3, 1.2], np.float32)
SPECKLE = np.array([0.0, 0.0, 0.0, 0.0, 0.30, 0.10, 0.0, 0.03, 0.06], np.float32)
OFFSET = 0.0035  # m along the normal at which the shadow map is read, against self-shadowing
GLINT_EDGE, GLINT_WIDTH, GLINT = 0.978, 0.012, 1.3  # of the highlight on the eye: cosine, its fall, strength


@njit(cache=True, fastmath=True)
def shade_pixels(
    found: IntArray,
    bary: FloatArray,
    mesh: tuple[IntArray, IntArray, FloatArray],
    attributes: FloatArray,
    maps: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    lamp: FloatArray,
    settings: FloatArray,
    image: FloatArray,
) -> None:
    """Write the colour of each covered pixel.

    found (H, W) face or -1; bary (H, W, 3); mesh = faces (F, 3), material (F,), corners (F, 3, 2); attributes
    (V, 16); maps = texture (T, T, 3), shadow map (S, S), its placing (3, 4), bump volume (64, 64, 64, 4);
    lamp (10, 3); settings (9,); image (H, W, 3), overwritten where covered.
    """
    faces, material, corners = mesh
    texture, shadow, placing, volume = maps
    x, noise = np.zeros(22, np.float32), np.zeros(4, np.float32)
    pixel = np.zeros(3, np.float32)
    for row in range(found.shape[0]):
        for col in range(found.shape[1]):
            f = found[row, col]
            if f < 0:
                continue
            wi, wj, wk = bary[row, col, 0], bary[row, col, 1], bary[row, col, 2]
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            for c in range(16):
                x[c] = wi * attributes[i, c] + wj * attributes[j, c] + wk * attributes[k, c]
            if corners[f, 0, 0] >= 0:
                u = wi * corners[f, 0, 0] + wj * corners[f, 1, 0] + wk * corners[f, 2, 0]
                v = wi * corners[f, 0, 1] + wj * corners[f, 1, 1] + wk * corners[f, 2, 1]
                x[A], x[A + 1], x[A + 2] = read_texture(texture, u, v)
            m = _dress(material[f], lamp, settings, x)
            if BUMP[m] > 0:
                _roughen(m, volume, x, noise)
            _light(m, x, noise, (shadow, placing), lamp, settings, pixel)
            for c in range(3):
                image[row, col, c] = pixel[c]


@njit(cache=True, fastmath=True)
def _dress(m: int, lamp: FloatArray, settings: FloatArray, x: FloatArray) -> int:
    """Cloth below the neckline, and the pattern of a mask's fabric; returns the material."""
    if m == SKIN:
        line = settings[LINE] - settings[DIP] * np.exp(-((x[Q] / settings[DIP_WIDTH]) ** 2))
        if x[Q + 1] < line + settings[SLOPE] * abs(x[Q]):
            for c in range(3):
                x[A + c] = lamp[CLOTH, c]
            return WEAVE
    if m == FABRIC and settings[PATTERN] > 0:
        fade = _pattern(int(settings[PATTERN]), x[Q] / settings[PITCH_MM], x[Q + 1] / settings[PITCH_MM])
        for c in range(3):
            x[A + c] *= fade
    return m


@njit(cache=True, fastmath=True)
def _pattern(kind: int, x: float, y: float) -> float:
    u, v = x - np.floor(x) - 0.5, y - np.floor(y) - 0.5
    if kind == 1:  # dots
        return 0.45 if u * u + v * v < 0.08 else 1.0
    if kind == 2:  # stripes
        return 0.55 if v > 0 else 1.0
    return 0.6 if (u > 0) != (v > 0) else 1.0  # checks


@njit(cache=True, fastmath=True)
def _roughen(m: int, volume: FloatArray, x: FloatArray, noise: FloatArray) -> None:
    """Bend the normal and speckle the colour by the noise at the point."""
    _noise(volume, x[Q] * PITCH[m], x[Q + 1] * PITCH[m], x[Q + 2] * PITCH[m], noise)
    for c in range(3):
        x[N + c] += BUMP[m] * noise[c]
        x[A + c] *= max(0.2, 1 + SPECKLE[m] * noise[3])


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
def _lit(shadow: FloatArray, placing: FloatArray, x: FloatArray, softness: float) -> float:
    """Share of the key light that reaches a point: 25 taps into the shadow map."""
    size = shadow.shape[0]
    px, py, pz = x[P] + OFFSET * x[N], x[P + 1] + OFFSET * x[N + 1], x[P + 2] + OFFSET * x[N + 2]
    u = placing[0, 0] * px + placing[0, 1] * py + placing[0, 2] * pz + placing[0, 3]
    v = placing[1, 0] * px + placing[1, 1] * py + placing[1, 2] * pz + placing[1, 3]
    z = placing[2, 0] * px + placing[2, 1] * py + placing[2, 2] * pz + placing[2, 3] - 0.002
    for step in (4, 1):  # the four corners first: most pixels are wholly lit
        free, taps = 0.0, 0
        for j in range(-2, 3, step):
            for i in range(-2, 3, step):
                c, r = int(u + i * softness), int(v + j * softness)
                taps += 1
                if c < 0 or r < 0 or c >= size or r >= size or z <= shadow[r, c]:
                    free += 1.0
        if free == taps:
            return 1.0
    return free / 25.0


@njit(cache=True, fastmath=True)
def _towards(x: FloatArray, start: int, lamp: FloatArray, row: int) -> float:
    return x[start] * lamp[row, 0] + x[start + 1] * lamp[row, 1] + x[start + 2] * lamp[row, 2]


@njit(cache=True, fastmath=True)
def _between(x: FloatArray, first: int, second: int) -> float:
    return x[first] * x[second] + x[first + 1] * x[second + 1] + x[first + 2] * x[second + 2]


@njit(cache=True, fastmath=True)
def _normalise(x: FloatArray, start: int) -> None:
    scale = 1.0 / (np.sqrt(x[start] ** 2 + x[start + 1] ** 2 + x[start + 2] ** 2) + 1e-12)
    for c in range(3):
        x[start + c] *= scale


@njit(cache=True, fastmath=True)
def _light(
    m: int,
    x: FloatArray,
    noise: FloatArray,
    shadow: tuple[FloatArray, FloatArray],
    lamp: FloatArray,
    settings: FloatArray,
    pixel: FloatArray,
) -> None:
    """Key, fill and ambient light on a point, and its highlight."""
    _normalise(x, N)
    for c in range(3):
        x[VIEW + c] = lamp[EYE, c] - x[P + c]
    _normalise(x, VIEW)
    for c in range(3):
        x[HALF + c] = x[VIEW + c] + lamp[KEY, c]
    _normalise(x, HALF)
    key, free = _towards(x, N, lamp, KEY), x[FREE]
    fill = max(0.0, _towards(x, N, lamp, FILL)) * (0.4 + 0.6 * free)
    up = 0.5 + 0.5 * _towards(x, N, lamp, UP)
    lit = _lit(shadow[0], shadow[1], x, settings[SOFTNESS]) if key > -0.2 else 0.0
    facing = _between(x, N, VIEW)
    if facing < 0 and m != MOUTH:
        facing = -0.2 * facing
    rim = 0.075 * (1 - min(1.0, max(0.0, facing))) ** 3 if m in (SKIN, LENS) else 0.0
    wrap = 0.08 if m == SKIN else 0.0  # light seeps round the edge of the shadow, red most
    extra = _highlight(m, x, noise, settings) * max(0.0, min(1.0, 4 * key)) * lit
    if m == BALL:
        extra += _glint(x, facing, lamp) * free
    for c in range(3):
        soft = max(0.0, (key + wrap * (1.0 if c == 0 else 0.3)) / (1 + wrap))
        ambient = (lamp[SKY, c] * up + lamp[GROUND, c] * (1 - up)) * free
        light = ambient + lamp[KEY_COLOUR, c] * soft * lit + lamp[FILL_COLOUR, c] * fill
        pixel[c] = x[A + c] * light + extra * lamp[KEY_COLOUR, c] + rim * ambient


@njit(cache=True, fastmath=True)
def _highlight(m: int, x: FloatArray, noise: FloatArray, settings: FloatArray) -> float:
    """Blinn-Phong, with Schlick's Fresnel term on skin; hair after Kajiya and Kay (SIGGRAPH 1989)."""
    if m == HAIR:
        for c in range(3):
            x[T + c] += 0.10 * noise[c]
        _normalise(x, T)
        sine = max(0.0, 1 - _between(x, T, HALF) ** 2)
        tint = SHINE[m] * (0.25 + 2.0 * (x[A] + x[A + 1] + x[A + 2]) / 3)
        return tint * sine ** (0.5 * EXPONENT[m]) * max(0.05, 0.5 + 0.5 * noise[3])
    exponent = settings[GLOSS] if m == SKIN else EXPONENT[m]
    lobe = max(0.0, _between(x, N, HALF)) ** exponent * (exponent + 8) / 25.0
    if m != SKIN:
        return SHINE[m] * lobe
    fresnel = 0.04 + 0.96 * (1 - min(1.0, _between(x, VIEW, HALF))) ** 5
    return SHINE[m] * settings[SHEEN] * 10 * fresnel * lobe


@njit(cache=True, fastmath=True)
def _glint(x: FloatArray, facing: float, lamp: FloatArray) -> float:
    """The small sharp image of the lamp on the cornea."""
    spot = -_towards(x, VIEW, lamp, WINDOW) + 2 * facing * _towards(x, N, lamp, WINDOW)
    return GLINT * min(1.0, max(0.0, (spot - GLINT_EDGE) / GLINT_WIDTH))
