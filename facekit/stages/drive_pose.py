"""drive, for bodies: what a headset sees, frame by frame, to a whole body that moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from facekit.metrics.joints import mpjpe
from facekit.motion.draw import Panel, draw_body, sheet
from facekit.motion.headset import Seen, in_head_frame
from facekit.motion.skeleton import forward_kinematics, motion_on, skeleton_of
from facekit.priors.pose_fit import follow, misfit, observe
from facekit.priors.pose_prior import PosePrior
from facekit.records import ByteArray, FloatArray, Headset, Motion

VIDEO_FPS = 30.0
STILLS = 8  # bodies on the picture
SMOOTH = 0.5  # s, over which the camera follows


@dataclass(frozen=True)
class Driven:
    """A moving body, and how well it agrees with the headset."""

    motion: Motion
    misfit: FloatArray  # (T,) squared deviations of a tracker, summed over head and hands
    seen: Seen


def drive_pose(
    prior: PosePrior, headset: Headset, iterations: int, clip: str, tick: Callable[[], object] = lambda: None
) -> Driven:
    """The body that a headset's signal moves; ``tick`` is called after each frame.

    Raises UnreadableError for a bad signal.
    """
    seen = in_head_frame(headset)
    observed = observe(seen)
    poses = []
    for x in follow(prior, observed, iterations, 1 / headset.fps):
        poses.append(x)
        tick()
    x = torch.stack(poses)
    wrong = misfit(prior, x, observed.signal).numpy()
    return Driven(motion_of(prior, x, seen, headset.fps, clip), wrong, seen)


def motion_of(prior: PosePrior, x: torch.Tensor, seen: Seen, fps: float, clip: str) -> Motion:
    """Poses x (T, D) in the world, on bones of the wearer's size."""
    skeleton = prior.space.skeleton
    head = torch.as_tensor(seen.signal[:, 0, 7])
    rotations = prior.space.decode(x).double().numpy()
    root = prior.space.body(x, head).positions[:, 0].double().numpy()
    rotations[:, 0] = seen.heading @ rotations[:, 0]
    wearer = replace(skeleton, offsets=seen.scale * skeleton.offsets)
    place = (seen.heading @ (seen.scale * root)[..., None])[..., 0] + seen.origin
    return motion_on(wearer, matrix_to_axis_angle(rotations), place, fps, clip)


def world_joints(motion: Motion) -> FloatArray:
    """(T, J, 3) m."""
    rotations = axis_angle_to_matrix(motion.rotations.astype(np.float64))
    return forward_kinematics(skeleton_of(motion), rotations)[0] + motion.root[:, None]


def errors(motion: Motion, truth: Motion) -> dict[str, float] | None:
    """MPJPE in cm of the upper and the whole body; None where skeletons or lengths differ."""
    skeleton = skeleton_of(motion)
    if skeleton.names != skeleton_of(truth).names or len(motion.root) != len(truth.root):
        return None
    joints, true = world_joints(motion), world_joints(truth)
    parts = {"upper": ~skeleton.lower, "full": np.ones(skeleton.size, bool)}
    return {name: 100 * float(mpjpe(joints, true, which).mean()) for name, which in parts.items()}


def pictures(
    driven: Driven, headset: Headset, truth: Motion | None, frames: Sequence[int]
) -> Iterator[ByteArray]:
    """The body, and the true one beside it where it is known, in the frames asked for."""
    skeleton, joints = skeleton_of(driven.motion), world_joints(driven.motion)
    true = None if truth is None else world_joints(truth)
    centre = _smooth(driven.seen.origin, headset.fps)
    for frame in frames:
        seen = (headset.positions[frame].astype(np.float64), headset.rotations[frame].astype(np.float64))
        panels = [(skeleton, Panel("from head and hands", joints[frame], *seen))]
        if true is not None and truth is not None and frame < len(true):
            panels.append((skeleton_of(truth), Panel("truth", true[frame], *seen)))
        yield np.concatenate([draw_body(bones, panel, centre[frame]) for bones, panel in panels], 1)


def still(driven: Driven, headset: Headset, truth: Motion | None) -> ByteArray:
    """Some of the frames on one picture."""
    count = len(driven.misfit)
    frames = sorted(set(np.linspace(0, count - 1, min(STILLS, count)).round().astype(int).tolist()))
    return sheet(list(pictures(driven, headset, truth, frames)), 4 if truth is None else 2)


def video_frames(headset: Headset) -> tuple[list[int], float]:
    """Which frames a video shows, and its frame rate: at most 30 a second."""
    every = max(1, round(headset.fps / VIDEO_FPS))
    return list(range(0, len(headset.positions), every)), headset.fps / every


def _smooth(places: FloatArray, fps: float) -> FloatArray:
    """Running mean over ``SMOOTH`` seconds."""
    half = max(1, int(SMOOTH * fps / 2))
    padded = np.pad(places, ((half, half), (0, 0)), mode="edge")
    total = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), 0)
    return (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
