"""Bodies that are driven, their pictures, and the tables of evaluate pose."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "motion"))
sys.path.insert(0, str(Path(__file__).parents[1] / "priors"))

from moves import PLAIN, SMPL_BODY, a_motion
from untrained import make

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.metrics.curves import COLOURS, curves_picture
from facekit.metrics.joints import mpjpe
from facekit.motion.draw import SIDE, TALL, sheet
from facekit.motion.headset import headset_of, in_head_frame
from facekit.motion.skeleton import skeleton_of
from facekit.priors.pose_frames import frames_of
from facekit.priors.pose_prior import PosePrior
from facekit.priors.pose_space import PoseSpace
from facekit.records import Headset, Motion
from facekit.stages.drive_pose import (
    drive_pose,
    errors,
    motion_of,
    pictures,
    still,
    video_frames,
    world_joints,
)
from facekit.stages.evaluate_pose import Plan, evaluate_prior, make_test, part_of, tables
from facekit.stages.train_pose import Plan as TrainingPlan
from facekit.stages.train_pose import pose_card, train_pose, training_part
from facekit.synthetic.motion import KINDS, SOLE, make_motion

MOTION = a_motion(PLAIN, 6, 1)


@pytest.fixture(scope="module")
def prior() -> PosePrior:
    """Untrained."""
    frames = frames_of([a_motion(PLAIN, 24, seed) for seed in range(4)])
    return make("flag", PoseSpace.of(PLAIN, frames.rotations)).eval().requires_grad_(False)


@pytest.mark.parametrize("scale", [1.0, 1.2])
def test_true_poses_in_the_world_are_the_true_motion(prior: PosePrior, scale: float) -> None:
    """Into the frame of the head and back: heading, place and size return."""
    seen = in_head_frame(headset_of(MOTION, scale))
    x = prior.space.encode(frames_of([MOTION]).rotations)
    back = motion_of(prior, x, seen, 30.0, "a")
    np.testing.assert_allclose(world_joints(back), scale * world_joints(MOTION), atol=1e-4)


def test_driving(prior: PosePrior) -> None:
    done: list[int] = []
    headset = headset_of(MOTION)
    driven = drive_pose(prior, headset, 8, "wave", lambda: done.append(1))
    assert len(done) == len(driven.misfit) == len(driven.motion.root) == 6
    assert driven.motion.clip == "wave"
    head = skeleton_of(MOTION).devices[0]
    np.testing.assert_allclose(world_joints(driven.motion)[:, head], headset.positions[:, 0], atol=1e-5)
    rough = drive_pose(prior, headset, 0, "wave")
    assert driven.misfit.mean() < rough.misfit.mean()


def test_a_missing_hand_is_borne(prior: PosePrior) -> None:
    headset = headset_of(MOTION)
    positions = headset.positions.copy()
    positions[2:4, 1] = np.nan
    driven = drive_pose(prior, replace(headset, positions=positions), 4, "a")
    assert np.isfinite(driven.motion.rotations).all()
    assert np.isfinite(driven.misfit).all()
    with pytest.raises(UnreadableError, match="millimetres"):
        drive_pose(prior, replace(headset, positions=1000 * headset.positions), 4, "a")


def test_errors_against_the_truth() -> None:
    assert errors(MOTION, MOTION) == {"upper": 0.0, "full": 0.0}
    higher = replace(MOTION, root=MOTION.root + np.array([0, 0.1, 0], np.float32))
    found = errors(higher, MOTION)
    assert found is not None
    assert found == pytest.approx({"upper": 10.0, "full": 10.0}, abs=1e-3)
    assert errors(MOTION, a_motion(PLAIN, 5)) is None
    assert errors(MOTION, a_motion(SMPL_BODY, 6)) is None


def drawn(prior: PosePrior, headset: Headset, truth: Motion | None) -> np.ndarray:
    return next(iter(pictures(drive_pose(prior, headset, 0, "a"), headset, truth, [0])))


def test_pictures(prior: PosePrior) -> None:
    headset = headset_of(MOTION)
    alone, beside = drawn(prior, headset, None), drawn(prior, headset, MOTION)
    assert alone.shape == (TALL, SIDE, 3)
    assert beside.shape == (TALL, 2 * SIDE, 3)
    assert (alone != 255).any(-1).mean() > 0.01
    assert not np.array_equal(beside[40:, :SIDE], beside[40:, SIDE:])
    blind = replace(headset, positions=np.where([[True], [False], [True]], headset.positions, np.nan))
    assert not np.array_equal(drawn(prior, blind, None), alone)
    driven = drive_pose(prior, headset, 0, "a")
    assert still(driven, headset, None).shape == (2 * TALL, 4 * SIDE, 3)
    assert still(driven, headset, MOTION).shape == (3 * TALL, 2 * 2 * SIDE, 3)


def test_sheets() -> None:
    one = np.zeros((2, 3, 3), np.uint8)
    whole = sheet([one] * 3, 2)
    assert whole.shape == (4, 6, 3)
    assert (whole[2:, 3:] == 255).all()
    assert not whole[:2].any()


def test_videos_show_at_most_thirty_frames_a_second() -> None:
    headset = headset_of(a_motion(PLAIN, 10))
    assert video_frames(headset) == (list(range(10)), 30.0)
    assert video_frames(replace(headset, fps=90.0)) == ([0, 3, 6, 9], 30.0)


def test_mpjpe() -> None:
    truth = np.zeros((2, 3, 3))
    joints = truth.copy()
    joints[0, 0], joints[1, 2] = [3, 4, 0], [0, 0, 6]
    assert mpjpe(joints, truth).tolist() == [5 / 3, 2]
    assert mpjpe(joints, truth, np.array([True, False, False])).tolist() == [5, 0]


def test_tables(prior: PosePrior) -> None:
    plan = Plan(frames=5, samples=3, runs=2, iterations=(0, 2, 4))
    test = make_test(prior, [MOTION], plan.frames)
    assert len(test.joints) == 5
    result = evaluate_prior(prior, test, plan, torch.Generator().manual_seed(0), lambda text: None)
    assert list(result["path"]) == ["region", "zero"]
    made = tables({"a": result}, plan)
    assert [table.name for table in made] == ["errors", "best", "iterations"]
    assert made[0].rows[0][:2] == ("a", "z = mu_H")
    assert made[2].rows[1][2:] == tuple(result["path"]["zero"][k]["full"] for k in ("0", "2", "4"))
    every = evaluate_prior(
        prior, test, replace(plan, samples=12, runs=1), torch.Generator().manual_seed(0), lambda text: None
    )
    assert every["best"]["full"][0] < np.mean(result["best"]["full"])


def test_a_perfect_prior_has_no_error(prior: PosePrior) -> None:
    test = make_test(prior, [MOTION], 6)
    x = prior.space.encode(frames_of([MOTION]).rotations)
    joints = prior.space.body(x, torch.as_tensor(test.head)).positions.numpy()
    assert mpjpe(joints, test.joints).max() < 1e-3


def test_the_right_clips_are_taken(prior: PosePrior) -> None:
    motions = [a_motion(PLAIN, 6, k, clip=f"kind{'abcdefghij'[k]}") for k in range(10)]
    parts = [part_of(motions, part) for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [7, 1, 2]
    assert len(part_of(motions, "all")) == 10
    assert training_part(motions) == parts[0]
    with pytest.raises(UsageError, match="--part all"):
        part_of(motions[:1], "test")
    with pytest.raises(UsageError, match="at least 3"):
        training_part(motions[:2])
    with pytest.raises(WrongKindError, match="another skeleton"):
        make_test(prior, [a_motion(SMPL_BODY)], 5)


def test_training_and_its_card() -> None:
    motions = [a_motion(PLAIN, 12, k, clip=f"kind{'abc'[k]}") for k in range(3)]
    plan = TrainingPlan("realnvp", "tiny", 0, 2, 4, 1e-3)
    trained = train_pose(motions, plan)
    assert trained.finished
    card = pose_card("facekit train-prior pose x", trained, motions)
    assert "kinda, kindb, kindc" in card
    assert "15 joints" in card


@pytest.mark.parametrize("kind", KINDS)
def test_invented_motions(kind: str) -> None:
    one, same, other = (make_motion(kind, 1.0, torch.Generator().manual_seed(s), "a") for s in (1, 1, 2))
    assert one.rotations.shape == (30, 22, 3)
    assert np.array_equal(one.rotations, same.rotations)
    assert not np.allclose(one.rotations, other.rotations, atol=0.05)
    joints = world_joints(one)
    np.testing.assert_allclose(joints[..., 1].min(1), SOLE, atol=1e-5)
    assert joints[:, SMPL_BODY.devices[0], 1].min() > 0.7
    assert np.abs(np.diff(joints, axis=0)).max() < 0.2  # m in a frame
    moved = np.linalg.norm(joints[-1, 0] - joints[0, 0])
    assert (moved > 0.5) == (kind in ("walk", "curve"))


def test_curves() -> None:
    picture = curves_picture({"a": [3.0, 2.0, 1.0], "b": [4.0, 4.0, 4.0]}, (0, 2, 5), "x", "y")
    rows = [np.flatnonzero((picture[60:, 300:] == colour).all(-1).any(1)) for colour in COLOURS[:2]]
    assert np.ptp(rows[0]) > 50  # falls
    assert np.ptp(rows[1]) < 10  # level
    assert rows[1].min() < rows[0].min()
