"""The photo with the fitted face drawn where something hides it, so that a detector sees a whole face."""

from __future__ import annotations

import numpy as np

from facekit.fitting.appearance import fit_appearance
from facekit.fitting.landmark_fit import LandmarkFit
from facekit.fitting.skin_pixels import skin_pixels
from facekit.morphable.model import FaceModel
from facekit.raster.scene import Style, TextureMap, render_view
from facekit.records import BoolArray, ByteArray, Light

SIDE = 88  # px of the face; light and tone need no more


def uncovered(photo: ByteArray, hidden: BoolArray, model: FaceModel, fit: LandmarkFit) -> ByteArray | None:
    """``photo`` (H, W, 3) with its hidden pixels drawn from ``fit``; None where too little skin is seen to do
    so.

    Landmark detectors look at the whole face: an occluder drags the visible points along, a plausible face
    does not.
    """
    if model.albedo is None:
        return None
    vertices = model.instance(fit.code)
    camera = fit.view.camera(np.array(photo.shape[1::-1], np.int32))
    pixels = skin_pixels(photo, hidden, model, vertices, camera, SIDE)
    if pixels is None:
        return None
    look = fit_appearance(pixels)
    texture = np.clip(model.albedo.instance(look.code), 0.0, 1.0)
    topology = model.topology
    drawn = render_view(
        vertices,
        topology.faces,
        camera,
        colours=TextureMap(texture, topology.uv, topology.uv_faces),
        style=Style(Light(look.sh.astype(np.float32))),
        background=photo,
    )
    return np.where(hidden[..., None], drawn, photo)
