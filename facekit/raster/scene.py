"""Whole pictures of a mesh, NumPy in and out: overlays, contact sheets, turntables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.geometry.camera import centre, project_points, resize
from facekit.geometry.mesh import vertex_normals
from facekit.raster import cpu
from facekit.raster.fragments import Fragments, rasterize_numpy, split_rows
from facekit.raster.shade import linear_to_srgb, shade, srgb_to_linear
from facekit.raster.threads import run_all, thread_count
from facekit.records import ByteArray, Camera, FloatArray, IntArray, Light

CLAY = 0.5  # linear albedo of a mesh without colours
AMBIENT = 0.25  # of the default light, which shines from the camera
_LINEAR = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)


@dataclass(frozen=True)
class TextureMap:
    """A texture and where it lies on the faces. Linear RGB if floating, sRGB if uint8; row 0 is the top (v = 1)."""

    pixels: ByteArray | FloatArray  # (T, T, 3)
    uv: FloatArray  # (T, 2), origin at the bottom left
    uv_faces: IntArray  # (F, 3) int32, index into uv


Colours = FloatArray | ByteArray | TextureMap | None


def render_view(
    vertices: FloatArray,
    faces: IntArray,
    camera: Camera,
    size: tuple[int, int] | None = None,
    colours: Colours = None,
    light: Light | None = None,
    background: ByteArray | None = None,
    *,
    opacity: float = 1.0,
    supersample: int = 2,
    lit: bool = True,
) -> ByteArray:
    """Picture of a mesh, uint8 sRGB.

    vertices (V, 3) m; faces (F, 3); ``size`` (H, W), default the camera's. ``colours``: (V, 3) or (3,) per vertex or for all, linear RGB
    if floating, sRGB if uint8, a TextureMap, or None for clay. ``light``: None shines from the camera; ``lit=False`` shows the
    colours as they are. ``background`` (H, W, 3) uint8: the mesh is laid over it with ``opacity`` and (H, W, 3) returned, pixels that
    the mesh does not touch unchanged; without it (H, W, 4), alpha not premultiplied.
    """
    width, height = (int(x) for x in camera.image_size) if size is None else (size[1], size[0])
    fine = resize(camera, (width * supersample, height * supersample))
    screen = project_points(fine, vertices)[None].astype(np.float32)
    fragments = rasterize_numpy(screen, faces, (height * supersample, width * supersample))
    white = np.ones(3, np.float32)
    if lit:
        shading = np.maximum(vertex_light(vertices, faces, camera, light), 0.0).astype(np.float32)
    else:
        shading = np.ones((len(vertices), 3), np.float32)
    if isinstance(colours, TextureMap):
        linear = interpolate_numpy(fragments, faces, shading) * _texture(fragments, colours)
    else:
        flat = np.float32(CLAY) * white if colours is None else as_linear(colours)
        linear = interpolate_numpy(fragments, faces, np.ascontiguousarray(shading * flat, np.float32))
    cover = fragments.mask[0].astype(np.float32)
    return _compose(_shrink(linear, supersample), _shrink(cover[..., None], supersample), background, opacity)


def vertex_light(vertices: FloatArray, faces: IntArray, camera: Camera, light: Light | None) -> FloatArray:
    """Light that falls on the vertices, (V, 3) linear RGB; without ``light`` a lamp at the camera and some ambient light."""
    normals = vertex_normals(vertices, faces)
    if light is not None:
        return shade(normals, light.sh)
    sight = centre(camera) - vertices
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-12)
    lamp = np.abs((normals * sight).sum(axis=1, keepdims=True))  # open meshes are seen from inside too
    return np.repeat(AMBIENT + (1 - AMBIENT) * lamp, 3, axis=1)


def as_linear(colours: FloatArray | ByteArray) -> FloatArray:
    """Linear RGB float32 of colours that are sRGB if uint8 and already linear if floating."""
    colours = np.asarray(colours)
    return _LINEAR[colours] if colours.dtype == np.uint8 else colours.astype(np.float32)


def interpolate_numpy(
    fragments: Fragments[FloatArray], faces: IntArray, attributes: FloatArray
) -> FloatArray:
    """(H, W, C) of the first image of ``fragments`` from per-vertex attributes (V, C) float32; 0 where there is no face."""
    found, bary = fragments.pix_to_face[0], fragments.bary[0]
    out = np.zeros((*found.shape, attributes.shape[1]), np.float32)
    index = np.ascontiguousarray(faces, np.int32)
    values = np.ascontiguousarray(attributes, np.float32)
    bands = split_rows(found.shape[0], thread_count())
    run_all([lambda r=rows: cpu.interpolate_band(values, index, r, found, bary, out) for rows in bands])  # type: ignore[misc]
    return out


def _texture(fragments: Fragments[FloatArray], texture: TextureMap) -> FloatArray:
    """Bilinear look-up, (H, W, 3) linear RGB; 0 where there is no face."""
    pixels = texture.pixels if texture.pixels.dtype == np.uint8 else texture.pixels.astype(np.float32)
    uv = interpolate_numpy(fragments, texture.uv_faces, texture.uv)
    mask = fragments.mask[0]
    height, width = pixels.shape[:2]
    u, v = uv[mask].T
    x = np.clip(u * width - 0.5, 0, width - 1)
    y = np.clip((1 - v) * height - 0.5, 0, height - 1)
    x0, y0 = x.astype(np.int32), y.astype(np.int32)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    dx, dy = (x - x0)[:, None].astype(np.float32), (y - y0)[:, None].astype(np.float32)
    top = as_linear(pixels[y0, x0]) * (1 - dx) + as_linear(pixels[y0, x1]) * dx
    bottom = as_linear(pixels[y1, x0]) * (1 - dx) + as_linear(pixels[y1, x1]) * dx
    out = np.zeros((*mask.shape, 3), np.float32)
    out[mask] = top * (1 - dy) + bottom * dy
    return out


def _shrink(picture: FloatArray, factor: int) -> FloatArray:
    """Mean of each factor x factor block of (H, W, C)."""
    if factor == 1:
        return picture
    rows = sum(picture[k::factor] for k in range(factor))
    return sum(rows[:, k::factor] for k in range(factor)) / np.float32(factor * factor)


def _compose(
    linear: FloatArray, cover: FloatArray, background: ByteArray | None, opacity: float
) -> ByteArray:
    """Lay premultiplied linear colours (H, W, 3) over the background, or return them with straight alpha."""
    touched = cover[..., 0] > 0
    share = cover[touched]
    if background is None:
        out = np.zeros((*touched.shape, 4), np.uint8)
        out[touched, :3] = _bytes(linear[touched] / share)
        out[touched, 3] = np.rint(share[:, 0] * opacity * 255)
        return out
    if background.shape != (*touched.shape, 3):
        raise ValueError(f"the background is {background.shape}, the picture {(*touched.shape, 3)}")
    out = background.copy()
    under = _LINEAR[background[touched]]
    out[touched] = _bytes(opacity * linear[touched] + (1 - opacity * share) * under)
    return out


def _bytes(linear: FloatArray) -> ByteArray:
    return np.rint(linear_to_srgb(np.clip(linear, 0, 1)) * 255).astype(np.uint8)
