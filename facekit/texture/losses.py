"""Losses of the albedo inpainter of 3DFaceFill. Albedo, masks and pictures are (B, C, H, W); each loss is a
mean over the batch, and over the masked area where it has a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

TOLERATED = 0.005  # difference of mirror texels that is no asymmetry


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over channels and over the texels of a mask (B, 1, H, W) 0 to 1; 0 where the mask is empty."""
    total = (values.mean(1, keepdim=True) * mask).sum((1, 2, 3))
    return (total / mask.sum((1, 2, 3)).clamp(min=1.0)).mean()


def completion_loss(albedo: Tensor, truth: Tensor, log_sigma: Tensor, mask: Tensor) -> Tensor:
    """|e| exp(-c) + c with c = ``log_sigma`` (B, 1, H, W): the absolute error, weighted by an uncertainty
    that the network has to pay for. Its least over c is at exp(c) = |e|: exp(c) comes to be the mean error.
    """
    return masked_mean((albedo - truth).abs() * (-log_sigma).exp() + log_sigma, mask)


def symmetry_loss(albedo: Tensor, visible: Tensor) -> Tensor:
    """Absolute difference to the mirror image, where hidden here and visible (B, 1, H, W) on the other side.

    The mirror image is taken as it is (no gradient), and differences up to TOLERATED are none.
    """
    difference = (albedo - albedo.flip(-1).detach()).abs()
    difference = torch.where(difference > TOLERATED, difference, torch.zeros_like(difference))
    return masked_mean(difference, (1 - visible) * visible.flip(-1))


def image_loss(rendered: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """Absolute difference of a picture rendered anew and the photo, in the mask (B, 1, H, W)."""
    return masked_mean((rendered - photo).abs(), mask)


def expectation_loss(rendered: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """Squared difference in the mask: least for the mean of all pictures that may be true, where the absolute
    difference is least for their median. Not among the paper's losses.
    """
    return masked_mean((rendered - photo).square(), mask)


def discriminator_loss(genuine: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the discriminator over all its maps of scores: genuine above 1, made below -1."""
    terms = [
        functional.relu(1 - a).mean() + functional.relu(1 + b).mean()
        for a, b in zip(genuine, made, strict=True)
    ]
    return torch.stack(terms).mean()


def generator_loss(made: Sequence[Tensor]) -> Tensor:
    """Minus the mean score of what was made, over all maps of scores."""
    return -torch.stack([score.mean() for score in made]).mean()


def gradient_penalty(
    scores: Callable[[Tensor], Sequence[Tensor]], genuine: Tensor, made: Tensor, share: Tensor
) -> Tensor:
    """(|gradient| - 1)^2 of the summed mean scores, between genuine and made pictures (Gulrajani et al.,
    2017).

    share (B,) 0 to 1: how far between the two.
    """
    weight = share[:, None, None, None]
    between = (weight * genuine.detach() + (1 - weight) * made.detach()).requires_grad_()
    total = torch.stack([score.mean((1, 2, 3)) for score in scores(between)]).sum()
    (slope,) = torch.autograd.grad(total, between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()
