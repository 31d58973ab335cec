"""What a headset sees of a body, checked, and turned into the frame in which poses are learned.

That frame stands on the floor below the head and is turned about the vertical as the head is: x and z of the
head are 0 and its yaw is 0. Lengths are divided by the size of the wearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.errors import UnreadableError
from facekit.geometry.arrays import Array, namespace
from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_sixd
from facekit.motion.clips import TALLEST
from facekit.motion.skeleton import forward_kinematics, skeleton_of
from facekit.records import BoolArray, FloatArray, Headset, Motion

NAMES = ("head", "left hand", "right hand")
PER_DEVICE = 10  # 6-D rotation, position, whether it is seen
ORTHONORMAL = 0.02  # largest deviation of R R^T from the identity


@dataclass(frozen=True)
class Seen:
    """A headset's signal in the frame of the head, and where that frame is."""

    signal: (
        FloatArray  # (T, 3, 10) float32: 6-D rotation, position in sizes of the wearer, 1 where seen; else 0
    )
    heading: FloatArray  # (T, 3, 3) frame to world, about y
    origin: FloatArray  # (T, 3) m, the floor below the head
    scale: float


def heading(rotation: Array) -> Array:
    """The rotation about y (..., 3, 3) nearest to ``rotation`` (..., 3, 3): its twist about the vertical."""
    xp = namespace(rotation)
    sine, cosine = rotation[..., 0, 2] - rotation[..., 2, 0], rotation[..., 0, 0] + rotation[..., 2, 2]
    angle = xp.arctan2(sine, cosine)
    vector = xp.stack([0 * angle, angle, 0 * angle], -1)
    return axis_angle_to_matrix(vector)


def headset_of(motion: Motion, scale: float = 1.0) -> Headset:
    """What a headset would see of a motion by a wearer of ``scale`` times the skeleton's size."""
    skeleton = skeleton_of(motion)
    places, turned = forward_kinematics(skeleton, axis_angle_to_matrix(motion.rotations.astype(np.float64)))
    devices = list(skeleton.devices)
    positions = scale * (places + motion.root[:, None])
    return Headset(
        fps=motion.fps,
        scale=scale,
        rotations=turned[:, devices].astype(np.float32),
        positions=positions[:, devices].astype(np.float32),
        history=motion.history,
    )


def check_headset(headset: Headset) -> None:
    """Raise UnreadableError, naming the frame and the device, where a signal cannot be one."""
    R, p = headset.rotations.astype(np.float64), headset.positions.astype(np.float64)
    if R.shape[1:] != (3, 3, 3) or p.shape != (len(R), 3, 3):
        raise UnreadableError(
            f"the headset signal has rotations of shape {R.shape} and positions of shape {p.shape}; expected "
            "(frames, 3, 3, 3) and (frames, 3, 3): head, left hand, right hand"
        )
    if not len(R):
        raise UnreadableError("the headset signal has no frames")
    seen = observed(headset)
    if not seen[:, 0].all():
        frame = int(np.flatnonzero(~seen[:, 0])[0])
        raise UnreadableError(f"the head is missing in frame {frame}; only hands may be; cut that part out")
    far = np.abs(np.where(seen[..., None], p, 0.0))
    if float(np.median(far[:, 0, 1])) > TALLEST:
        raise UnreadableError(
            f"the head is {np.median(far[:, 0, 1]):.0f} m above the floor (millimetres?); give metres"
        )
    off = np.abs(R @ np.swapaxes(R, -1, -2) - np.eye(3)).max((-1, -2))
    bad = seen & ((off > ORTHONORMAL) | (np.linalg.det(np.where(seen[..., None, None], R, np.eye(3))) < 0))
    if bad.any():
        frame, device = np.argwhere(bad)[0]
        raise UnreadableError(
            f"the rotation of the {NAMES[device]} in frame {frame} is none (its axes are not of length one "
            "and at right angles, or it mirrors); give rotation matrices"
        )
    if not np.isfinite(headset.fps) or headset.fps <= 0:
        raise UnreadableError(f"fps is {headset.fps}; it is the number of frames a second")
    if not np.isfinite(headset.scale) or not 0.2 < headset.scale < 5:
        raise UnreadableError(f"scale is {headset.scale}; it is the wearer's size over that of the skeleton")


def observed(headset: Headset) -> BoolArray:
    """(T, 3) bool: a device of which anything is NaN is not seen."""
    return np.isfinite(headset.rotations).all((-1, -2)) & np.isfinite(headset.positions).all(-1)


def in_head_frame(headset: Headset) -> Seen:
    """The signal as a network sees it. Raises UnreadableError as ``check_headset``."""
    check_headset(headset)
    seen = observed(headset)
    R = np.where(seen[..., None, None], headset.rotations, np.eye(3)).astype(np.float64)
    p = np.where(seen[..., None], headset.positions, 0.0).astype(np.float64)
    turn = heading(R[:, 0])
    origin = p[:, 0] * [1.0, 0.0, 1.0]
    back = np.swapaxes(turn, -1, -2)[:, None]
    local = (back @ (p - origin[:, None])[..., None])[..., 0] / headset.scale
    values = np.concatenate([matrix_to_sixd(back @ R), local], -1)
    signal = np.concatenate([np.where(seen[..., None], values, 0.0), seen[..., None]], -1)
    return Seen(signal.astype(np.float32), turn, origin, float(headset.scale))
