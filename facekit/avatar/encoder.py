"""The DAM-encoder Q: mean texture and mesh to a Gaussian over latents (LiP-Flow, Eq. 1)."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from facekit.avatar.layers import Dense, Down, initialise, leaky
from facekit.avatar.sizes import AvatarSizes

MEAN, LOG_SIGMA = 0.1, 0.01  # Multiface's scales of the two outputs: learning begins near N(0, I)


class Gaussian(NamedTuple):
    """N(mean, diag exp(2 log_sigma))."""

    mean: Tensor  # (B, Z)
    log_sigma: Tensor  # (B, Z)

    def sample(self, noise: Tensor) -> Tensor:
        """The sample that standard normal ``noise`` (B, Z) stands for."""
        return self.mean + self.log_sigma.exp() * noise


class DamEncoder(nn.Module):
    """Texture (B, 3, T, T) and vertices (B, 3 V), both normalised, to a Gaussian over z."""

    def __init__(self, vertices: int, sizes: AvatarSizes, generator: torch.Generator) -> None:
        super().__init__()
        widths = (3, *sizes.down)
        self.down = nn.ModuleList(Down(a, b) for a, b in pairwise(widths))
        side = sizes.texels // 2 ** len(sizes.down)
        self.texture = Dense(widths[-1] * side * side, sizes.features)
        self.mesh = Dense(3 * vertices, sizes.features)
        self.mean = Dense(2 * sizes.features, sizes.latent)
        self.log_sigma = Dense(2 * sizes.features, sizes.latent)
        initialise(self, generator, plain=("mean", "log_sigma"))

    def forward(self, texture: Tensor, vertices: Tensor) -> Gaussian:
        x = texture
        for layer in self.down:
            x = leaky(layer(x))
        both = torch.cat([leaky(self.texture(x.flatten(1))), leaky(self.mesh(vertices))], 1)
        return Gaussian(MEAN * self.mean(both), LOG_SIGMA * self.log_sigma(both))
