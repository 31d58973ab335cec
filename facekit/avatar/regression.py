"""First weights of P from a linear regression, for trainings of minutes.

A few hundred frames and batches of 8 do not teach a deep network what a linear one finds in one solve, and
what the deep one learns instead does not carry over to other expressions. So P begins as ridge regression of
latents on h, with residuals for deviations; the KPT-encoder's h begins as principal components of the
keypoints, its residual blocks at nothing. All of it learns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facekit.avatar.gaussian_head import LIMIT, GaussianHead
from facekit.avatar.kpt_encoder import KptEncoder
from facekit.avatar.models import Avatar

RIDGE = 0.01  # of the mean variance of h
KEPT = 64  # components of the keypoints
LEAST = 1e-3  # of the largest deviation of a component


@torch.no_grad()
def begin_at_regression(avatar: Avatar, signal: Tensor, latents: Tensor) -> None:
    """Set P by signals (N, ...) of frames with latents (N, Z) in the space of Q."""
    assert avatar.look is not None
    assert avatar.head is not None
    if isinstance(avatar.look, KptEncoder):
        _begin_at_components(avatar.look, signal)
    was = avatar.training
    avatar.eval()
    prior = avatar.prior(signal, len(signal))
    assert prior.h is not None
    _regress(avatar.head, prior.h.double(), avatar.to_prior(latents, prior)[0].double())
    avatar.train(was)


def _begin_at_components(look: KptEncoder, points: Tensor) -> None:
    """Let the first layer find the components of keypoints (N, L, 2), and the blocks add nothing."""
    near = torch.nan_to_num((points - look.mean) / look.scale).flatten(1)
    _, values, axes = torch.linalg.svd(near - near.mean(0), full_matrices=False)
    count = min(KEPT, look.first.out_features, int((values > LEAST * values[0]).sum()))
    rows = axes[:count] / (values[:count, None] / len(near) ** 0.5)
    weight = look.first.weight.view(len(look.first.weight), -1, 3)
    weight[:, :, :2] = 0.0
    weight[:count, :, :2] = rows.view(count, -1, 2)
    for block in look.blocks:
        nn.init.zeros_(block.layers[-1].weight)  # type: ignore[index, union-attr]


def _regress(head: GaussianHead, h: Tensor, latents: Tensor) -> None:
    """Ridge regression of latents (N, Z) on h (N, H), both float64."""
    apart, middle = h - h.mean(0), latents.mean(0)
    square = apart.T @ apart / len(h)
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=h.dtype)
    slope = torch.linalg.solve(square + ridge, apart.T @ (latents - middle) / len(h))
    head.mean.weight.copy_(slope.T)
    head.mean.bias.copy_(middle - h.mean(0) @ slope)
    left = (apart @ slope + middle - latents).square().mean(0).sqrt().clamp(min=1e-3)
    head.log_sigma.weight.zero_()
    head.log_sigma.bias.copy_(LIMIT * torch.atanh(left.log() / LIMIT))
