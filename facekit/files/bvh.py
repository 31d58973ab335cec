"""Motions as BVH files, which animation programs read: centimetres, degrees, Euler angles ZXY."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facekit.files.atomic import PathLike, write_text
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.skeleton import Skeleton, skeleton_of
from facekit.records import FloatArray, Motion

CENTIMETRES = 100.0
END = 0.1  # length of what follows the last joint of a limb, as a part of its bone


def write_bvh(path: PathLike, motion: Motion, force: bool = False) -> None:
    """Write a motion; y up, the resting body faces +z."""
    write_text(path, bvh_text(motion), force)


def bvh_text(motion: Motion) -> str:
    """The text of a BVH file."""
    skeleton = skeleton_of(motion)
    order: list[int] = []
    lines = ["HIERARCHY", *_joint(skeleton, 0, "", order)]
    angles = np.degrees(zxy(axis_angle_to_matrix(motion.rotations.astype(np.float64))))[:, order]
    root = CENTIMETRES * motion.root.astype(np.float64)
    rows = np.concatenate([root, angles.reshape(len(root), -1)], 1)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / motion.fps:.8f}"]
    lines += [" ".join(f"{value:.4f}" for value in row) for row in rows]
    return "\n".join(lines) + "\n"


def zxy(R: FloatArray) -> FloatArray:
    """(..., 3, 3) to angles (..., 3) rad about z, x, y with R = Rz Rx Ry."""
    x = np.arcsin(np.clip(R[..., 2, 1], -1, 1))
    z = np.arctan2(-R[..., 0, 1], R[..., 1, 1])
    y = np.arctan2(-R[..., 2, 0], R[..., 2, 2])
    return np.stack([z, x, y], -1)


def _joint(skeleton: Skeleton, joint: int, indent: str, order: list[int]) -> Iterator[str]:
    """The lines of a joint and all below it; ``order`` collects joints as their values must follow."""
    order.append(joint)
    offset = np.zeros(3) if joint == 0 else CENTIMETRES * skeleton.offsets[joint]
    inner = indent + "  "
    yield f"{indent}{'ROOT' if joint == 0 else 'JOINT'} {skeleton.names[joint]}"
    yield f"{indent}{{"
    yield f"{inner}OFFSET {_three(offset)}"
    turns = "Zrotation Xrotation Yrotation"
    yield f"{inner}CHANNELS " + (f"6 Xposition Yposition Zposition {turns}" if joint == 0 else f"3 {turns}")
    children = [j for j, parent in enumerate(skeleton.parents) if parent == joint]
    for child in children:
        yield from _joint(skeleton, child, inner, order)
    if not children:
        yield from (f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {_three(END * offset)}", f"{inner}}}")
    yield f"{indent}}}"


def _three(values: FloatArray) -> str:
    return " ".join(f"{value:.4f}" for value in values)
