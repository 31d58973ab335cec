"""The losses of the 3DMM module of 3DFaceFill (supplement, Sec. 4.2), one function each.

All are means over the batch and over what they compare, so that their size does not depend on how much that
is; colours and albedo are in 0..1, lengths in crop sides, codes in standard deviations: nothing is scaled by
the least and greatest value in a batch. Weights (..., 1) or of the compared shape's leading axes say what
counts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facekit.geometry.rotation import matrix_to_quaternion
from facekit.networks.pose import Pose

ALPHA = 15.0  # of the chromaticity weights
POWER = 0.8  # p of the constancy loss
SMOOTH = 1e-3  # albedo: differences below it count as squared, so that the slope is finite at 0
DARK = 0.02  # added to the sum of the channels, so that black has a chromaticity


def shape_loss(code: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """E ||f - f'||^2 of codes (B, K), per coefficient; ``weight`` (K,) of the coefficients."""
    square = (code - truth).square()
    return (square if weight is None else square * weight).mean()


def scale_loss(pose: Pose, truth: Pose) -> Tensor:
    """E (s - s')^2, scale as the network gives it."""
    return (pose.numbers()[:, 0] - truth.numbers()[:, 0]).square().mean()


def translation_loss(pose: Pose, truth: Pose) -> Tensor:
    """E ||t - t'||^2, translation as the network gives it."""
    return (pose.numbers()[:, 1:] - truth.numbers()[:, 1:]).square().sum(1).mean()


def rotation_loss(rotation: Tensor, truth: Tensor) -> Tensor:
    """E ||quat(R) - quat(R')||^2 of rotations (B, 3, 3); q and -q are the same rotation."""
    q, other = matrix_to_quaternion(rotation), matrix_to_quaternion(truth)
    apart = (q - other).square().sum(-1)
    return torch.minimum(apart, (q + other).square().sum(-1)).mean()


def pose_loss(pose: Pose, truth: Pose) -> Tensor:
    """Scale, translation and rotation with equal weights."""
    return (
        scale_loss(pose, truth) + translation_loss(pose, truth) + rotation_loss(pose.rotation, truth.rotation)
    )


def texture_loss(texture: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """E ||T - T'||^2 of textures (B, T, T, 3) where ``weight`` (B, T, T) says that the truth is known."""
    return _mean((texture - truth).square().mean(-1), weight)


def landmark_loss(points: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean ||M S(:, d) - U||^2 of projected landmarks (B, L, 2); ``weight`` (B, L) of the known ones."""
    square = (points - truth).square().sum(-1)
    return square.mean() if weight is None else _mean(square, weight)


def reconstruction_loss(rendered: Tensor, picture: Tensor, weight: Tensor) -> Tensor:
    """E ||I - I'||_1 of pictures (B, H, W, 3) over the pixels of ``weight`` (B, H, W)."""
    return _mean((rendered - picture).abs().mean(-1), weight)


def symmetry_loss(albedo: Tensor) -> Tensor:
    """E ||A - hflip(A)||_1 of albedo (B, T, T, 3) on a chart that is symmetric about its middle column."""
    return (albedo - albedo.flip(2)).abs().mean()


def constancy_loss(albedo: Tensor, colour: Tensor, weight: Tensor | None = None) -> Tensor:
    """Neighbouring texels of like chromaticity should have like albedo.

    Mean over pairs of 4-neighbours of w ||A_i - A_j||^p with w = exp(-alpha ||c_i - c_j||), c the
    chromaticity of ``colour`` (B, T, T, 3), the texture in the photo. ``weight`` (B, T, T): texels whose
    colour is known.
    """
    tone = (colour / (colour.sum(-1, keepdim=True) + DARK)).detach()
    total = albedo.new_zeros(())
    for axis in (1, 2):
        step = (albedo.diff(dim=axis).square().sum(-1) + SMOOTH**2) ** (POWER / 2) - SMOOTH**POWER
        alike = (-ALPHA * tone.diff(dim=axis).norm(dim=-1)).exp()
        if weight is not None:
            count = weight.shape[axis] - 1
            alike = alike * weight.narrow(axis, 0, count) * weight.narrow(axis, 1, count)
        total = total + (alike * step).mean()
    return total


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean; 0 where nothing counts."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)
