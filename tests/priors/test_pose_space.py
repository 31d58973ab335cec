"""Poses as vectors and back; what is not learned of them; frames and the order in which joints are hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from moves import PLAIN, SMPL_BODY, a_motion

from facekit.errors import UsageError
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.clips import mirrored
from facekit.motion.headset import headset_of, in_head_frame
from facekit.motion.skeleton import forward_kinematics, skeleton_of
from facekit.priors.pose_frames import (
    Frames,
    common_skeleton,
    frames_of,
    masked_order,
    seen_joints,
    thin,
)
from facekit.priors.pose_space import (
    PoseSpace,
    condition,
    signal_of,
    tokens,
    without_heading,
)
from facekit.records import Motion


def test_vectors_are_poses(space: PoseSpace, frames: Frames) -> None:
    x = space.encode(frames.rotations)
    assert x.shape == (len(frames.rotations), space.size)
    torch.testing.assert_close(space.decode(x), frames.rotations, rtol=0, atol=1e-5)
    torch.testing.assert_close(x.square().mean(0), torch.ones(space.size), rtol=1e-3, atol=1e-3)


def test_what_does_not_move_is_left_out() -> None:
    motion = a_motion(PLAIN, 40)
    rotations = motion.rotations.copy()
    wrist, knee = PLAIN.names.index("left_wrist"), PLAIN.names.index("left_knee")
    rotations[:, wrist] = [0.1, 0.2, 0.3]
    rotations[:, knee, 1:] = 0.0
    frames = frames_of([replace(motion, rotations=rotations)])
    space = PoseSpace.of(PLAIN, frames.rotations)
    fixed = {3 * wrist, 3 * wrist + 1, 3 * wrist + 2, 3 * knee + 1, 3 * knee + 2}
    assert not fixed & set(space.kept.tolist())
    assert 36 < space.size <= 40
    torch.testing.assert_close(
        space.decode(space.encode(frames.rotations)), frames.rotations, rtol=0, atol=3e-2
    )


def test_heading_is_removed_and_nothing_else() -> None:
    rotations = axis_angle_to_matrix(torch.as_tensor(a_motion(PLAIN).rotations).double())
    turn = axis_angle_to_matrix(torch.tensor([0.0, 2.1, 0.0], dtype=torch.float64))
    turned = rotations.clone()
    turned[:, 0] = turn @ turned[:, 0]
    torch.testing.assert_close(without_heading(PLAIN, turned), without_heading(PLAIN, rotations))
    assert torch.equal(without_heading(PLAIN, turned)[:, 1:], rotations[:, 1:])


def test_the_body_is_as_the_headset_sees_it(space: PoseSpace) -> None:
    """The path through poses and the path through world positions end in the same signal."""
    motion = a_motion(PLAIN, 24, 2)
    frames = frames_of([motion])
    body = space.body(space.encode(frames.rotations), frames.head)
    seen = in_head_frame(headset_of(motion))
    devices = list(PLAIN.devices)
    torch.testing.assert_close(
        tokens(body)[:, devices], torch.as_tensor(seen.signal[..., :9]), rtol=0, atol=2e-5
    )
    places = forward_kinematics(PLAIN, axis_angle_to_matrix(motion.rotations.astype(np.float64)))[0]
    world = places + motion.root[:, None]
    back = (seen.heading[:, None] @ body.positions.numpy()[..., None])[..., 0] + seen.origin[:, None]
    np.testing.assert_allclose(back, world, atol=2e-5)


def test_conditions() -> None:
    signal, size = torch.arange(60.0).reshape(2, 3, 10), torch.tensor([0.1, 0.2])
    c = condition(signal, size)
    assert c.shape == (2, 31)
    assert torch.equal(signal_of(c), signal)
    assert torch.equal(c[:, -1], size)


def test_mirror_images_double_the_frames(motions: list[Motion], frames: Frames) -> None:
    single = frames_of(motions)
    assert len(frames.head) == 2 * len(single.head) == 2 * 6 * 24
    flipped = frames_of([mirrored(motions[0])])
    torch.testing.assert_close(frames.rotations[24:48], flipped.rotations, rtol=0, atol=1e-5)
    assert frames.weight.sum().item() == pytest.approx(1.0)


def test_a_rare_kind_is_drawn_more_than_its_share() -> None:
    frames = frames_of([a_motion(PLAIN, 90, clip="often"), a_motion(PLAIN, 10, clip="rare")])
    share = frames.weight[frames.clip == 1].sum().item()
    assert share == pytest.approx(10**0.5 / (10**0.5 + 90**0.5))


def test_skeletons_must_agree() -> None:
    assert common_skeleton([a_motion(PLAIN)]).same_as(skeleton_of(a_motion(PLAIN, 4)))
    with pytest.raises(UsageError, match="different skeletons"):
        common_skeleton([a_motion(PLAIN), a_motion(SMPL_BODY, clip="other")])


def test_thinning_keeps_the_spread(frames: Frames) -> None:
    few = thin(frames, 10)
    assert len(few.head) == 10
    assert few.weight.sum().item() == pytest.approx(1.0)
    assert torch.equal(few.head[[0, -1]], frames.head[[0, -1]])
    assert thin(frames, 10**6) is frames


@pytest.mark.parametrize("skeleton", [PLAIN, SMPL_BODY], ids=["plain", "smpl"])
def test_legs_are_hidden_first_then_trunk_then_arms(skeleton) -> None:  # type: ignore[no-untyped-def]
    names = [skeleton.names[joint] for joint in masked_order(skeleton)]
    assert len(names) == skeleton.size - 3
    assert "ankle" in names[0] or "foot" in names[0]
    root = skeleton.names[0]
    assert all(
        "hip" in n or "knee" in n or "ankle" in n or "foot" in n for n in names[: names.index(root) - 4]
    )
    assert names.index("left_hip") < names.index(root) < names.index("left_elbow")


def test_the_curriculum_hides_more_and_more() -> None:
    order, generator = masked_order(PLAIN), torch.Generator().manual_seed(0)
    hidden = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        seen = seen_joints(order, 15, 400, progress, generator)
        assert seen[:, list(PLAIN.devices)].all()
        hidden.append((~seen).any(0).sum().item())
        ranks = torch.tensor(order)
        assert ((~seen)[:, ranks].int().diff(dim=1) <= 0).all()  # a row of joints, from the first on
    assert hidden == [1, 11, 12, 12]
    assert ((~seen).sum(1) == 12).float().mean() > 0.75
