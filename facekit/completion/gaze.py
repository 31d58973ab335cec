"""Eyes that nobody sees look the same way, and not far aside: a mesh VAE knows each of them alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, FloatArray, IntArray

EYES = ("left_eye", "right_eye")
SEEN = 0.05  # share of an eyeball's vertices that must be seen to tell where it looks
FARTHEST = np.array([0.12, 0.16, 0.0])  # rad about x, y, z, that eyes of which none is seen look aside


@dataclass(frozen=True)
class Ball:
    """An eyeball of a face."""

    rows: IntArray  # of its vertices
    middle: FloatArray  # (3,) m
    looks: FloatArray  # (3,) rad, rotation vector from the mean face's

    @classmethod
    def of(cls, vertices: FloatArray, mean: FloatArray, rows: IntArray) -> Ball:
        """That of a face (V, 3) m; ``mean`` (V, 3) is the face that looks straight ahead."""
        ball, rest = vertices[rows], mean[rows]
        middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
        turn, _ = Rotation.align_vectors(ball - middle, rest - (rest.min(axis=0) + rest.max(axis=0)) / 2)
        return cls(rows, middle, turn.as_rotvec())

    def turned(self, vertices: FloatArray, looks: FloatArray) -> FloatArray:
        """(M, 3) m, its vertices when it looks another way."""
        turn = Rotation.from_rotvec(looks) * Rotation.from_rotvec(self.looks).inv()
        return self.middle + turn.apply(vertices[self.rows] - self.middle)


def one_gaze(vertices: FloatArray, visible: BoolArray, model: FaceModel) -> FloatArray:
    """Faces (n, V, 3) m whose hidden eyeballs follow the seen one, or else both their mean, within FARTHEST.

    visible (V,): what the photo shows. Seen eyeballs stay, and so do models without eyeballs.
    """
    parts = [np.flatnonzero(model.topology.part(name)) for name in EYES]
    if not all(len(rows) for rows in parts):
        return vertices
    seen = [float(visible[rows].mean()) > SEEN for rows in parts]
    if all(seen):
        return vertices
    result = np.array(vertices)
    for face in result:
        balls = [Ball.of(face, np.asarray(model.mean, np.float64), rows) for rows in parts]
        looks = np.mean([ball.looks for ball in balls], axis=0)
        looks = balls[seen.index(True)].looks if any(seen) else np.clip(looks, -FARTHEST, FARTHEST)
        for ball, known in zip(balls, seen, strict=True):
            if not known:
                face[ball.rows] = ball.turned(face, looks)
    return result
