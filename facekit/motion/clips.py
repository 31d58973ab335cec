"""Motion clips: their pace, their mirror image, which way they face, their parts for training and test."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from facekit.errors import WrongKindError
from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from facekit.motion.skeleton import Skeleton, forward_kinematics, skeleton_of
from facekit.records import FloatArray, Motion

TALLEST = 10.0  # m; bones or headsets beyond are in another unit
TEST, VALIDATION = 0.2, 0.1  # parts of the groups
ALWAYS_TRAIN = 0.2  # part of the seconds
ANKLE = 0.03  # m, of the lowest joint above the floor
STANDS, GROUNDED = 0.8, 0.2  # of the greatest height; quantile of the frames
# Words of a clip's name that say how or where, not what.
_HOW = {"mirror", "mirrored", "left", "right", "forward", "backward", "backwards", "humanoid3d", "sie"}


def resample(motion: Motion, fps: float) -> Motion:
    """The motion at another pace; rotations between frames along the shortest arc."""
    count = len(motion.root)
    frames = max(1, int(np.floor((count - 1) / motion.fps * fps + 1e-6)) + 1)
    at = np.minimum(np.arange(frames) * motion.fps / fps, count - 1)
    low = np.floor(at).astype(np.int64)
    high, part = np.minimum(low + 1, count - 1), at - low
    root = motion.root[low] + part[:, None] * (motion.root[high] - motion.root[low])
    first = axis_angle_to_matrix(motion.rotations[low].astype(np.float64))
    then = axis_angle_to_matrix(motion.rotations[high].astype(np.float64))
    step = matrix_to_axis_angle(np.swapaxes(first, -1, -2) @ then)
    turned = first @ axis_angle_to_matrix(step * part[:, None, None])
    return replace(
        motion,
        fps=float(fps),
        root=root.astype(np.float32),
        rotations=matrix_to_axis_angle(turned).astype(np.float32),
    )


def mirrored(motion: Motion) -> Motion:
    """The mirror image: left and right change places."""
    flip = skeleton_of(motion).mirror
    return replace(
        motion,
        clip=f"{motion.clip}_mirror",
        offsets=motion.offsets[flip] * np.array([-1, 1, 1], np.float32),
        rotations=motion.rotations[:, flip] * np.array([1, -1, -1], np.float32),
        root=motion.root * np.array([-1, 1, 1], np.float32),
    )


def axes_of(skeleton: Skeleton) -> FloatArray:
    """(3, 3) rotation about y to the axes of facekit, +x to the body's left, from those of the rest pose.

    The sides are told apart by the names of the joints. Raises WrongKindError where there are none.
    """
    places = np.zeros((skeleton.size, 3))
    for joint, parent in enumerate(skeleton.parents[1:], 1):
        places[joint] = places[parent] + skeleton.offsets[joint]
    left = [j for j, name in enumerate(skeleton.names) if "left" in name]
    across = (places[left] - places[skeleton.mirror[left]]).sum(0)
    across[1] = 0.0
    if not left or np.linalg.norm(across) < 1e-3:
        raise WrongKindError("the joint names do not tell left from right; name them left_ and right_")
    x, _, z = across / np.linalg.norm(across)
    return np.array([[x, 0.0, z], [0.0, 1.0, 0.0], [-z, 0.0, x]])


def face_forward(motion: Motion) -> Motion:
    """The same motion in axes in which the resting body faces +z, its left at +x."""
    turn = axes_of(skeleton_of(motion)).astype(np.float32)
    return replace(
        motion,
        offsets=motion.offsets @ turn.T,
        rotations=motion.rotations @ turn.T,  # the axis of C R C^T is C times that of R
        root=motion.root @ turn.T,
    )


def standing_size(motion: Motion) -> float:
    """Size of who was captured over that of the skeleton, from how high the root is above the lowest joint.

    While a foot is on the floor (y = 0) that is the height of the root; in the air it is less, so a low
    quantile over the frames in which the body stands is taken. 1 where it never does, or where what comes
    out is no size of a person (a floor elsewhere).
    """
    skeleton = skeleton_of(motion)
    places, _ = forward_kinematics(skeleton, axis_angle_to_matrix(motion.rotations.astype(np.float64)))
    below = ANKLE - places[..., 1].min(1)
    tall = float(below.max(initial=0.0))
    stands = below > STANDS * tall
    if tall < 0.5 or not stands.any():
        return 1.0
    size = float(np.quantile(motion.root[stands, 1] / below[stands], GROUNDED))
    return size if 0.7 < size < 1.4 else 1.0


def check_motion(motion: Motion) -> str | None:
    """What is wrong with values from outside, or None."""
    size = len(motion.joint_names)
    if motion.rotations.shape[1:] != (size, 3) or motion.root.shape != (len(motion.rotations), 3):
        return (
            f"{size} joints, but rotations of shape {motion.rotations.shape} and root positions of shape "
            f"{motion.root.shape}; expected (frames, {size}, 3) and (frames, 3)"
        )
    if not len(motion.root):
        return "it has no frames"
    if not all(np.isfinite(value).all() for value in (motion.rotations, motion.root, motion.offsets)):
        return "it holds NaN or infinite values"
    if motion.fps <= 0:
        return f"its frame rate is {motion.fps}"
    longest = float(np.linalg.norm(motion.offsets[1:], axis=1).max(initial=0.0))
    if longest > TALLEST or float(np.median(np.abs(motion.root[:, 1]))) > TALLEST:
        return "its lengths are too large for metres (millimetres?); divide them by 1000"
    return None


def theme(clip: str) -> str:
    """What is done in a clip, without take, side and mirror image: ``d3d_run_left04`` is ``run``."""
    words = [re.sub(r"\d+$", "", word) for word in re.split(r"[_\s-]+", clip.lower())]
    kept = [word for word in words if len(word) > 1 and word not in _HOW and word != "long"]
    return "_".join(kept) or clip.lower()


def groups(motions: Sequence[Motion]) -> list[str]:
    """The group of each clip that no split may part: its subject where three or more are known, or its
    theme; a theme that begins as another does, as ``zombie_walk`` as ``zombie``, goes with it.
    """
    people = {motion.subject for motion in motions if motion.subject}
    if len(people) >= 3 and all(motion.subject for motion in motions):
        return [motion.subject for motion in motions]
    themes = [theme(motion.clip) for motion in motions]
    shortest = sorted(set(themes), key=len)
    return [next(s for s in shortest if f"{name}_".startswith(f"{s}_")) for name in themes]


def split(motions: Sequence[Motion]) -> list[str]:
    """ "train", "validation" or "test" for each clip; clips of one group stay together.

    Groups take their turn in the order of a checksum of their names, so that the split depends on nothing
    else: a fifth of them are for the test, a tenth for validation. A group that makes up a fifth of all
    seconds is always trained on.
    """
    of = groups(motions)
    seconds: dict[str, float] = {}
    for name, motion in zip(of, motions, strict=True):
        seconds[name] = seconds.get(name, 0.0) + len(motion.root) / motion.fps
    total = sum(seconds.values())
    free = [name for name in seconds if seconds[name] < ALWAYS_TRAIN * total]
    free.sort(key=lambda name: zlib.crc32(name.encode()))
    test, validation = round(TEST * len(seconds)), round(VALIDATION * len(seconds))
    part = dict.fromkeys(seconds, "train")
    part |= dict.fromkeys(free[:test], "test")
    part |= dict.fromkeys(free[test : test + validation], "validation")
    return [part[name] for name in of]
