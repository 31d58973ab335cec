"""What belongs to one person besides the networks: the mesh's topology, keypoints on it, and the headset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facekit.avatar.capture import Capture, Keypoints, Mesh, rest_keypoints
from facekit.records import FloatArray


@dataclass(frozen=True)
class Rig:
    """The cameras of a headset: px = K (R X + t), X in the headset's frame."""

    K: FloatArray  # (S, 3, 3) float64, px
    R: FloatArray  # (S, 3, 3) float64
    t: FloatArray  # (S, 3) float64, m


@dataclass(frozen=True)
class Subject:
    """One person. ``keypoints`` are those of no frame: where they lie, and their camera."""

    name: str
    mesh: Mesh
    keypoints: Keypoints | None
    rig: Rig | None


def subject_of(capture: Capture) -> Subject:
    """The person of a capture."""
    points, hmc = capture.keypoints, capture.hmc
    if points is not None:
        none = np.zeros((0, *points.points.shape[1:]), np.float32)
        points = replace(points, points=none, rest=rest_keypoints(capture))
    rig = None if hmc is None else Rig(np.array(hmc.K), np.array(hmc.R), np.array(hmc.t))
    return Subject(capture.subject, capture.mesh, points, rig)
