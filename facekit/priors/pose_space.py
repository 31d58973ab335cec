"""Poses as vectors: each joint's turn away from its mean, in standard deviations.

Coordinates that hardly vary (the off-axes of a hinge) are left out, so that a density over the others
exists. The pose stands in the frame of the head (``motion.headset``): no heading, no place, size one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle, matrix_to_sixd
from facekit.motion.headset import PER_DEVICE, heading
from facekit.motion.skeleton import Skeleton, forward_kinematics

STILL = 0.01  # rad; a coordinate of a smaller standard deviation counts as fixed
PER_TOKEN = 9  # 6-D orientation and position of a joint


class Body(NamedTuple):
    """All joints of poses, in the frame of the head."""

    positions: Tensor  # (..., J, 3), sizes of the wearer; the floor is y = 0, the head has x = z = 0
    orientations: Tensor  # (..., J, 3, 3)


class PoseSpace(nn.Module):
    """Rotations of a skeleton's joints (..., J, 3, 3) as vectors x (..., D) and back."""

    mean: Tensor
    kept: Tensor
    scale: Tensor

    def __init__(self, skeleton: Skeleton, mean: Tensor, kept: Tensor, scale: Tensor) -> None:
        """mean (J, 3, 3); kept (D,) indices into the J x 3 coordinates; scale (D,) rad."""
        super().__init__()
        self.skeleton = skeleton
        self.register_buffer("mean", mean)
        self.register_buffer("kept", kept)
        self.register_buffer("scale", scale)

    @classmethod
    def of(cls, skeleton: Skeleton, rotations: Tensor) -> PoseSpace:
        """From poses (N, J, 3, 3) of which the heading has been removed."""
        u, _, v = torch.linalg.svd(rotations.double().mean(0))
        sign = torch.det(u @ v)
        mean = u @ torch.diag_embed(torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], -1)) @ v
        turns = matrix_to_axis_angle(mean.mT @ rotations.double()).reshape(len(rotations), -1)
        spread = turns.square().mean(0).sqrt()
        kept = (spread > STILL).nonzero()[:, 0]
        return cls(skeleton, mean.float(), kept, spread[kept].float())

    @property
    def size(self) -> int:
        """Number of coordinates D."""
        return len(self.kept)

    def encode(self, rotations: Tensor) -> Tensor:
        """(..., J, 3, 3) to x (..., D)."""
        turns = matrix_to_axis_angle(self.mean.mT @ rotations)
        return turns.flatten(-2)[..., self.kept] / self.scale

    def decode(self, x: Tensor) -> Tensor:
        """x (..., D) to rotations (..., J, 3, 3) relative to the parents, the root's to the head's frame."""
        turns = x.new_zeros(*x.shape[:-1], 3 * self.skeleton.size)
        turns[..., self.kept] = x * self.scale
        return self.mean @ axis_angle_to_matrix(turns.unflatten(-1, (-1, 3)))

    def body(self, x: Tensor, head: Tensor) -> Body:
        """Joints of poses x (..., D) whose head is at the height ``head`` (...,)."""
        return body_of(self.skeleton, self.decode(x), head)


def body_of(skeleton: Skeleton, rotations: Tensor, head: Tensor) -> Body:
    """Joints of poses (..., J, 3, 3) whose head is at the height ``head`` (...,)."""
    places, turned = forward_kinematics(skeleton, rotations)
    at = places[..., skeleton.devices[0], :]
    shift = torch.stack([-at[..., 0], head - at[..., 1], -at[..., 2]], -1)
    return Body(places + shift[..., None, :], turned)


def without_heading(skeleton: Skeleton, rotations: Tensor) -> Tensor:
    """Rotations (..., J, 3, 3) with the root turned about y so that the head has no yaw."""
    _, turned = forward_kinematics(skeleton, rotations)
    root = heading(turned[..., skeleton.devices[0], :, :]).mT @ rotations[..., 0, :, :]
    return torch.cat([root[..., None, :, :], rotations[..., 1:, :, :]], -3)


def tokens(body: Body) -> Tensor:
    """What is said of each joint (..., J, 9): 6-D orientation, position; as a headset says of its devices."""
    return torch.cat([matrix_to_sixd(body.orientations), body.positions], -1)


def condition(signal: Tensor, log_size: Tensor) -> Tensor:
    """C = [x_H, beta] (B, 31): the signal (B, 3, 10) and the log of the wearer's size (B,)."""
    return torch.cat([signal.flatten(1), log_size[:, None]], 1)


CONDITION = 3 * PER_DEVICE + 1


def signal_of(condition: Tensor) -> Tensor:
    """The signal (B, 3, 10) in a condition (B, 31)."""
    return condition[:, :-1].unflatten(1, (3, PER_DEVICE))
