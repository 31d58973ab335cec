"""The encoder's pose and the cameras that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.fitting.view import FRONTAL, View
from facekit.geometry.rotation import euler_to_matrix
from facekit.networks.pose import Pose, decode, pose_in_crop, towards, view_of_pose


def _view(origin: tuple[float, float] = (310.0, 260.0)) -> View:
    rotation = FRONTAL @ euler_to_matrix(np.array([0.3, -0.1, 0.2]))
    return View(rotation, np.array(origin), 900.0, 800.0, np.array([256.0, 256.0]))


def _crop(angle: float = 0.2) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    crop = np.eye(3)
    crop[:2, :2] = 240 * np.array([[c, -s], [s, c]])
    crop[:2, 2] = [180.0, 130.0]
    return crop


def test_a_view_comes_back() -> None:
    view, crop = _view(), _crop()
    back = view_of_pose(*pose_in_crop(view, crop), crop, view.focal, view.centre)
    assert np.allclose(back.rotation, view.rotation)
    assert np.allclose(back.origin, view.origin)
    assert back.scale == pytest.approx(view.scale)


def test_points_fall_where_the_photo_shows_them() -> None:
    """But for what the turn of the camera towards the crop changes at second order."""
    view, crop = _view(), _crop()
    points = np.random.default_rng(0).normal(0, 0.05, (20, 3))
    scale, rotation, origin = pose_in_crop(view, crop)
    pose = Pose(*(torch.as_tensor(x)[None] for x in (np.float64(scale), rotation, origin)))
    focal = torch.tensor([view.focal / 240])
    found = pose.project(torch.as_tensor(points)[None], focal)[0].numpy()[:, :2]
    pixels = found @ crop[:2, :2].T + crop[:2, 2]
    assert np.abs(pixels - view.project(points)).max() < 1.5
    flat = pose.project(torch.as_tensor(points)[None])[0].numpy()[:, :2] @ crop[:2, :2].T + crop[:2, 2]
    assert np.abs(flat - view.project(points)).max() > 2.5  # without perspective


def test_zeros_are_a_face_from_the_front_in_the_middle() -> None:
    pose = decode(torch.zeros(1, 6, dtype=torch.float64))
    assert np.allclose(pose.rotation[0], FRONTAL)
    assert np.allclose(pose.origin, 0.5)
    assert torch.equal(pose.numbers(), torch.zeros(1, 3, dtype=torch.float64))


def test_the_angles_are_yaw_roll_and_pitch() -> None:
    raw = torch.tensor([[0.0, 0.2, -0.1, 0.3, 0.0, 0.0]], dtype=torch.float64)
    angles = np.array([0.2, 0.3, -0.1]) * np.pi / 2  # yaw, pitch, roll
    assert np.allclose(decode(raw).rotation[0], FRONTAL @ euler_to_matrix(angles))


def test_a_ray_is_reached_by_the_smallest_turn() -> None:
    turn = towards(np.array([400.0, 100.0]), 500.0, np.array([256.0, 256.0]))
    assert np.allclose(turn @ turn.T, np.eye(3))
    ray = np.array([144.0, -156.0, 500.0])
    assert np.allclose(turn[:, 2], ray / np.linalg.norm(ray))
    assert np.trace(turn) == pytest.approx(1 + 2 * turn[2, 2])  # by the angle between the two, no more
