"""FLAG's latent region approximator (supplement, Sec. 1): from head and hands to a Gaussian in the latents.

A transformer reads one token for each joint; hidden joints have a learned token in place of what is said of
them. What it says of head and hands goes, with the condition, to a categorical latent of G variables with M
values each, and from there to mean and deviation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from facekit.priors.flow import layers
from facekit.priors.pose_space import CONDITION, PER_TOKEN

SLOPE_LIMIT = (-5.0, 1.5)  # of the log deviations


@dataclass(frozen=True)
class RegionSizes:
    """Sizes of the approximator."""

    width: int = 256  # of the embedding
    layers: int = 3
    heads: int = 8
    feed_forward: int = 512
    variables: int = 64  # G
    values: int = 128  # M


class Guess(NamedTuple):
    """What the approximator makes of its tokens."""

    mean: Tensor  # (B, D)
    log_sigma: Tensor  # (B, D)
    logits: Tensor  # (B, G, M) of the categorical latent
    joints: Tensor  # (B, J, 9) what each joint's token would have been


class Region(nn.Module):
    """Tokens (B, J, 9), of which some are seen (B, J), and the condition (B, 31) to a region of z (B, D)."""

    def __init__(
        self,
        joints: int,
        devices: tuple[int, int, int],
        latent: int,
        sizes: RegionSizes,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.devices, self.sizes = list(devices), sizes
        width, code = sizes.width, sizes.variables * sizes.values
        self.embed = nn.Sequential(nn.Linear(PER_TOKEN, width), nn.LeakyReLU())
        self.hidden = nn.Parameter(torch.zeros(width))
        self.place = nn.Parameter(torch.zeros(joints, width))
        layer = nn.TransformerEncoderLayer(
            width, sizes.heads, sizes.feed_forward, dropout=0.0, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, sizes.layers, enable_nested_tensor=False)
        self.predict = nn.Linear(width, PER_TOKEN)
        _begin(self, generator)
        self.to_code = layers((3 * width + CONDITION, width, code), nn.LeakyReLU, generator)
        self.to_pose = layers((code, width, latent), nn.LeakyReLU, generator)
        self.to_mean = layers((code + CONDITION, width, latent), nn.LeakyReLU, generator)
        self.to_sigma = layers((code + CONDITION, width, latent), nn.LeakyReLU, generator, last=0.1)

    def forward(self, tokens: Tensor, seen: Tensor, condition: Tensor) -> Guess:
        """Read the tokens that are seen."""
        embedded = torch.where(seen[..., None], self.embed(tokens), self.hidden) + self.place
        read = self.encoder(embedded)
        pooled = read[:, self.devices].flatten(1)
        code = self.to_code(torch.cat([pooled, condition], 1))
        logits = code.unflatten(1, (self.sizes.variables, self.sizes.values))
        likely = torch.cat([logits.softmax(-1).flatten(1), condition], 1)
        log_sigma = self.to_sigma(likely).clamp(*SLOPE_LIMIT)
        return Guess(self.to_mean(likely), log_sigma, logits, self.predict(read))

    def pose(self, logits: Tensor, gumbel: Tensor) -> Tensor:
        """The auxiliary pose (B, D) from one value for each variable, drawn with the noise ``gumbel``."""
        return self.to_pose(one_hot(logits, gumbel).flatten(1))


def one_hot(logits: Tensor, gumbel: Tensor, temperature: float = 1.0) -> Tensor:
    """Straight-through Gumbel-softmax (..., M): one value is chosen, gradients are those of the softmax."""
    soft = ((logits + gumbel) / temperature).softmax(-1)
    chosen = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
    return chosen + soft - soft.detach()


def gumbel_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise."""
    uniform = torch.rand(shape, generator=generator).clamp(1e-7, 1 - 1e-7)
    return -torch.log(-torch.log(uniform))


def _begin(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all first weights from ``generator``: torch's own come from a seed that is no one's."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            if value.ndim == 2 and name != "place":
                bound = math.sqrt(6 / sum(value.shape))
                value.uniform_(-bound, bound, generator=generator)
            elif name in ("place", "hidden"):
                value.normal_(0, 0.02, generator=generator)
            elif "norm" in name and name.endswith("weight"):
                value.fill_(1.0)
            else:
                value.zero_()
