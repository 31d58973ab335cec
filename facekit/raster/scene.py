"""Whole pictures of a mesh, NumPy in and out: overlays, contact sheets, turntables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from facekit.geometry.arrays import layout
from facekit.geometry.camera import project_points, resize
from facekit.geometry.mesh import vertex_normals
from facekit.geometry.threads import run_all, split, thread_count
from facekit.raster.cpu import scan_band
from facekit.raster.fragments import NEAR
from facekit.raster.paint import paint_band, paint_texture_band
from facekit.raster.shade import linear_to_srgb, shade, srgb_to_linear
from facekit.records import ByteArray, Camera, FloatArray, IntArray, Light

CLAY = 0.6  # linear albedo of a mesh without colours
AMBIENT = 0.12  # part of the default light that comes from everywhere
LAMP = np.array([-0.36, -0.48, -0.8])  # towards the default lamp, camera axes: left of the camera and above
_LINEAR: FloatArray = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)


@dataclass(frozen=True)
class TextureMap:
    """A texture and where it lies on the faces. Linear RGB if floating, sRGB if uint8."""

    pixels: ByteArray | FloatArray  # (T, T, 3), row 0 is the top of the UV square
    uv: FloatArray  # (T, 2), origin at the bottom left
    uv_faces: IntArray  # (F, 3) int32, index into uv


Colours: TypeAlias = FloatArray | ByteArray | TextureMap | None


@dataclass(frozen=True)
class Style:
    """How a mesh is shown."""

    light: Light | None = None  # None is a lamp beside the camera
    lit: bool = True  # False shows the colours as they are
    opacity: float = 1.0
    supersample: int = 2  # each pixel is the mean of supersample^2 samples, in linear light


PLAIN = Style()


def render_view(
    vertices: FloatArray,
    faces: IntArray,
    camera: Camera,
    size: tuple[int, int] | None = None,
    colours: Colours = None,
    style: Style = PLAIN,
    background: ByteArray | None = None,
) -> ByteArray:
    """Picture of a mesh, uint8 sRGB.

    vertices (V, 3) m; faces (F, 3); ``size`` (H, W) px, default the camera's. ``colours``: (V, 3), or (3,)
    for all, linear RGB if floating and sRGB if uint8; a TextureMap; or None for clay. ``background``
    (H, W, 3) uint8 sRGB: the mesh is laid over it with the style's opacity and (H, W, 3) returned, pixels
    that it does not touch unchanged. Without: (H, W, 4), alpha not premultiplied.
    """
    width, height = (int(x) for x in camera.image_size) if size is None else (size[1], size[0])
    if background is not None and background.shape != (height, width, 3):
        raise ValueError(f"the background is {background.shape}, the picture {(height, width, 3)}")
    fine = resize(camera, (width * style.supersample, height * style.supersample))
    screen = layout(project_points(fine, vertices), np.float32)
    index = layout(faces, np.int32)
    shading = (
        vertex_light(vertices, faces, camera, style.light) if style.lit else np.ones((2, len(vertices), 3))
    )
    picture = _paint(screen, index, shading, colours, (height, width), style.supersample)
    return _compose(picture, background, style.opacity)


def vertex_light(vertices: FloatArray, faces: IntArray, camera: Camera, light: Light | None) -> FloatArray:
    """Light on the two sides of the vertices, (2, V, 3) linear RGB: outside, then inside.

    Without ``light`` it comes from a lamp beside the camera.
    """
    normals = vertex_normals(vertices, faces)
    sides = np.stack([normals, -normals])
    if light is not None:
        return np.maximum(shade(sides, light.sh), 0)
    lamp = np.maximum(sides @ (camera.R.T @ LAMP), 0)[..., None]
    return np.repeat(AMBIENT + (1 - AMBIENT) * lamp, 3, axis=-1)


def as_linear(colours: FloatArray | ByteArray) -> FloatArray:
    """Linear RGB float32 of colours that are sRGB if uint8 and already linear if floating."""
    colours = np.asarray(colours)
    return _LINEAR[colours] if colours.dtype == np.uint8 else colours.astype(np.float32)


def _paint(
    screen: FloatArray,
    faces: IntArray,
    light: FloatArray,
    colours: Colours,
    size: tuple[int, int],
    factor: int,
) -> FloatArray:
    """(H, W, 4) float32 linear, premultiplied, from positions (V, 3) in the fine picture; light (2, V, 3)."""
    found = np.zeros((size[0] * factor, size[1] * factor), np.int32)
    inverse_depth = np.zeros(found.shape, np.float32)
    out = np.zeros((*size, 4), np.float32)
    if isinstance(colours, TextureMap):
        lit = layout(light, np.float32)
        uv, uv_faces = layout(colours.uv, np.float32), layout(colours.uv_faces, np.int32)
        texture = as_linear(colours.pixels), uv, uv_faces
    else:
        lit = layout(light * (CLAY if colours is None else as_linear(colours)), np.float32)

    def job(rows: tuple[int, int]) -> None:
        scan_band(screen, faces, NEAR, 0, (rows[0] * factor, rows[1] * factor), found, inverse_depth)
        if isinstance(colours, TextureMap):
            paint_texture_band(screen, faces, lit, texture, found, factor, rows, out)
        else:
            paint_band(screen, faces, lit, found, factor, rows, out)

    run_all([lambda r=rows: job(r) for rows in split(size[0], 2 * thread_count())])  # type: ignore[misc]
    return out


def _compose(picture: FloatArray, background: ByteArray | None, opacity: float) -> ByteArray:
    """Lay premultiplied linear colours (H, W, 4) over the background, or return them with straight alpha."""
    touched = picture[..., 3] > 0
    colour, share = picture[touched, :3], picture[touched, 3:]
    if background is None:
        out = np.zeros(picture.shape, np.uint8)
        out[touched, :3] = _bytes(colour / share)
        out[touched, 3] = np.rint(share[:, 0] * (opacity * 255))
        return out
    out = background.copy()
    out[touched] = _bytes(opacity * colour + (1 - opacity * share) * _LINEAR[background[touched]])
    return out


def _bytes(linear: FloatArray) -> ByteArray:
    encoded: FloatArray = linear_to_srgb(np.clip(linear, 0, 1))
    return np.rint(encoded * 255).astype(np.uint8)
