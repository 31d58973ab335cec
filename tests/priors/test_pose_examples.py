"""Poses that no clip holds: what may change, what stays, and what they depend on."""

from __future__ import annotations

import pytest
import torch
from moves import PLAIN

from facekit.motion.headset import heading
from facekit.priors import pose_examples
from facekit.priors.pose_examples import OTHER_ARM, Examples
from facekit.priors.pose_frames import Frames
from facekit.priors.pose_space import PoseSpace
from facekit.priors.pose_training import pose_task

from untrained import make  # isort: skip


@pytest.fixture(scope="module")
def examples(space: PoseSpace, frames: Frames) -> Examples:
    return Examples.of(space, frames)


def drawn(examples: Examples, count: int = 400, seed: int = 0) -> dict[str, torch.Tensor]:
    return examples.draw(count, torch.Generator().manual_seed(seed))


def first(examples: Examples, count: int) -> torch.Tensor:
    """The frames that ``drawn`` begins with."""
    return examples._frames(count, torch.Generator().manual_seed(0))


def alone(monkeypatch: pytest.MonkeyPatch, **kept: float) -> None:
    """Leave one of the changes."""
    for name in ("PLAIN", "MIXED", "OTHER_ARM", "OTHER_LEGS", "JITTER", "LEAN"):
        monkeypatch.setattr(pose_examples, name, kept.get(name, 0.0))


def test_batches_depend_on_the_generator_alone(examples: Examples) -> None:
    one, two, other = (drawn(examples, 16, seed) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["x"], other["x"])


def test_without_changes_poses_are_those_of_the_frames(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(monkeypatch)
    batch = drawn(examples, 50)
    own = first(examples, 50)
    torch.testing.assert_close(batch["x"], examples.x[own], rtol=0, atol=2e-3)
    torch.testing.assert_close(batch["head"], examples.frames.head[own], rtol=0, atol=1e-4)


def test_the_lowest_joint_stays_where_it_was(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, JITTER=0.5, LEAN=0.3, OTHER_ARM=0.5)
    batch = drawn(examples)
    index = first(examples, 400)
    lowest = examples.space.body(batch["x"], batch["head"]).positions[..., 1].min(1).values
    torch.testing.assert_close(lowest, examples.clearance[index], rtol=0, atol=1e-4)
    assert (batch["head"] - examples.frames.head[index]).abs().max() > 0.02


def test_the_head_has_no_yaw(examples: Examples) -> None:
    batch = drawn(examples)
    head = examples.space.body(batch["x"], batch["head"]).orientations[:, PLAIN.devices[0]]
    plain = examples.space.body(examples.x, examples.frames.head).orientations[:, PLAIN.devices[0]]
    for turned in (head, plain):
        torch.testing.assert_close(
            heading(turned), torch.eye(3).expand(len(turned), -1, -1), rtol=0, atol=2e-3
        )


def test_some_arms_are_those_of_another_frame(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {PLAIN.names[joint] for joint in examples.joint[examples.arms[0]].tolist()}
    assert names == {"left_shoulder", "left_elbow", "left_wrist"}
    assert not (examples.arms[0] & examples.arms[1]).any()
    alone(monkeypatch, OTHER_ARM=OTHER_ARM)
    x, own = drawn(examples, 2000)["x"], first(examples, 2000)
    off = (x - examples.x[own]).abs()
    assert off[:, ~examples.arms.any(0)].max() < 5e-3
    swapped = (off[:, examples.arms[0]] > 5e-3).any(1).float().mean().item()
    assert swapped == pytest.approx(OTHER_ARM, abs=0.04)


def test_some_legs_are_those_of_another_frame(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {PLAIN.names[joint] for joint in examples.joint[examples.legs].tolist()}
    assert names == {f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle")}
    alone(monkeypatch, OTHER_LEGS=1.0)
    x, own = drawn(examples)["x"], first(examples, 400)
    off = (x - examples.x[own]).abs()
    assert off[:, ~examples.legs].max() < 5e-3
    assert (off[:, examples.legs] > 5e-3).any(1).float().mean() > 0.9


def test_mixed_poses_lie_between(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, MIXED=1.0)
    x = drawn(examples)["x"][:, examples.joint > 0]
    low, high = (getattr(examples.x[:, examples.joint > 0], name)(0).values for name in ("min", "max"))
    assert (x > low - 1e-3).all()
    assert (x < high + 1e-3).all()
    nearest = torch.cdist(x, examples.x[:, examples.joint > 0]).min(1).values
    assert nearest.median() > 0.1


def test_what_a_headset_says_is_off_by_its_noise(space: PoseSpace, frames: Frames) -> None:
    task = pose_task(make("realnvp", space), frames, 500)
    batch = task.batch(0.0, torch.Generator().manual_seed(0))
    batch["hands"] = torch.ones_like(batch["hands"])
    body = task.prior.space.body(batch["x"], batch["head"])
    told = [task.told(body, batch, amount * batch["tracker"]) for amount in (0.0, 0.02)]
    true, noisy = (c[:, :-1].unflatten(1, (3, 10)) for c in told)
    torch.testing.assert_close(true[..., 6:9], body.positions[:, list(PLAIN.devices)])
    apart = noisy - true
    assert apart[:, 1:, 6:9].std() == pytest.approx(0.02, rel=0.1)
    assert apart[:, 0, [6, 8]].abs().max() == 0  # the frame begins at the head
    assert 0.02 < apart[:, 1:, :6].std() < 0.06
    assert (noisy[..., 9] == 1).all()
