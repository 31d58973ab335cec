"""A tree of joints with its rest pose, and forward kinematics over batches, for NumPy and torch alike.

Metres, y up; at rest the body faces +z with its left at +x. Each joint turns relative to its parent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facekit.errors import WrongKindError
from facekit.geometry.arrays import Array, namespace
from facekit.records import BoolArray, FloatArray, IntArray, Motion

LEGS = ("hip", "knee", "ankle", "foot", "toe", "leg")
TRUNK = ("root", "pelvis", "spine", "chest", "torso")
DEVICES = (("head", "neck"), ("left_wrist", "left_hand"), ("right_wrist", "right_hand"))


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Joints in an order in which each parent comes before its children."""

    names: tuple[str, ...]
    parents: tuple[int, ...]  # -1 for the root, which is first
    offsets: FloatArray  # (J, 3) float64, m, from the parent at rest; the root's is not used

    def __post_init__(self) -> None:
        count = len(self.names)
        if len(self.parents) != count or self.offsets.shape != (count, 3):
            raise WrongKindError(
                f"a skeleton has {count} joint names, {len(self.parents)} parents and offsets of shape "
                f"{self.offsets.shape}; give one parent and one offset for each joint"
            )
        if list(self.parents[:1]) != [-1] or any(not 0 <= p < j for j, p in enumerate(self.parents[1:], 1)):
            raise WrongKindError(
                "the joints of a skeleton must come after their parents, one root (-1) first"
            )

    @property
    def size(self) -> int:
        """Number of joints J."""
        return len(self.names)

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Joints by their distance from the root."""
        depth = [0] * self.size
        for joint, parent in enumerate(self.parents[1:], 1):
            depth[joint] = depth[parent] + 1
        return tuple(
            tuple(j for j in range(self.size) if depth[j] == level) for level in range(max(depth) + 1)
        )

    @cached_property
    def devices(self) -> tuple[int, int, int]:
        """The joints that a headset sees: head, left hand, right hand. Raises WrongKindError."""
        found = []
        for names in DEVICES:
            index = [self.names.index(name) for name in names if name in self.names]
            if not index:
                raise WrongKindError(f"the skeleton has no joint named {' or '.join(names)}")
            found.append(index[0])
        return found[0], found[1], found[2]

    @cached_property
    def lower(self) -> BoolArray:
        """(J,) the root and the legs."""
        return np.array([j == 0 or any(word in name for word in LEGS) for j, name in enumerate(self.names)])

    @cached_property
    def trunk(self) -> BoolArray:
        """(J,) the root and the spine."""
        return np.array([j == 0 or any(word in name for word in TRUNK) for j, name in enumerate(self.names)])

    @cached_property
    def mirror(self) -> IntArray:
        """(J,) the joint on the other side; those of the middle are their own."""
        other = [_other_side(name) for name in self.names]
        return np.array(
            [self.names.index(name) if name in self.names else j for j, name in enumerate(other)], np.int64
        )

    def same_as(self, other: Skeleton, tolerance: float = 1e-3) -> bool:
        """Whether joints, tree and bones (within ``tolerance`` m) agree."""
        return (
            self.names == other.names
            and self.parents == other.parents
            and bool(np.allclose(self.offsets[1:], other.offsets[1:], atol=tolerance))
        )


def skeleton_of(motion: Motion) -> Skeleton:
    """The skeleton of a motion. Raises WrongKindError."""
    return make_skeleton(motion.joint_names.tolist(), motion.parents.tolist(), motion.offsets)


def motion_on(
    skeleton: Skeleton, rotations: FloatArray, root: FloatArray, fps: float, clip: str, subject: str = ""
) -> Motion:
    """The record of a skeleton that moves: rotations (T, J, 3) axis-angle, root (T, 3) m."""
    return Motion(
        clip=clip,
        subject=subject,
        fps=float(fps),
        joint_names=np.array(skeleton.names),
        parents=np.array(skeleton.parents, np.int32),
        offsets=skeleton.offsets.astype(np.float32),
        rotations=rotations.astype(np.float32),
        root=root.astype(np.float32),
    )


def make_skeleton(names: Sequence[str], parents: Sequence[int], offsets: FloatArray) -> Skeleton:
    """From plain values. Raises WrongKindError."""
    return Skeleton(tuple(map(str, names)), tuple(map(int, parents)), np.asarray(offsets, np.float64))


def forward_kinematics(skeleton: Skeleton, rotations: Array) -> tuple[Array, Array]:
    """Positions (..., J, 3) m with the root at the origin and orientations (..., J, 3, 3) of all joints.

    ``rotations`` (..., J, 3, 3) relative to the parents. Differentiable in torch. One product for each level
    of the tree.
    """
    xp = namespace(rotations)
    first = list(skeleton.levels[0])
    order = list(first)
    turned = [rotations[..., first, :, :]]
    places = [xp.zeros_like(turned[0][..., 0])]
    for above, level in zip(skeleton.levels, skeleton.levels[1:], strict=False):
        parents = [above.index(skeleton.parents[joint]) for joint in level]
        frames = turned[-1][..., parents, :, :]
        offsets = _like(skeleton.offsets[list(level)], rotations)
        places.append(places[-1][..., parents, :] + (frames @ offsets[..., None])[..., 0])
        turned.append(frames @ rotations[..., list(level), :, :])
        order += level
    back = np.argsort(order).tolist()
    return xp.concatenate(places, -2)[..., back, :], xp.concatenate(turned, -3)[..., back, :, :]


def _like(values: FloatArray, array: Array) -> Array:
    """``values`` as an array of the kind, dtype and device of ``array``."""
    xp = namespace(array)
    if xp is np:
        return values.astype(array.dtype)
    return xp.as_tensor(values, dtype=array.dtype, device=array.device)


def _other_side(name: str) -> str:
    swapped = {"left": "right", "right": "left"}
    return re.sub("left|right", lambda match: swapped[match[0]], name)
