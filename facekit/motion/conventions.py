"""Headset signals in other axes: those of OpenXR, and those of bodies that rest otherwise.

The axes of a wrist are those of the world while its body is at rest, so that bodies which rest with arms out
and bodies which rest with arms down say the same of a hand in different words. OpenXR (Sec. 2.16 and
XR_EXT_hand_tracking): metres, y up, x to the right, the view along -z; of a wrist -z along the fingers, +y
out of the back of the hand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.skeleton import Skeleton
from facekit.records import FloatArray, Headset

WORLD = np.diag([-1.0, 1.0, -1.0])  # from its axes to those of facekit: half a turn about y


def from_openxr(headset: Headset, skeleton: Skeleton) -> Headset:
    """The same signal in facekit's axes, for a body of ``skeleton``, whose resting hands tell the axes of
    its wrists. NaN stays NaN.
    """
    back = np.stack([WORLD, *(_resting_wrist(skeleton, device) for device in (1, 2))])
    rotations = WORLD @ headset.rotations.astype(np.float64) @ np.swapaxes(back, -1, -2)
    positions = headset.positions.astype(np.float64) @ WORLD
    return replace(headset, rotations=rotations.astype(np.float32), positions=positions.astype(np.float32))


def on_body(headset: Headset, one: Skeleton, other: Skeleton) -> Headset:
    """A signal in the axes of the wrists of ``one`` in those of ``other``."""
    change = [np.eye(3)]
    change += [_resting_wrist(one, k) @ _resting_wrist(other, k).T for k in (1, 2)]
    rotations = headset.rotations.astype(np.float64) @ np.stack(change)
    return replace(headset, rotations=rotations.astype(np.float32))


def _resting_wrist(skeleton: Skeleton, device: int) -> FloatArray:
    """(3, 3) axes of a wrist as OpenXR has them, in columns, while the skeleton is at rest.

    With arms out to the sides the backs of the hands are up; other rests are reached by the shortest turn.
    """
    bone = skeleton.offsets[skeleton.devices[device]]
    along = bone / np.linalg.norm(bone)
    side = np.array([1.0 if device == 1 else -1.0, 0.0, 0.0])
    axis = np.cross(side, along)
    sine, cosine = float(np.linalg.norm(axis)), float(side @ along)
    turn = axis_angle_to_matrix(axis / sine * np.arctan2(sine, cosine)) if sine > 1e-6 else np.eye(3)
    up = turn @ np.array([0.0, 1.0, 0.0])
    return np.stack([np.cross(up, -along), up, -along], -1)
