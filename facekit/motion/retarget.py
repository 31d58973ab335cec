"""Motions of any skeleton as AMASS stores them, on the joints of SMPL, and back.

AMASS: z up; ``poses`` axis-angle, three values a joint; ``trans`` moves a body whose resting pelvis stands
``PELVIS`` from the origin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from facekit.motion.bodies import PELVIS, SMPL_BODY
from facekit.motion.skeleton import Skeleton, forward_kinematics, motion_on, skeleton_of
from facekit.records import FloatArray, Motion

SMPLH = 52  # joints of the layout, fingers included
UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # z up to y up
# Joints that stand in for one that a skeleton lacks, in this order.
_STAND_IN = {
    "pelvis": ("root", "hips"),
    "spine1": ("pelvis", "root"),
    "spine2": ("chest", "spine1", "pelvis", "root"),
    "spine3": ("chest", "spine2", "pelvis", "root"),
    "neck": ("head", "spine3", "chest"),
    "head": ("neck",),
    "collar": ("spine3", "chest", "pelvis", "root"),
    "foot": ("ankle",),
    "wrist": ("hand", "elbow"),
}


def to_amass(motion: Motion) -> dict[str, NDArray[Any]]:
    """The arrays of an AMASS file: poses (T, 156), trans (T, 3), betas (16,), gender, mocap_framerate.

    A skeleton other than SMPL's is carried over bone by bone: each limb points the same way; joints it lacks
    stay with the next one. Root heights are scaled by the length of the legs.
    """
    skeleton = skeleton_of(motion)
    local = axis_angle_to_matrix(motion.rotations.astype(np.float64))
    root = motion.root.astype(np.float64)
    if skeleton.names != SMPL_BODY.names:
        root = root * (_leg(SMPL_BODY) / _leg(skeleton))
        local = _carried_over(skeleton, local)
    poses = np.zeros((len(root), SMPLH, 3), np.float32)
    poses[:, : SMPL_BODY.size] = matrix_to_axis_angle(local)
    poses[:, 0] = matrix_to_axis_angle(UP.T @ local[:, 0])
    return {
        "poses": poses.reshape(len(root), -1),
        "trans": (root @ UP - PELVIS).astype(np.float32),
        "betas": np.zeros(16, np.float32),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(motion.fps),
    }


def from_amass(poses: FloatArray, trans: FloatArray, fps: float, clip: str, subject: str) -> Motion:
    """The body of an AMASS file, fingers left out, on facekit's own bones; ``poses`` (T, 66 or more)."""
    turns = np.asarray(poses, np.float64).reshape(len(poses), -1, 3)[:, : SMPL_BODY.size].copy()
    turns[:, 0] = matrix_to_axis_angle(UP @ axis_angle_to_matrix(turns[:, 0]))
    root = (np.asarray(trans, np.float64) + PELVIS) @ UP.T
    return motion_on(SMPL_BODY, turns, root, fps, clip, subject)


def _carried_over(skeleton: Skeleton, local: FloatArray) -> FloatArray:
    """Rotations (T, 22, 3, 3) of SMPL's joints under which its limbs point as those of ``skeleton`` do."""
    _, turned = forward_kinematics(skeleton, local)
    whole = np.zeros((len(local), SMPL_BODY.size, 3, 3))
    for joint, name in enumerate(SMPL_BODY.names):
        source = _source(skeleton, name)
        whole[:, joint] = turned[:, source] @ _between(SMPL_BODY, joint, skeleton, source)
    above = whole[:, [max(parent, 0) for parent in SMPL_BODY.parents]]
    relative = np.swapaxes(above, -1, -2) @ whole
    relative[:, 0] = whole[:, 0]
    return relative


def _source(skeleton: Skeleton, name: str) -> int:
    """The joint of ``skeleton`` that moves SMPL's joint ``name``."""
    side, _, part = name.rpartition("_")
    for candidate in (part, *_STAND_IN.get(part, ())):
        for full in (f"{side}_{candidate}".strip("_"), candidate):
            if full in skeleton.names:
                return skeleton.names.index(full)
    return 0


def _between(smpl: Skeleton, joint: int, skeleton: Skeleton, source: int) -> FloatArray:
    """(3, 3) from the resting limb of SMPL to that of the skeleton; none for the trunk, which is upright."""
    if "_" not in smpl.names[joint] or "collar" in smpl.names[joint]:
        return np.eye(3)
    one, other = _limb(smpl, joint), _limb(skeleton, source)
    axis = np.cross(one, other)
    sine, cosine = float(np.linalg.norm(axis)), float(one @ other)
    if sine < 1e-6:
        return np.eye(3)
    return axis_angle_to_matrix(axis / sine * np.arctan2(sine, cosine))


def _limb(skeleton: Skeleton, joint: int) -> FloatArray:
    """The unit vector (3,) along the bone that starts at a joint; at the end of a limb that of the parent.

    Feet have no bone in some skeletons: they follow the shin.
    """
    children = [j for j, parent in enumerate(skeleton.parents) if parent == joint]
    if not children or "ankle" in skeleton.names[joint] or "foot" in skeleton.names[joint]:
        parent = skeleton.parents[joint]
        if "foot" in skeleton.names[joint]:
            return _limb(skeleton, parent)
        bone = skeleton.offsets[joint]
    else:
        bone = skeleton.offsets[children[0]]
    return bone / np.linalg.norm(bone)


def _leg(skeleton: Skeleton) -> float:
    """Length of thigh and shin, m; 1 for a body without."""
    bones = [np.linalg.norm(skeleton.offsets[j]) for j, n in enumerate(skeleton.names) if n in _LEG]
    return float(sum(bones)) or 1.0


_LEG = ("left_knee", "left_ankle")
