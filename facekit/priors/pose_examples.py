"""Batches of poses that no clip holds: a few minutes of capture show few ways to move.

Poses are mixed, get arms and legs of other frames, are jittered joint by joint, and lean. The lowest joint
stays as far above the floor as it was, and head and hands are where forward kinematics puts them, so that
what a headset sees agrees with the pose.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from facekit.motion.headset import heading
from facekit.motion.skeleton import forward_kinematics
from facekit.priors.pose_frames import Frames
from facekit.priors.pose_space import PoseSpace

SIZES = 0.15  # log of a wearer's size: uniform within this of 0
LOST_HAND = 0.1  # how often each hand is not seen
PLAIN = 0.3  # how often a pose is as it was captured
MIXED = 0.3  # how often it is part way to that of another frame
OTHER_ARM = 0.3  # how often each arm is that of another frame
OTHER_LEGS = 0.1  # how often the legs are
JITTER = 0.3  # standard deviations; each joint's share of it is uniform
LEAN = 0.1  # rad about each horizontal axis


@dataclass(frozen=True)
class Examples:
    """What batches are drawn from, on the processor."""

    space: PoseSpace
    frames: Frames
    x: Tensor  # (N, D)
    clearance: Tensor  # (N,) m, of the lowest joint above the floor
    joint: Tensor  # (D,) of which joint each coordinate is
    arms: Tensor  # (2, D) bool, coordinates of the left and of the right arm
    legs: Tensor  # (D,) bool

    @classmethod
    def of(cls, space: PoseSpace, frames: Frames) -> Examples:
        """All frames as poses."""
        space = deepcopy(space).cpu()
        x = space.encode(frames.rotations)
        places, _ = forward_kinematics(space.skeleton, space.decode(x))
        joint = space.kept // 3
        clearance = frames.head - _above_lowest(places, space)
        return cls(space, frames, x, clearance, joint, _arms(space)[:, joint], _legs(space)[joint])

    def draw(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """x (B, D), head (B,), which hands are seen (B, 2), log_size (B,), noise (B, D) for the flow, and
        tracker (B, 3, 6), the noise of a headset in its standard deviations.
        """
        index = self._frames(count, generator)
        x, clearance = self._composed(index, generator)
        x, head = self._leaning(x, clearance, generator)
        plain = torch.rand(count, generator=generator) < PLAIN
        return {
            "x": torch.where(plain[:, None], self.x[index], x),
            "head": torch.where(plain, self.frames.head[index], head),
            "hands": torch.rand(count, 2, generator=generator) >= LOST_HAND,
            "log_size": SIZES * (2 * torch.rand(count, generator=generator) - 1),
            "noise": torch.randn(count, self.x.shape[1], generator=generator),
            "tracker": torch.randn(count, 3, 6, generator=generator),
        }

    def _frames(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial(self.frames.weight, count, replacement=True, generator=generator)

    def _composed(self, index: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Poses of several frames, jittered, and the clearance of their lowest joint."""
        count = len(index)
        x, clearance = self.x[index], self.clearance[index]
        other = self._frames(count, generator)
        part = torch.rand(count, generator=generator) * _some(MIXED, count, generator)
        x = x + part[:, None] * (self.x[other] - x)
        clearance = clearance + part * (self.clearance[other] - clearance)
        for arm in self.arms:
            other = self._frames(count, generator)
            x = torch.where(_some(OTHER_ARM, count, generator)[:, None] & arm, self.x[other], x)
        other, taken = self._frames(count, generator), _some(OTHER_LEGS, count, generator)
        x = torch.where(taken[:, None] & self.legs, self.x[other], x)
        clearance = torch.where(taken, self.clearance[other], clearance)
        share = JITTER * torch.rand(count, self.space.skeleton.size, generator=generator)
        return x + share[:, self.joint] * torch.randn(x.shape, generator=generator), clearance

    def _leaning(self, x: Tensor, clearance: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The poses tipped over and without heading again, and the height of the head."""
        lean = LEAN * torch.randn(len(x), 3, generator=generator) * torch.tensor([1.0, 0.0, 1.0])
        R = self.space.decode(x)
        R = torch.cat([(axis_angle_to_matrix(lean) @ R[:, 0])[:, None], R[:, 1:]], 1)
        places, turned = forward_kinematics(self.space.skeleton, R)
        root = heading(turned[:, self.space.skeleton.devices[0]]).mT @ R[:, 0]
        own = self.joint == 0
        turns = matrix_to_axis_angle(self.space.mean[0].mT @ root)[:, self.space.kept[own]]
        x = x.clone()
        x[:, own] = turns / self.space.scale[own]
        return x, clearance + _above_lowest(places, self.space)


def _above_lowest(places: Tensor, space: PoseSpace) -> Tensor:
    """Height (N,) of the head above the lowest joint."""
    heights = places[..., 1]
    return heights[:, space.skeleton.devices[0]] - heights.min(1).values


def _some(share: float, count: int, generator: torch.Generator) -> Tensor:
    """(count,) bool, true as often as ``share``."""
    return torch.rand(count, generator=generator) < share


def _arms(space: PoseSpace) -> Tensor:
    """(2, J) bool: the joints of the left arm, and those of the right one."""
    skeleton = space.skeleton
    sides = [[side in name for name in skeleton.names] for side in ("left", "right")]
    return torch.tensor(sides) & ~torch.tensor(skeleton.lower)


def _legs(space: PoseSpace) -> Tensor:
    """(J,) bool: the joints of the legs, without the root."""
    return torch.tensor(space.skeleton.lower) & (torch.arange(space.skeleton.size) > 0)
