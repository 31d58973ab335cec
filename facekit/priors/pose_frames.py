"""Frames of motions to learn poses from, and which of their joints are hidden in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facekit.errors import UsageError
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.clips import groups, mirrored, resample
from facekit.motion.skeleton import Skeleton, forward_kinematics, skeleton_of
from facekit.priors.pose_space import without_heading
from facekit.records import Motion

FPS = 30.0
GROWING = 0.3  # part of the training in which more and more joints are hidden
WHOLE = 0.75  # part of the examples that hide all that are due
CHUNK = 4096  # frames turned at once


@dataclass(frozen=True)
class Frames:
    """Poses without heading or place."""

    rotations: Tensor  # (N, J, 3, 3) float32
    head: Tensor  # (N,) float32, height of the head above the floor, m
    weight: Tensor  # (N,) float64, how often each is drawn, sum 1
    clip: Tensor  # (N,) int64, index of its clip


def common_skeleton(motions: Sequence[Motion]) -> Skeleton:
    """The skeleton of all motions. Raises UsageError where they differ."""
    first = skeleton_of(motions[0])
    for motion in motions:
        if not skeleton_of(motion).same_as(first):
            raise UsageError(
                f"the clips {motions[0].clip} and {motion.clip} move different skeletons; give those of one"
            )
    return first


def frames_of(motions: Sequence[Motion], *, both_sides: bool = False, fps: float = FPS) -> Frames:
    """Frames at ``fps``, with ``both_sides`` also of the mirror images.

    A group of clips is drawn as often as the square root of its length, so that what there is much of does
    not drown the rest.
    """
    skeleton = common_skeleton(motions)
    of = groups(motions)
    rotations, heads, clips = [], [], []
    for index, motion in enumerate(motions):
        thinned = resample(motion, fps)
        for version in (thinned, mirrored(thinned))[: 1 + both_sides]:
            for part in range(0, len(version.root), CHUNK):
                turns = torch.as_tensor(version.rotations[part : part + CHUNK]).double()
                R = axis_angle_to_matrix(turns)
                places, _ = forward_kinematics(skeleton, R)
                heads.append(
                    places[:, skeleton.devices[0], 1] + torch.as_tensor(version.root[part : part + CHUNK, 1])
                )
                rotations.append(without_heading(skeleton, R).float())
                clips.append(torch.full((len(R),), index))
    clip = torch.cat(clips)
    names = {name: number for number, name in enumerate(dict.fromkeys(of))}
    group = torch.tensor([names[name] for name in of])[clip]
    count = torch.bincount(group, minlength=len(names)).double()
    weight = count.clamp(min=1).rsqrt()[group]
    return Frames(torch.cat(rotations), torch.cat(heads).float(), weight / weight.sum(), clip)


def thin(frames: Frames, count: int) -> Frames:
    """At most ``count`` frames, evenly through all."""
    if len(frames.head) <= count:
        return frames
    keep = torch.as_tensor(np.linspace(0, len(frames.head) - 1, count).round().astype(np.int64))
    weight = frames.weight[keep]
    return Frames(frames.rotations[keep], frames.head[keep], weight / weight.sum(), frames.clip[keep])


def masked_order(skeleton: Skeleton) -> list[int]:
    """Joints in the order in which they come to be hidden: legs from the feet up, trunk, then neck and arms.

    Head and hands never are (curriculum masking; supplement, Sec. 1).
    """
    depth = {joint: level for level, joints in enumerate(skeleton.levels) for joint in joints}
    free = [joint for joint in range(skeleton.size) if joint not in skeleton.devices]

    def rank(joint: int) -> tuple[int, int, int]:
        part = 1 if skeleton.trunk[joint] else 0 if skeleton.lower[joint] else 2
        return part, -depth[joint], joint

    return sorted(free, key=rank)


def seen_joints(
    order: Sequence[int], joints: int, count: int, progress: float, generator: torch.Generator
) -> Tensor:
    """(count, J) bool, the joints that are not hidden at a point of the training.

    The longest row of hidden joints grows over the first part of the training; most of the examples hide
    all of it, the others a random part of it.
    """
    due = min(len(order), 1 + int(len(order) * min(1.0, progress / GROWING)))
    length = torch.randint(0, due + 1, (count,), generator=generator)
    length[torch.rand(count, generator=generator) < WHOLE] = due
    rank = torch.full((joints,), joints)
    rank[list(order)] = torch.arange(len(order))
    return rank[None] >= length[:, None]
