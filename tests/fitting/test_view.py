"""The seven-number view: the pinhole camera, its derivatives against differences, its angles."""

from __future__ import annotations

import numpy as np
import pytest
from invented_faces import shell, view

from facekit.fitting.view import FRONTAL, View, align, nearest_rotation, view_of
from facekit.geometry.camera import project_points


def test_is_the_pinhole_camera() -> None:
    points, camera = shell()[0], view().camera(np.array([512, 512]))
    np.testing.assert_allclose(view().project(points), project_points(camera, points)[:, :2], atol=1e-8)


def test_camera_and_back() -> None:
    back = view_of(view().camera(np.array([512, 512])))
    for name in ("rotation", "origin", "scale", "focal", "centre"):
        np.testing.assert_allclose(getattr(back, name), getattr(view(), name), rtol=1e-12)


def test_jacobian_matches_differences() -> None:
    points, start = shell()[0], view()
    pose, local = start.jacobian(points)
    for k in range(7):
        step = np.zeros(7)
        step[k] = 1e-3 if k in (3, 4) else 1e-6
        number = (start.moved(step).project(points) - start.moved(-step).project(points)) / (2 * step[k])
        np.testing.assert_allclose(pose[:, :, k], number, rtol=1e-5, atol=1e-5)
    for k in range(3):
        step = 1e-6 * np.eye(3)[k]
        number = (start.project(points + step) - start.project(points - step)) / 2e-6
        np.testing.assert_allclose(local[:, :, k], number, rtol=1e-5, atol=1e-4)


def test_turning_matches_differences() -> None:
    start = view(0.5, -0.3, 0.4)
    for k in range(7):
        step = np.zeros(7)
        step[k] = 1e-3 if k in (3, 4) else 1e-6
        ahead, back = start.moved(step).angles[:2], start.moved(-step).angles[:2]
        np.testing.assert_allclose(
            start.turning()[:, k], np.subtract(ahead, back) / (2 * step[k]), rtol=1e-5, atol=1e-8
        )


def test_many_steps_leave_a_rotation() -> None:
    turned, rng = view(), np.random.default_rng(0)
    for _ in range(100):
        turned = turned.moved(rng.normal(0, 0.3, 7) * [1, 1, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(turned.rotation @ turned.rotation.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("roll", [-0.5, 0.0, 0.7])
def test_angles_and_upright_picture(roll: float) -> None:
    head = View(
        view(0.4, 0.0, roll).rotation, np.array([256.0, 256.0]), 1500.0, 1100.0, np.array([256.0, 256.0])
    )
    yaw, pitch, found = head.angles
    assert found == pytest.approx(roll, abs=1e-9)
    assert abs(yaw) == pytest.approx(0.4, abs=1e-9)
    assert pitch == pytest.approx(0.0, abs=1e-9)
    up = align(head.rotation[:2, 1], found)
    np.testing.assert_allclose(up / np.linalg.norm(up), [0.0, -1.0], atol=1e-12)


def test_yaw_says_from_which_side_the_camera_looks() -> None:
    head = View(FRONTAL, np.array([456.0, 256.0]), 1500.0, 800.0, np.array([256.0, 256.0]))
    yaw, _, _ = head.angles
    assert yaw < -0.2  # right of the axis: the camera sees more of the subject's right side


def test_nearest_rotation_is_a_rotation() -> None:
    r = nearest_rotation(np.random.default_rng(0).normal(size=(3, 3)))
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(r) == pytest.approx(1.0)
