"""What the avatars learn from (LiP-Flow, Eq. 2-4, 7-9 and Sec. 14.1).

Images count by mean squares in units of ``IMAGE``, meshes in units of their deviation in the training,
latents by means over their coordinates, in nats. The paper does not say what its weights multiply; so ours
are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facekit.avatar.encoder import Gaussian

IMAGE = 0.05  # of colours 0..1


@dataclass(frozen=True)
class Weights:
    """lambda_I, lambda_M, lambda_L of Eq. 2, and that of the entropy of P (keypoints only)."""

    image: float = 1.0
    mesh: float = 10.0
    latent: float = 0.01
    entropy: float = 0.0


def image_loss(images: Tensor, truth: Tensor, masks: Tensor) -> Tensor:
    """Mean square over the pixels in the masks (B, H, W) of images (B, H, W, 3)."""
    square = ((images - truth) * masks[..., None]).square().sum()
    return square / (3 * masks.sum().clamp(min=1)) / IMAGE**2


def mesh_loss(vertices: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """Mean square over the coordinates of vertices (B, V, 3), per square of ``scale``."""
    return (vertices - truth).square().mean() / scale**2


def kl_to_standard(q: Gaussian) -> Tensor:
    """D(N(q) || N(0, I)), mean over batch and coordinates (Eq. 4)."""
    return (0.5 * (q.mean.square() + torch.expm1(2 * q.log_sigma)) - q.log_sigma).mean()


def kl(q: Gaussian, p: Gaussian) -> Tensor:
    """D(N(q) || N(p)), mean over batch and coordinates (Eq. 7)."""
    apart = ((q.mean - p.mean) * torch.exp(-p.log_sigma)).square()
    ratio = q.log_sigma - p.log_sigma
    return (0.5 * (apart + torch.expm1(2 * ratio)) - ratio).mean()


def entropy(p: Gaussian) -> Tensor:
    """Of N(p) without its constant, mean over batch and coordinates."""
    return p.log_sigma.mean()
