"""Foreign cameras: each converter against its own convention's projection, written out."""

import math

import numpy as np
import pytest

from facekit.geometry.camera import orbit, project_points
from facekit.geometry.converters import (
    from_deep3dface,
    from_mediapipe,
    from_opengl,
    from_pytorch3d,
    from_weak_perspective,
    to_opengl,
    to_pytorch3d,
)
from facekit.geometry.rotation import euler_to_matrix

POINTS = np.random.default_rng(0).uniform(-0.1, 0.1, (20, 3))
CAMERA = orbit(0.4, -0.2, 0.9, (300, 200), target=np.array([0.01, 0.02, 0.03]))
CAMERA.K[0, 2] += 13
CAMERA.K[1, 2] -= 7
POSE = euler_to_matrix(np.array([0.3, 0.2, -0.1]))


def test_opengl_clip_space():
    """NDC x right, y up, from -1 to 1; z from -1 at near to 1 at far."""
    view, projection = to_opengl(CAMERA, near=0.5, far=2.0)
    eye = np.c_[POINTS, np.ones(20)] @ view.T
    clip = eye @ projection.T
    ndc = clip[:, :3] / clip[:, 3:]
    truth = project_points(CAMERA, POINTS)
    np.testing.assert_allclose((ndc[:, 0] + 1) / 2 * 300, truth[:, 0])
    np.testing.assert_allclose((1 - ndc[:, 1]) / 2 * 200, truth[:, 1])
    np.testing.assert_allclose(-eye[:, 2], truth[:, 2])
    for depth, z in ((0.5, -1), (2.0, 1)):
        c = projection @ [0, 0, -depth, 1]
        assert c[2] / c[3] == pytest.approx(z)


def test_opengl_round_trip():
    back = from_opengl(*to_opengl(CAMERA), (300, 200))
    for k in "KRt":
        np.testing.assert_allclose(getattr(back, k), getattr(CAMERA, k), atol=1e-12)


def test_mediapipe():
    """Camera at the origin looking along -z, y up, centimetres, 63 degrees vertically."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = POSE, [1.0, 2.0, -45.0]
    found = project_points(from_mediapipe(pose, (320, 240)), POINTS)
    x, y, z = (100 * POINTS @ POSE.T + pose[:3, 3]).T
    f = 120 / math.tan(math.radians(63) / 2)
    np.testing.assert_allclose(found, np.stack([160 + f * x / -z, 120 - f * y / -z, -z / 100], 1))


def test_pytorch3d_round_trip():
    a = to_pytorch3d(CAMERA)
    back = from_pytorch3d(a["R"][0], a["T"][0], a["focal_length"][0], a["principal_point"][0], (300, 200))
    for k in "KRt":
        np.testing.assert_allclose(getattr(back, k), getattr(CAMERA, k), atol=1e-12)


def test_pytorch3d_projects_to_the_same_pixels():
    """pytorch3d itself, where it is installed; else its formula: x left, y up, row vectors."""
    a = to_pytorch3d(CAMERA)
    x, y, z = (POINTS @ a["R"][0] + a["T"][0]).T
    f, p = a["focal_length"][0], a["principal_point"][0]
    truth = project_points(CAMERA, POINTS)
    np.testing.assert_allclose(np.stack([p[0] - f[0] * x / z, p[1] - f[1] * y / z, z], 1), truth)


def test_pytorch3d_itself_projects_to_the_same_pixels():
    renderer = pytest.importorskip("pytorch3d.renderer", reason="pytorch3d is not installed")
    torch = pytest.importorskip("torch")
    a = {
        k: torch.tensor(v).float() if isinstance(v, np.ndarray) else v
        for k, v in to_pytorch3d(CAMERA).items()
    }
    cameras = renderer.PerspectiveCameras(**a)
    found = cameras.transform_points_screen(torch.tensor(POINTS).float()[None])[0, :, :2]
    np.testing.assert_allclose(found, project_points(CAMERA, POINTS)[:, :2], rtol=1e-4)


def test_weak_perspective_far_away():
    """DECA: s (X + t) in [-1, 1], y up; the pinhole camera comes to it as the focal length grows."""
    scale, shift = 8.0, np.array([0.01, -0.02])
    X = POINTS @ POSE.T
    truth = np.stack([112 + 112 * scale * (X[:, 0] + shift[0]), 112 - 112 * scale * (X[:, 1] + shift[1])], 1)
    errors = []
    for focal in (5e3, 5e5):
        found = project_points(from_weak_perspective(scale, shift, 224, R=POSE, focal=focal), POINTS)
        errors.append(np.abs(found[:, :2] - truth).max())
    assert errors[1] < 0.1
    assert errors[1] < errors[0] / 50


def test_deep3dface():
    """(X R + t), z_camera = 10 - z, f 1015, c 112, rows from the bottom, centre of pixel k at k."""
    X, t = POINTS * 10, np.array([0.1, -0.2, 0.3])
    x, y, z = (X @ POSE + t).T
    u, v = 1015 * x / (10 - z) + 112, 1015 * y / (10 - z) + 112
    found = project_points(from_deep3dface(POSE, t), X)
    np.testing.assert_allclose(found, np.stack([u + 0.5, 224 - 1 - v + 0.5, 10 - z], 1))
