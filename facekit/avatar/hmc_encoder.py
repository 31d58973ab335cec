"""The HMC-encoder: pictures of a headset to a representation h (LiP-Flow, Eq. 5 and Sec. 12.1)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from facekit.avatar.layers import initialise, leaky
from facekit.avatar.sizes import AvatarSizes


class HmcEncoder(nn.Module):
    """Grey pictures (B, S, h, w), 0..1, to h (B, H): a network for each, mixed by learned weights."""

    def __init__(
        self, size: tuple[int, int], sizes: AvatarSizes, generator: torch.Generator, pictures: int = 3
    ) -> None:
        """``size`` (h, w) of the pictures, px."""
        super().__init__()
        self.looks = nn.ModuleList(_Look(size, sizes) for _ in range(pictures))
        initialise(self, generator)
        # Eq. 5: W^A (H, S), no function of the data, drawn from N(0, 1).
        self.attention = nn.Parameter(torch.randn(sizes.hidden, pictures, generator=generator))

    def forward(self, pictures: Tensor) -> Tensor:
        seen = torch.stack([look(pictures[:, k : k + 1]) for k, look in enumerate(self.looks)], -1)
        return (seen * self.attention.softmax(-1)).sum(-1)


class _Look(nn.Module):
    """Convolutions of kernel 4 and stride 2; a linear layer where what they end with is not of h's size."""

    def __init__(self, size: tuple[int, int], sizes: AvatarSizes) -> None:
        super().__init__()
        widths = (1, *sizes.hmc)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        count = widths[-1] * (size[0] >> len(sizes.hmc)) * (size[1] >> len(sizes.hmc))
        if count < 1:
            raise ValueError(f"pictures of {size[1]} x {size[0]} pixels are too small for this network")
        self.last = nn.Identity() if count == sizes.hidden else nn.Linear(count, sizes.hidden)

    def forward(self, picture: Tensor) -> Tensor:
        x = 2 * picture - 1
        for layer in self.convolutions:
            x = leaky(layer(x))
        return self.last(x.flatten(1))
