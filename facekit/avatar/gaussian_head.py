"""The Gaussian that the representation of a driving signal stands for (LiP-Flow, Eq. 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facekit.avatar.encoder import Gaussian
from facekit.priors.flow import redraw

LIMIT = 8.0  # largest |log sigma|, reached softly


class GaussianHead(nn.Module):
    """h (B, H) to N(mean, sigma) over (B, Z), by linear layers without activation."""

    def __init__(self, hidden: int, latent: int, generator: torch.Generator) -> None:
        super().__init__()
        self.mean, self.log_sigma = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        redraw(self, generator)

    def forward(self, h: Tensor) -> Gaussian:
        return Gaussian(self.mean(h), LIMIT * torch.tanh(self.log_sigma(h) / LIMIT))
