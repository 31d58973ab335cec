"""Prepares a rasterised scene for the pixel shader."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

from facekit.raster.fragments import Fragments
from facekit.records import FloatArray
from facekit.synthetic.light import Lamps
from facekit.synthetic.noise import SIDE
from facekit.synthetic.scene import Scene
from facekit.synthetic.shader import shade_pixels


@dataclass(frozen=True)
class Lighting:
    """Light as it falls on a scene."""

    lamps: Lamps
    rotation: FloatArray  # (3, 3) head frame to the lamps' frame
    eye: FloatArray  # (3,) m, the camera's place in the head frame
    shadow: FloatArray  # (S, S) depth map of the key light
    placing: FloatArray  # (3, 4) head-frame points to the depth map
    occlusion: FloatArray  # (V,) open share of the sky at each vertex


@cache
def bump_volume() -> FloatArray:
    """(64, 64, 64, 4) float32 periodic noise: three for the normal, one for the colour."""
    white = np.random.default_rng(7).standard_normal((SIDE, SIDE, SIDE, 4))
    smooth = gaussian_filter(white, (0.8, 0.8, 0.8, 0.0), mode="wrap")
    return (smooth / smooth.std()).astype(np.float32)


def shade_scene(
    scene: Scene,
    fragments: Fragments[FloatArray],
    texture: FloatArray,
    cloth: FloatArray,
    lighting: Lighting,
    image: FloatArray,
) -> None:
    """Write the colours of all covered pixels into ``image`` (H, W, 3) float32, linear RGB, which holds the
    background.

    texture (T, T, 3) linear albedo; cloth (9,) as face.sample_cloth.
    """
    lamps = lighting.lamps
    key, fill = lamps.key @ lighting.rotation, lamps.fill @ lighting.rotation
    up, front = np.eye(3)[1] @ lighting.rotation, np.eye(3)[2] @ lighting.rotation
    rows = [key, lamps.key_colour, fill, lamps.fill_colour, up, lighting.eye, cloth[:3], lamps.sky]
    lamp = np.stack([*rows, lamps.ground, _window(key, front)]).astype(np.float32)
    settings = np.array([lamps.softness, lamps.gloss, lamps.shine, *cloth[3:9]], np.float32)
    columns = [scene.vertices, scene.normals, scene.coords, scene.colour, scene.tangent]
    shade_pixels(
        fragments.pix_to_face[0],
        fragments.bary[0],
        (scene.faces, scene.material, scene.corners),
        np.concatenate([*columns, lighting.occlusion[:, None]], axis=1).astype(np.float32),
        (np.ascontiguousarray(texture, np.float32), lighting.shadow, lighting.placing, bump_volume()),
        lamp,
        settings,
        image,
    )


def _window(key: FloatArray, view: FloatArray) -> FloatArray:
    """Where the eye's highlight comes from. A lamp far to the side is not mirrored by the part of the eye
    that shows, so it is drawn towards the camera."""
    mixed = key + 0.9 * view
    return mixed / np.linalg.norm(mixed)
