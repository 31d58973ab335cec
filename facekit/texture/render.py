"""A textured face as the photo's camera would see it: colour, cover, and what part of the face each pixel
shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from facekit.geometry.camera import project_points, resize
from facekit.geometry.mesh import vertex_normals
from facekit.morphable.topology import Topology
from facekit.raster.fragments import Fragments, rasterize
from facekit.raster.interpolate import interpolate
from facekit.records import Camera, FloatArray, IntArray, Light
from facekit.texture.shading import shading, shelter, unit

SUPERSAMPLE = 2


@dataclass(frozen=True)
class Layer:
    """A rendered face. Colours are linear RGB and not premultiplied; they stand only where cover > 0."""

    colour: FloatArray  # (H, W, 3) float32
    cover: FloatArray  # (H, W) float32, 0 to 1, share of the pixel that shows the mesh
    extra: FloatArray  # (H, W, C) float32, what was asked for of vertex attributes


def render_layer(
    vertices: FloatArray,
    topology: Topology,
    albedo: FloatArray,
    light: Light,
    camera: Camera,
    attributes: FloatArray,
    reached: FloatArray | None = None,
) -> Layer:
    """Render vertices (V, 3) m with linear albedo (T, T, 3) under the light, into a picture of the camera's
    size.

    attributes (V, C) are interpolated along. Four samples a pixel; the texture is brought to the picture's
    resolution first. ``reached`` (V,) is ``shelter`` of the vertices, where it is known.
    """
    width, height = (int(x) for x in camera.image_size)
    fine = resize(camera, (width * SUPERSAMPLE, height * SUPERSAMPLE))
    screen = project_points(fine, vertices).astype(np.float32)
    fragments = rasterize(
        torch.from_numpy(screen)[None], topology.faces, (height * SUPERSAMPLE, width * SUPERSAMPLE)
    )
    normals = vertex_normals(np.asarray(vertices, np.float64), topology.faces)
    reached = shelter(topology, vertices) if reached is None else reached
    values = _interpolate(
        fragments, topology.faces, np.concatenate([normals, reached[:, None], attributes], 1)
    )
    mask = fragments.mask[0].numpy()
    colour = np.zeros((*mask.shape, 3), np.float32)
    texture = _filtered(albedo, screen, topology)
    colour[mask] = (
        _look_up(fragments, texture, topology) * shading(unit(values[..., :3]), light) * values[..., 3:4]
    )[mask]
    cover = _shrink(mask.astype(np.float32)[..., None])
    inverse = 1.0 / np.maximum(cover, 1e-6)
    return Layer(_shrink(colour) * inverse, cover[..., 0], _shrink(values[..., 4:]) * inverse)


def _interpolate(fragments: Fragments[torch.Tensor], faces: IntArray, values: FloatArray) -> FloatArray:
    """Vertex values (V, C) over the picture, (H, W, C) float32; 0 where there is no face."""
    return interpolate(fragments, faces, torch.from_numpy(np.ascontiguousarray(values, np.float32)))[
        0
    ].numpy()


def _look_up(fragments: Fragments[torch.Tensor], texture: FloatArray, topology: Topology) -> FloatArray:
    uv = _interpolate(fragments, topology.uv_faces, topology.uv.astype(np.float32))
    size = np.float32(len(texture))
    u = np.ascontiguousarray(uv[..., 0] * size - 0.5)
    v = np.ascontiguousarray((1 - uv[..., 1]) * size - 0.5)
    return np.asarray(cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _filtered(albedo: FloatArray, screen: FloatArray, topology: Topology) -> FloatArray:
    """The texture halved until a texel is no smaller than a sample, as far as the median triangle tells."""

    def area(points: FloatArray, faces: np.ndarray) -> FloatArray:
        a, b, c = (points[faces[:, k], :2].astype(np.float64) for k in range(3))
        return np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])

    texture = np.ascontiguousarray(albedo, np.float32)
    on_screen, on_chart = area(screen, topology.faces), area(topology.uv, topology.uv_faces)
    drawn = (on_screen > 1e-6) & (on_chart > 0)
    if not drawn.any():
        return texture
    texels_per_sample = len(texture) * float(np.sqrt(np.median(on_chart[drawn] / on_screen[drawn])))
    while texels_per_sample > 1.6 and len(texture) > 32:
        half = len(texture) // 2
        texture = np.asarray(cv2.resize(texture, (half, half), interpolation=cv2.INTER_AREA), np.float32)
        texels_per_sample /= 2
    return texture


def _shrink(picture: FloatArray) -> FloatArray:
    n = SUPERSAMPLE
    height, width = picture.shape[0] // n, picture.shape[1] // n
    return picture.reshape(height, n, width, n, -1).mean((1, 3))
