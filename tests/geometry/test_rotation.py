"""Rotations: laws, signs, gradients at zero."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from facekit.geometry.rotation import (
    axis_angle_to_matrix,
    euler_to_matrix,
    matrix_to_axis_angle,
    matrix_to_euler,
    matrix_to_quaternion,
    matrix_to_sixd,
    sixd_to_matrix,
)

RNG = np.random.default_rng(0)
VECTORS = np.concatenate(
    [
        RNG.normal(size=(50, 3)),
        np.zeros((1, 3)),
        1e-9 * RNG.normal(size=(5, 3)),
        1e-4 * RNG.normal(size=(5, 3)),
        np.diag([math.pi - 1e-7] * 3),
    ]
)
MATRICES = Rotation.from_rotvec(VECTORS).as_matrix()
HALF_TURNS = np.array([np.diag(d) for d in ([1.0, -1, -1], [-1.0, 1, -1], [-1.0, -1, 1])])


def test_axis_angle_is_scipys():
    np.testing.assert_allclose(axis_angle_to_matrix(VECTORS), MATRICES, atol=1e-12)
    np.testing.assert_allclose(
        matrix_to_axis_angle(MATRICES), Rotation.from_matrix(MATRICES).as_rotvec(), atol=1e-7
    )


def test_half_turns_come_back():
    np.testing.assert_allclose(axis_angle_to_matrix(matrix_to_axis_angle(HALF_TURNS)), HALF_TURNS, atol=1e-12)


def test_quaternions_are_unit_and_positive():
    q = matrix_to_quaternion(np.concatenate([MATRICES, HALF_TURNS]))
    np.testing.assert_allclose(np.linalg.norm(q, axis=-1), 1)
    assert (q[:, 0] >= 0).all()


def test_sixd_round_trip_and_gram_schmidt():
    np.testing.assert_allclose(sixd_to_matrix(matrix_to_sixd(MATRICES)), MATRICES, atol=1e-12)
    R = sixd_to_matrix(RNG.normal(size=(20, 6)))
    np.testing.assert_allclose(R @ R.swapaxes(-1, -2), np.broadcast_to(np.eye(3), R.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(R), 1)


def test_head_angles_have_the_stated_signs():
    nose, crown = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    yaw, pitch, roll = euler_to_matrix(0.3 * np.eye(3))
    assert (yaw @ nose)[0] > 0.2  # to the subject's left, +x, the right of the picture
    assert (pitch @ nose)[1] > 0.2  # up
    assert (roll @ crown)[0] < -0.2  # to the subject's right: anticlockwise in the picture
    np.testing.assert_allclose(euler_to_matrix(np.zeros(3)), np.eye(3))


def test_head_angles_round_trip():
    angles = RNG.uniform([-3, -1.5, -3], [3, 1.5, 3], (50, 3))
    np.testing.assert_allclose(matrix_to_euler(euler_to_matrix(angles)), angles, atol=1e-9)


@pytest.mark.parametrize("function", [axis_angle_to_matrix, euler_to_matrix])
def test_gradients_are_right_at_zero_and_elsewhere(function):
    for value in (np.zeros((1, 3)), np.full((1, 3), 1e-6), np.full((1, 3), 2e-4), RNG.normal(size=(2, 3))):
        assert torch.autograd.gradcheck(function, (torch.tensor(value, requires_grad=True),))


def test_the_gradient_of_the_way_back_is_finite_at_the_identity():
    v = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    back = matrix_to_axis_angle(axis_angle_to_matrix(v))
    jacobian = torch.autograd.functional.jacobian(lambda x: matrix_to_axis_angle(axis_angle_to_matrix(x)), v)
    np.testing.assert_allclose(back.detach(), 0)
    np.testing.assert_allclose(jacobian[0, :, 0], np.eye(3), atol=1e-9)


@pytest.mark.parametrize("function", [axis_angle_to_matrix, euler_to_matrix])
def test_numpy_is_torch(function):
    np.testing.assert_allclose(function(torch.tensor(VECTORS)), function(VECTORS), atol=1e-15)
    R = torch.tensor(MATRICES)
    for back in (matrix_to_axis_angle, matrix_to_euler, matrix_to_sixd, matrix_to_quaternion):
        np.testing.assert_allclose(back(R), back(MATRICES), atol=1e-12)
    np.testing.assert_allclose(sixd_to_matrix(matrix_to_sixd(R)), MATRICES, atol=1e-12)
