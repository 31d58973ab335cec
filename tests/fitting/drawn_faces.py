"""Photos drawn from the default model with everything known, for the tests of the photometric step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facekit.files.models import load_model
from facekit.fitting.landmark_fit import LandmarkFit
from facekit.fitting.rendering import Look
from facekit.fitting.view import FRONTAL, View
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.morphable.model import FaceModel
from facekit.raster.scene import Style, TextureMap, render_view
from facekit.records import ByteArray, Light

SIZE = 256
CENTRE = np.full(2, SIZE / 2)
POSE_SPREAD = np.array([0.02, 0.02, 0.02, 1.5, 1.5, 0.02, 0.1])  # of a landmark fit: rad, px, logarithms
CODE_SPREAD = 0.5


@dataclass(frozen=True)
class DrawnPhoto:
    """A photo and what it was drawn from."""

    photo: ByteArray  # (H, W, 3)
    truth: Look


@cache
def model() -> FaceModel:
    """The default model with its first twelve identity modes and expressions, so that tests are fast."""
    return load_model().truncate(12)


@cache
def drawn(seed: int = 0, tint: float = 0.7) -> DrawnPhoto:
    """A random face, turned a little, in the light of a lamp on the subject's upper left."""
    face, rng = model(), np.random.default_rng(seed)
    assert face.albedo is not None
    code = np.clip(0.8 * rng.standard_normal(face.size), face.lower, face.upper)
    turn = FRONTAL @ axis_angle_to_matrix(np.array([0.05, 0.25, 0.0]))
    view = View(turn, CENTRE, 900.0, 700.0, CENTRE)
    sh = np.zeros((9, 3))
    sh[0], sh[1], sh[3] = [2.6, 2.5, 2.4], 0.5, 0.9
    albedo = tint * rng.standard_normal(face.albedo.size)
    topology = face.topology
    texture = np.clip(face.albedo.instance(albedo), 0, 1)
    photo = render_view(
        face.instance(code),
        topology.faces,
        view.camera(np.array([SIZE, SIZE])),
        colours=TextureMap(texture, topology.uv, topology.uv_faces),
        style=Style(Light(sh.astype(np.float32))),
        background=np.full((SIZE, SIZE, 3), 90, np.uint8),
    )
    return DrawnPhoto(photo, Look(view, code, sh, albedo))


def landmark_fit(truth: Look, seed: int = 1) -> LandmarkFit:
    """As a fit to noisy landmarks would be: off the truth by its own covariance."""
    face, rng = model(), np.random.default_rng(seed)
    spread = np.r_[POSE_SPREAD, np.full(face.size, CODE_SPREAD)]
    error = spread * rng.standard_normal(len(spread))
    code = np.clip(truth.code + error[7:], face.lower, face.upper)
    joint = np.diag(spread**2)
    nothing = np.zeros((1, 2))
    bound = np.zeros(face.size, bool)
    return LandmarkFit(
        truth.view.moved(error[:7]), code, joint[7:, 7:], nothing, np.ones(1), bound, 1, True, joint
    )
