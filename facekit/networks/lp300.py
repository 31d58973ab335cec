"""Faces of 300W-LP and 300W-3D (Zhu et al., 2016): what their annotations say in facekit's conventions.

Their shapes are codes of the Basel face model with FaceWarehouse expressions, which is another basis; pose
and landmarks serve any model. Pose_Para holds pitch, yaw, roll in radians, a translation and a scale: rows of
the picture are H - y, the camera is scaled orthographic, and R = Rx(pitch) Ry(yaw) Rz(roll) with the sines of
left-handed turns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.view import FRONTAL, View
from facekit.morphable.model import FaceModel

Array = NDArray[np.float64]

FLAT = 1e7  # px, the focal length of a scaled orthographic camera
INNER = slice(17, 68)  # landmarks that lie on the face itself; those of the jaw slide over it


def rotation_of(pitch: float, yaw: float, roll: float) -> Array:
    """Head frame to camera frame (3, 3)."""
    x, y, z = (np.array([np.cos(a), np.sin(a)]) for a in (pitch, yaw, roll))
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, x[0], x[1]], [0.0, -x[1], x[0]]])
    about_y = np.array([[y[0], 0.0, -y[1]], [0.0, 1.0, 0.0], [y[1], 0.0, y[0]]])
    about_z = np.array([[z[0], z[1], 0.0], [-z[1], z[0], 0.0], [0.0, 0.0, 1.0]])
    turned: Array = FRONTAL @ about_x @ about_y @ about_z
    return turned


def view_of_annotation(pose: Array, landmarks: Array, model: FaceModel) -> View:
    """The view of a face with Pose_Para (7,) and 68 landmarks (68, 2) px.

    Scale and place of the head are those that bring the mean face's landmarks nearest: the annotation's own
    are of another model's origin.
    """
    rotation = rotation_of(*(float(angle) for angle in pose[:3]))
    shape = (landmark_model(model, "ibug68").mean @ rotation.T)[INNER, :2]
    seen = landmarks[INNER]
    good = np.isfinite(seen).all(1)
    shape, seen = shape[good], seen[good]
    off, away = shape - shape.mean(0), seen - seen.mean(0)
    scale = float((off * away).sum() / (off * off).sum())
    return View(rotation, seen.mean(0) - scale * shape.mean(0), scale, FLAT, np.zeros(2))
