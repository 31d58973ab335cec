"""Small priors over poses."""

from __future__ import annotations

import torch

from facekit.priors.pose_prior import KINDS, PRESETS, PosePrior, pose_prior
from facekit.priors.pose_space import PoseSpace

__all__ = ["KINDS", "make"]


def make(kind: str, space: PoseSpace) -> PosePrior:
    """Untrained, with weights that do something."""
    generator = torch.Generator().manual_seed(3)
    prior = pose_prior(kind, space, PRESETS["tiny"], generator)
    with torch.no_grad():
        for value in prior.parameters():
            value.add_(0.05 * torch.randn(value.shape, generator=generator))
    return prior
