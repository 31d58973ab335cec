"""Signals in OpenXR's axes, as its specification words them, and in those of other bodies."""

from __future__ import annotations

import numpy as np
import pytest
from moves import PLAIN, SMPL_BODY

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.conventions import from_openxr, on_body
from facekit.motion.headset import check_headset
from facekit.records import Headset


def signal(rotations: list[np.ndarray]) -> Headset:
    """One frame: the left hand at the left, which is -x, and before the wearer, which is -z."""
    positions = np.array([[[0, 1.6, 0], [-0.7, 1.4, -0.2], [0.7, 1.4, -0.2]]], np.float32)
    return Headset(fps=30.0, scale=1.0, rotations=np.array([rotations], np.float32), positions=positions)


def axes(x: list[float], y: list[float], z: list[float]) -> np.ndarray:
    return np.array([x, y, z], float).T


# -z along the fingers, +y out of the back of the hand, in OpenXR's world.
ARMS_OUT = [np.eye(3), axes([0, 0, -1], [0, 1, 0], [1, 0, 0]), axes([0, 0, 1], [0, 1, 0], [-1, 0, 0])]
ARMS_DOWN = [np.eye(3), axes([0, 0, -1], [-1, 0, 0], [0, 1, 0]), axes([0, 0, 1], [1, 0, 0], [0, 1, 0])]


@pytest.mark.parametrize(("skeleton", "rest"), [(SMPL_BODY, ARMS_OUT), (PLAIN, ARMS_DOWN)])
def test_a_resting_body_has_the_axes_of_the_world(skeleton, rest) -> None:  # type: ignore[no-untyped-def]
    found = from_openxr(signal(rest), skeleton)
    check_headset(found)
    np.testing.assert_allclose(found.rotations[0], np.tile(np.eye(3), (3, 1, 1)), atol=0.12)  # bones lean
    np.testing.assert_allclose(
        found.positions[0], [[0, 1.6, 0], [0.7, 1.4, 0.2], [-0.7, 1.4, 0.2]], atol=1e-6
    )
    other = from_openxr(signal(ARMS_DOWN if rest is ARMS_OUT else ARMS_OUT), skeleton)
    assert np.abs(other.rotations[0, 1] - np.eye(3)).max() > 0.9


def test_a_nod_is_a_nod_and_a_turn_a_turn() -> None:
    down, left = axis_angle_to_matrix(np.array([-0.4, 0, 0])), axis_angle_to_matrix(np.array([0, 0.6, 0]))
    found = from_openxr(signal([left @ down, *ARMS_OUT[1:]]), SMPL_BODY).rotations[0, 0]
    expected = left @ axis_angle_to_matrix(np.array([0.4, 0, 0]))  # the view is along +z
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_hand_that_turns_in_the_world_turns_as_much() -> None:
    turn = axis_angle_to_matrix(np.array([0.3, -0.5, 0.2]))
    still, moved = (
        from_openxr(signal([np.eye(3), R @ ARMS_OUT[1], R @ ARMS_OUT[2]]), SMPL_BODY).rotations[0]
        for R in (np.eye(3), turn)
    )
    same = axis_angle_to_matrix(np.array([-0.3, -0.5, -0.2]))  # the axis in the other axes
    np.testing.assert_allclose(moved[1:], same @ still[1:], atol=1e-6)


def test_a_missing_hand_stays_missing() -> None:
    lost = [np.eye(3), np.full((3, 3), np.nan), ARMS_OUT[2]]
    found = from_openxr(signal(lost), SMPL_BODY)
    assert np.isnan(found.rotations[0, 1]).all()
    assert np.isfinite(found.rotations[0, [0, 2]]).all()


def test_a_hand_is_where_it_was_on_another_body() -> None:
    """What OpenXR says of a hand is the same, whatever body it moves."""
    turns = axis_angle_to_matrix(np.array([[0.2, 0.1, 0], [0.9, -0.4, 0.3], [-0.2, 1.1, 0.5]]))
    told = signal(list(turns))
    plain, smpl = (from_openxr(told, skeleton) for skeleton in (PLAIN, SMPL_BODY))
    np.testing.assert_allclose(on_body(plain, PLAIN, SMPL_BODY).rotations, smpl.rotations, atol=1e-6)
    np.testing.assert_allclose(on_body(smpl, SMPL_BODY, SMPL_BODY).rotations, smpl.rotations, atol=1e-6)
    assert np.abs(plain.rotations - smpl.rotations).max() > 0.5
