"""Forward kinematics against a chain worked out by hand, and what a skeleton says of itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facekit.errors import WrongKindError
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.bodies import SMPL_BODY
from facekit.motion.skeleton import Skeleton, forward_kinematics, make_skeleton

ARM = make_skeleton(
    ["root", "left_shoulder", "left_wrist", "right_wrist"],
    [-1, 0, 1, 0],
    np.array([[9.0, 9, 9], [0, 1, 0], [2, 0, 0], [-1, 0, 0]]),
)


def plain(skeleton: Skeleton, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One joint after the other."""
    places, turned = np.zeros((skeleton.size, 3)), np.array(rotations)
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            turned[joint] = turned[parent] @ rotations[joint]
            places[joint] = places[parent] + turned[parent] @ skeleton.offsets[joint]
    return places, turned


def random_rotations(*shape: int, seed: int = 0) -> np.ndarray:
    return axis_angle_to_matrix(np.random.default_rng(seed).normal(size=(*shape, 3)))


def test_a_chain_worked_out_by_hand() -> None:
    turns = np.zeros((4, 3))
    turns[0] = [0, math.pi / 2, 0]  # x to -z
    turns[1] = [0, 0, math.pi / 2]  # x to y
    places, turned = forward_kinematics(ARM, axis_angle_to_matrix(turns))
    np.testing.assert_allclose(places, [[0, 0, 0], [0, 1, 0], [0, 3, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(turned[2] @ [1, 0, 0], [0, 1, 0], atol=1e-12)


@pytest.mark.parametrize("skeleton", [ARM, SMPL_BODY], ids=["arm", "smpl"])
def test_levels_against_the_plain_order(skeleton: Skeleton) -> None:
    rotations = random_rotations(3, 2, skeleton.size)
    places, turned = forward_kinematics(skeleton, rotations)
    for i, j in np.ndindex(3, 2):
        expected = plain(skeleton, rotations[i, j])
        np.testing.assert_allclose(places[i, j], expected[0], atol=1e-12)
        np.testing.assert_allclose(turned[i, j], expected[1], atol=1e-12)
    wrong = plain(skeleton, random_rotations(skeleton.size, seed=1))[0]
    assert np.abs(places[0, 0] - wrong).max() > 0.01


def test_torch_gives_what_numpy_gives_and_its_gradient() -> None:
    angles = torch.tensor(np.random.default_rng(0).normal(size=(2, 4, 3)), requires_grad=True)
    places, turned = forward_kinematics(ARM, axis_angle_to_matrix(angles))
    expected = forward_kinematics(ARM, axis_angle_to_matrix(angles.detach().numpy()))
    np.testing.assert_allclose(places.detach().numpy(), expected[0], atol=1e-12)
    np.testing.assert_allclose(turned.detach().numpy(), expected[1], atol=1e-12)
    assert torch.autograd.gradcheck(lambda v: forward_kinematics(ARM, axis_angle_to_matrix(v))[0], angles)


def test_bones_keep_their_lengths() -> None:
    places, _ = forward_kinematics(SMPL_BODY, random_rotations(5, SMPL_BODY.size))
    bones = places[:, 1:] - places[:, list(SMPL_BODY.parents[1:])]
    lengths = np.linalg.norm(SMPL_BODY.offsets[1:], axis=1)
    np.testing.assert_allclose(np.linalg.norm(bones, axis=-1), np.tile(lengths, (5, 1)), atol=1e-12)


def test_what_the_body_is() -> None:
    names = SMPL_BODY.names
    assert SMPL_BODY.size == 22
    assert names[:4] == ("pelvis", "left_hip", "right_hip", "spine1")
    assert SMPL_BODY.parents[-4:] == (16, 17, 18, 19)
    assert [names[j] for j in SMPL_BODY.devices] == ["head", "left_wrist", "right_wrist"]
    assert SMPL_BODY.lower.sum() == 9
    assert [n for n, t in zip(names, SMPL_BODY.trunk, strict=True) if t] == [
        "pelvis",
        "spine1",
        "spine2",
        "spine3",
    ]
    mirrored = SMPL_BODY.offsets[SMPL_BODY.mirror] * [-1, 1, 1]
    np.testing.assert_allclose(mirrored, SMPL_BODY.offsets)
    places, _ = forward_kinematics(SMPL_BODY, np.tile(np.eye(3), (22, 1, 1)))
    height = places[names.index("head"), 1] - places[names.index("left_foot"), 1]
    assert 1.4 < height < 1.7


def test_skeletons_are_compared() -> None:
    longer = make_skeleton(ARM.names, ARM.parents, ARM.offsets * 1.1)
    assert ARM.same_as(make_skeleton(ARM.names, ARM.parents, ARM.offsets + 1e-5))
    assert not ARM.same_as(longer)
    assert not ARM.same_as(SMPL_BODY)


@pytest.mark.parametrize(
    ("names", "parents", "says"),
    [
        (["a", "b"], [-1], "one parent"),
        (["a", "b"], [-1, 1], "after their parents"),
        (["a", "b"], [-1, -1], "after their parents"),
        (["a", "b"], [0, 0], "after their parents"),
    ],
)
def test_what_is_no_tree_is_refused(names: list[str], parents: list[int], says: str) -> None:
    with pytest.raises(WrongKindError, match=says):
        make_skeleton(names, parents, np.zeros((2, 3)))


def test_a_body_without_hands_is_refused() -> None:
    with pytest.raises(WrongKindError, match="no joint named head or neck"):
        _ = ARM.devices
