"""PyramidGAN, the discriminator of 3DFaceFill (supplement, Table 6): scores at four resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from facekit.networks.blocks import SpectralConv, conv_gn_lrelu

WIDTHS = {
    "paper": (32, 64, 128, 256, 512),
    "small": (12, 24, 40, 56, 80),
    "tiny": (4, 8, 8, 8, 8),
}


class PyramidGAN(nn.Module):
    """Pictures (B, 3, H, W) to four maps of scores (B, 1, H / 2^k, W / 2^k), k = 2 to 5; high is genuine."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.first = conv_gn_lrelu(3, widths[0], 4, 2, 1)
        self.levels = nn.ModuleList(conv_gn_lrelu(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.scores = nn.ModuleList(SpectralConv(b, 1, 1, 1, 0) for b in widths[1:])

    def forward(self, picture: Tensor) -> list[Tensor]:
        x, found = self.first(picture), []
        for level, score in zip(self.levels, self.scores, strict=True):
            x = level(x)
            found.append(score(x))
        return found


def preset_discriminator(preset: str) -> PyramidGAN:
    """The untrained network of a preset's name."""
    return PyramidGAN(WIDTHS[preset])
