"""A small face model for tests of training: a sphere with six smooth modes and no landmarks."""

from __future__ import annotations

import numpy as np
import trimesh

from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import Topology


def sphere_model(rings: int = 3) -> FaceModel:
    """Radius 0.1 m; the modes move it by millimetres."""
    ball = trimesh.creation.icosphere(rings, 0.1)
    points, faces = np.asarray(ball.vertices), np.asarray(ball.faces, np.int32)
    x, y, z = 10 * points.T
    fields = np.stack([x, y, x * y, y * z, z**2 - 0.3, x * z])
    mirror = np.full(len(points), -1, np.int32)
    topology = Topology(
        faces, np.zeros((len(points), 2), np.float32), faces, mirror, np.zeros(len(points), np.uint8)
    )
    return FaceModel(
        name="sphere",
        licence="none",
        topology=topology,
        mean=points,
        basis=(0.05 * fields[..., None] * points).astype(np.float32),
        blocks=(Block("identity", 0, 6),),
        expression_names=(),
        expression_scale=np.zeros(0),
        lower=np.full(6, -np.inf),
        upper=np.full(6, np.inf),
    )
