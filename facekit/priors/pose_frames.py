"""Frames of motions to learn poses from, and the batches drawn from them."""

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
from facekit.priors.pose_space import PoseSpace, without_heading
from facekit.records import Motion

FPS = 30.0
SIZES = 0.15  # log of a wearer's size: uniform within this of 0
LOST_HAND = 0.1  # how often each hand is not seen
OTHER_ARM = 0.15  # how often each arm is that of another frame: few clips show few ways to use arms
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

    The longest row of hidden joints grows until half of the training is done; half of the examples hide all
    of it, the others a random part of it.
    """
    due = min(len(order), 1 + int(len(order) * min(1.0, 2 * progress)))
    length = torch.randint(0, due + 1, (count,), generator=generator)
    length[torch.rand(count, generator=generator) < 0.5] = due
    rank = torch.full((joints,), joints)
    rank[list(order)] = torch.arange(len(order))
    return rank[None] >= length[:, None]


def draw(
    frames: Frames, x: Tensor, arms: Tensor, count: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """A batch of the poses x (N, D), with heads' heights, which hands are seen, wearers' sizes, noise.

    ``arms`` (2, D) bool are the coordinates of the left and of the right arm.
    """
    index = torch.multinomial(frames.weight, count, replacement=True, generator=generator)
    drawn = x[index]
    for arm in arms:
        other = x[torch.multinomial(frames.weight, count, replacement=True, generator=generator)]
        swapped = torch.rand(count, 1, generator=generator) < OTHER_ARM
        drawn = torch.where(swapped & arm, other, drawn)
    hands = torch.rand(count, 2, generator=generator) >= LOST_HAND
    return {
        "x": drawn,
        "head": frames.head[index],
        "hands": hands,
        "log_size": SIZES * (2 * torch.rand(count, generator=generator) - 1),
        "noise": torch.randn(count, x.shape[1], generator=generator),
    }


def arm_coordinates(space: PoseSpace) -> Tensor:
    """(2, D) bool: the coordinates of x that turn the left arm, and those that turn the right one."""
    joints = space.kept // 3
    rows = []
    for side in ("left", "right"):
        arm = [
            side in name and not low
            for name, low in zip(space.skeleton.names, space.skeleton.lower, strict=True)
        ]
        rows.append(torch.tensor(arm)[joints.cpu()])
    return torch.stack(rows)
