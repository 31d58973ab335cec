"""Kernels that colour a supersampled picture: every pixel of the picture is the mean of its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from facekit.raster.cpu import _weights
from facekit.records import FloatArray, IntArray


@njit(cache=True, nogil=True, error_model="numpy")
def paint_band(
    screen: FloatArray,
    faces: IntArray,
    colours: FloatArray,
    found: IntArray,
    factor: int,
    rows: tuple[int, int],
    out: FloatArray,
) -> None:
    """out (H, W, 4): premultiplied mean colour and coverage of ``rows``, from vertex colours.

    colours (2, V, 3) float32 of the outside and the inside of the surface; screen (V, 3) and found
    (H * factor, W * factor) are those of the fine picture.
    """
    for y in range(rows[0] * factor, rows[1] * factor):
        for x in range(found.shape[1]):
            f = found[y, x]
            if f < 0:
                continue
            w0, w1, w2, _ = _weights(screen, faces, f, x + 0.5, y + 0.5)
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            side = colours[_side(screen, a, b, c)]
            pixel = out[y // factor, x // factor]
            for k in range(3):
                pixel[k] += w0 * side[a, k] + w1 * side[b, k] + w2 * side[c, k]
            pixel[3] += 1.0
    _scale(out, rows, factor)


@njit(cache=True, nogil=True, error_model="numpy")
def paint_texture_band(
    screen: FloatArray,
    faces: IntArray,
    light: FloatArray,
    texture: tuple[FloatArray, FloatArray, IntArray],
    found: IntArray,
    factor: int,
    rows: tuple[int, int],
    out: FloatArray,
) -> None:
    """As ``paint_band``, with the light of the vertices (2, V, 3) times the texture, bilinear.

    texture: texels (T, T, 3), uv and uv_faces of a TextureMap; numba takes a tuple, but no dataclass.
    """
    texels, uv, uv_faces = texture
    for y in range(rows[0] * factor, rows[1] * factor):
        for x in range(found.shape[1]):
            f = found[y, x]
            if f < 0:
                continue
            w0, w1, w2, _ = _weights(screen, faces, f, x + 0.5, y + 0.5)
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            i, j, k = uv_faces[f, 0], uv_faces[f, 1], uv_faces[f, 2]
            u = w0 * uv[i, 0] + w1 * uv[j, 0] + w2 * uv[k, 0]
            v = w0 * uv[i, 1] + w1 * uv[j, 1] + w2 * uv[k, 1]
            x0, x1, dx = _neighbours(u * texels.shape[1] - 0.5, texels.shape[1])
            y0, y1, dy = _neighbours((1.0 - v) * texels.shape[0] - 0.5, texels.shape[0])
            side = light[_side(screen, a, b, c)]
            pixel = out[y // factor, x // factor]
            for channel in range(3):
                upper = (1.0 - dx) * texels[y0, x0, channel] + dx * texels[y0, x1, channel]
                lower = (1.0 - dx) * texels[y1, x0, channel] + dx * texels[y1, x1, channel]
                lit = w0 * side[a, channel] + w1 * side[b, channel] + w2 * side[c, channel]
                pixel[channel] += lit * ((1.0 - dy) * upper + dy * lower)
            pixel[3] += 1.0
    _scale(out, rows, factor)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _side(screen: FloatArray, a: int, b: int, c: int) -> int:
    """0 where the picture shows the outside of a face, its corners anticlockwise (y is down); else 1."""
    across = (screen[b, 0] - screen[a, 0]) * (screen[c, 1] - screen[a, 1])
    return 1 if across > (screen[b, 1] - screen[a, 1]) * (screen[c, 0] - screen[a, 0]) else 0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _neighbours(x: float, size: int) -> Any:
    """The two texels around x and the share of the second; the border texel goes on outside."""
    x = min(max(x, 0.0), size - 1.0)
    low = int(np.floor(x))
    return low, min(low + 1, size - 1), x - low


@njit(cache=True, nogil=True, error_model="numpy")
def _scale(out: FloatArray, rows: tuple[int, int], factor: int) -> None:
    share = np.float32(1.0 / (factor * factor))
    for y in range(rows[0], rows[1]):
        for x in range(out.shape[1]):
            for k in range(4):
                out[y, x, k] *= share
