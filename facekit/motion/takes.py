"""Clips as takes, and what is kept from training: whole kinds of motion, and other takes of known kinds.

Archives hold the same take more than once: cut shorter, mirrored, or under another name. Such copies are
found by what is in them, since names do not tell.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.clips import groups, mirrored, split
from facekit.motion.headset import heading
from facekit.motion.skeleton import forward_kinematics, skeleton_of
from facekit.records import FloatArray, Motion

COPY = 0.01  # m, median over the frames of the distance to the nearest frame of the other clip
FPS = 60.0  # at most, of the clip that is searched
FRAMES = 64  # at most, of the clip that is looked for
TAKES = 3  # takes of a kind, one of which may be kept from training
PART = 0.2  # of the takes


def parts(motions: Sequence[Motion]) -> list[str]:
    """ "train", "validation", "test" or "takes" for each clip, copies of a take together.

    "test" and "validation" are kinds of motion that are not trained on (see ``clips.split``); "takes" are a
    fifth of the takes of each kind that is trained on and has three or more. Where clips are told apart by
    subject there are no "takes": other subjects are the test.
    """
    of, part = groups(motions), split(motions)
    if of == [motion.subject for motion in motions]:
        return part
    for name in sorted(set(of)):
        own = [index for index, group in enumerate(of) if group == name and part[index] == "train"]
        take = takes([motions[index] for index in own])
        order = sorted(set(take), key=lambda first: zlib.crc32(motions[own[first]].clip.encode()))
        kept = order[: round(PART * len(order))] if len(order) >= TAKES else []
        for index, first in zip(own, take, strict=True):
            if first in kept:
                part[index] = "takes"
    return part


def takes(motions: Sequence[Motion]) -> list[int]:
    """For each clip the index of the first clip that is a copy of the same take, whole or in part."""
    found = [_places(motion) for motion in motions]
    both = [np.concatenate([own, _places(mirrored(m))]) for own, m in zip(found, motions, strict=True)]
    first = list(range(len(motions)))
    for one in range(len(motions)):
        for other in range(one):
            if first[one] != first[other] and _are_copies(one, other, found, both):
                low, high = sorted((first[one], first[other]))
                first = [low if value == high else value for value in first]
    return first


def _are_copies(one: int, other: int, own: Sequence[FloatArray], both: Sequence[FloatArray]) -> bool:
    """Whether the shorter of two clips is in the longer one or in its mirror image."""
    short, long = sorted((one, other), key=lambda index: len(own[index]))
    if own[short].shape[1] != own[long].shape[1]:
        return False
    few = own[short][:: -(-len(own[short]) // FRAMES)]
    square = (few**2).sum(1)[:, None] + (both[long] ** 2).sum(1) - 2 * few @ both[long].T
    joints = few.shape[1] / 3
    return bool(np.median(np.sqrt(square.min(1).clip(0) / joints)) < COPY)


def _places(motion: Motion) -> FloatArray:
    """Joints (T, 3 J) m, as seen from the head, in the frames of a clip."""
    step = max(1, int(motion.fps / FPS))
    R = axis_angle_to_matrix(motion.rotations[::step].astype(np.float64))
    skeleton = skeleton_of(motion)
    places, turned = forward_kinematics(skeleton, R)
    head = skeleton.devices[0]
    back = np.swapaxes(heading(turned[:, head]), -1, -2)[:, None]
    local = (back @ (places - places[:, head, None])[..., None])[..., 0]
    return local.reshape(len(local), -1)
