"""Where points land in pictures."""

import math

import numpy as np
import pytest
import torch

from facekit.geometry.camera import (
    FLIP,
    centre,
    crop,
    focal_from_fov,
    fov_from_focal,
    frame_camera,
    intrinsics,
    look_at,
    orbit,
    project,
    project_points,
    resize,
    uncrop,
)
from facekit.records import Camera

NOSE = np.array([0.0, 0.01, 0.12])  # m, head frame
FRONT = Camera(
    K=intrinsics(1000.0, (640, 480)), R=FLIP, t=np.array([0, 0, 1.0]), image_size=np.array([640, 480])
)
TURNED = orbit(0.4, -0.2, 0.9, (300, 200), target=np.array([0.01, 0.02, 0.03]))


def test_the_nose_tip_lands_on_its_pixel():
    """0.12 m before the head's origin, 1 m from the camera: 0.01 m up is 1000 * 0.01 / 0.88 px up."""
    px, py, depth = project_points(FRONT, NOSE[None])[0]
    assert px == pytest.approx(320.0)
    assert py == pytest.approx(240.0 - 10 / 0.88)
    assert depth == pytest.approx(0.88)


def test_the_subjects_left_is_on_the_right_of_the_picture():
    left, up = project_points(FRONT, np.array([[0.05, 0, 0], [0, 0.05, 0]]))
    assert left[0] > 320
    assert up[1] < 240


def test_project_is_the_same_in_torch_and_in_batches():
    X = np.random.default_rng(0).normal(size=(2, 5, 3)) * 0.1
    cameras = [FRONT, TURNED]
    K, R, t = (np.stack([getattr(c, k) for c in cameras]) for k in "KRt")
    together = project(K, R, t, X)
    for k, camera in enumerate(cameras):
        np.testing.assert_allclose(together[k], project_points(camera, X[k]))
    found = project(*(torch.from_numpy(x) for x in (K, R, t, X)))
    np.testing.assert_allclose(found, together)
    one = tuple(torch.from_numpy(x[:1]).requires_grad_() for x in (K, R, t, X))
    assert torch.autograd.gradcheck(project, one)


def test_points_in_the_camera_plane_stay_finite():
    assert np.isfinite(
        project_points(FRONT, np.array([[0.1, 0.1, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 3.0]]))
    ).all()


@pytest.mark.parametrize(
    ("yaw", "pitch", "right", "up"), [(0.5, 0, 1, 0), (-0.5, 0, -1, 0), (0, 0.5, 0, 1), (0, -0.5, 0, -1)]
)
def test_orbit_turns_the_head_as_it_says(yaw, pitch, right, up):
    """Yaw > 0: the nose moves to the right of the picture; pitch > 0: it moves up."""
    px, py, _ = project_points(orbit(yaw, pitch, 1.0, (200, 200)), np.array([[0, 0, 0.1]]))[0]
    assert np.sign(round(px - 100, 6)) == right
    assert np.sign(round(100 - py, 6)) == up


def test_orbit_keeps_its_target_and_distance():
    target = np.array([0.01, 0.02, 0.03])
    assert project_points(TURNED, target[None])[0] == pytest.approx([150, 100, 0.9])
    assert np.linalg.norm(centre(TURNED) - target) == pytest.approx(0.9)
    assert np.linalg.det(TURNED.R) == pytest.approx(1)


def test_frame_camera_holds_the_mesh():
    vertices = np.random.default_rng(0).normal(size=(100, 3)) * [0.1, 0.2, 0.05] + 3
    for size in ((300, 200), (200, 300)):
        points = project_points(frame_camera(vertices, 0.3, 0.1, size), vertices)
        assert (points[:, :2] > 0).all()
        assert (points[:, :2] < size).all()
        assert np.ptp(points[:, :2], axis=0).max() > 0.5 * min(size)


def test_look_at_is_orbit():
    found = look_at(centre(TURNED), np.array([0.01, 0.02, 0.03]), (300, 200))
    np.testing.assert_allclose(found.R, TURNED.R, atol=1e-12)
    np.testing.assert_allclose(found.t, TURNED.t, atol=1e-12)
    np.testing.assert_allclose(found.K, TURNED.K)


def test_resize_and_crop_move_pixels():
    points = project_points(TURNED, NOSE[None])[0]
    larger = project_points(resize(TURNED, (600, 800)), NOSE[None])[0]
    np.testing.assert_allclose(larger, points * [2, 4, 1])
    part = crop(TURNED, (20, 30, 120, 90))
    np.testing.assert_allclose(project_points(part, NOSE[None])[0], points - [20, 30, 0])
    assert part.image_size.tolist() == [100, 60]


def test_uncrop_undoes_a_crop():
    part = crop(TURNED, (20, 30, 120, 90))
    back = np.array([[1.0, 0, 20], [0, 1, 30], [0, 0, 1]])
    np.testing.assert_allclose(uncrop(part.K, back), TURNED.K)


def test_focal_length_and_field_of_view():
    assert focal_from_fov(math.radians(90), 200) == pytest.approx(100)
    assert fov_from_focal(focal_from_fov(0.7, 333), 333) == pytest.approx(0.7)
