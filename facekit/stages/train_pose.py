"""train-prior pose: motion clips to a prior over the poses of a body of which head and hands are seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.motion.clips import groups
from facekit.motion.takes import parts
from facekit.priors.pose_files import to_arrays
from facekit.priors.pose_frames import common_skeleton, frames_of
from facekit.priors.pose_prior import PRESETS, pose_prior
from facekit.priors.pose_space import PoseSpace
from facekit.priors.pose_training import pose_task
from facekit.records import Motion
from facekit.train.distributed import Group
from facekit.train.loop import Settings, train

Arrays = dict[str, NDArray[Any]]

STEPS = {"tiny": 200, "small": 20_000, "paper": 100_000}
BATCH = {"tiny": 32, "small": 128, "paper": 1024}
RATE = {"tiny": 1e-3, "small": 1e-3, "paper": 1e-4}
LEAST_GROUPS = 3  # so that each part of the split has one


@dataclass(frozen=True)
class Plan:
    """What to train and for how long."""

    kind: str  # of priors.pose_prior.KINDS
    preset: str
    seed: int
    steps: int
    batch: int
    rate: float
    supervised: bool = False  # intermediate supervision of FLAG's flow
    every: int = 500  # steps between checkpoints


@dataclass(frozen=True)
class TrainedPose:
    """A prior as ``files.weights`` writes it."""

    arrays: Arrays
    settings: dict[str, str]
    step: int
    losses: dict[str, float]  # of the last step
    finished: bool


def training_part(motions: Sequence[Motion], part: str = "train") -> list[Motion]:
    """The clips of one part of the split. Raises UsageError where there are too few to split."""
    count = len(set(groups(motions)))
    if count < LEAST_GROUPS:
        raise UsageError(
            f"the clips are of {count} subjects or kinds of motion; give at least {LEAST_GROUPS}, some "
            "of which are kept for the test"
        )
    return [motion for motion, kind in zip(motions, parts(motions), strict=True) if kind == part]


def train_pose(
    motions: Sequence[Motion],
    plan: Plan,
    group: Group | None = None,
    *,
    resume: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> TrainedPose:
    """Train on ``motions`` and their mirror images. See ``train.loop.train`` for resume, save and report."""
    sizes = PRESETS[plan.preset]
    frames = frames_of(motions, both_sides=True)
    space = PoseSpace.of(common_skeleton(motions), frames.rotations)
    prior = pose_prior(plan.kind, space, sizes, torch.Generator().manual_seed(plan.seed))
    task = pose_task(prior, frames, plan.batch, supervised=plan.supervised)
    settings = Settings(plan.steps, plan.seed, rate=plan.rate, every=plan.every)
    outcome = train(task, settings, group or Group(), resume=resume, save=save, report=report)
    arrays, described = to_arrays(prior, sizes)
    return TrainedPose(arrays, described, outcome.step, outcome.losses, outcome.finished)


def pose_card(command: str, trained: TrainedPose, motions: Sequence[Motion]) -> str:
    """The card that stands beside the weights: how they were made, and from what."""
    weights = sum(array.size for array in trained.arrays.values())
    seconds = sum(len(motion.root) / motion.fps for motion in motions)
    losses = ", ".join(f"{name} {value:.3f}" for name, value in trained.losses.items())
    return f"""# Prior over poses: {trained.settings["model"]}

Moves a body of {motions[0].joint_names.size} joints from what a headset sees of head and hands (`facekit
drive`). {weights / 1e6:.2f} million weights, stored in half precision.

* Made by `{command}`.
* {trained.step} steps on {len(motions)} clips, {seconds:.0f} seconds, and their mirror images:
  {", ".join(sorted(set(groups(motions))))}.
* Losses of the last step: {losses}.
* How good it is on clips it has not seen: `facekit evaluate pose`; see docs/flag.md.
"""
