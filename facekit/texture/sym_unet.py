"""Sym-UNet, the albedo inpainter of 3DFaceFill (supplement, Table 5): a gated U-Net that looks at the texture
and at its mirror image, and says how unsure it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from facekit.networks.blocks import ResUnit, SigGNConv, SigGNDeconv, upsample

PLAIN, REFINING = 4, 7  # channels: albedo and mask; and what they are to be refined from
LEVELS = 5


@dataclass(frozen=True)
class Preset:
    """Channels of the five levels, from fine to coarse, and of the input."""

    widths: tuple[int, int, int, int, int]
    inputs: int


PRESETS = {
    "paper": Preset((32, 64, 128, 256, 512), PLAIN),
    "small": Preset((12, 24, 40, 56, 80), REFINING),
    "tiny": Preset((4, 8, 8, 8, 8), REFINING),
}


class Gated(nn.Module):
    """A residual unit times a gate of the same input, f * g of the table."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.feature = ResUnit(c_in, c_out, 3, stride, 1)
        self.gate = SigGNConv(c_in, c_out, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.feature(x) * self.gate(x))


class GatedUp(nn.Module):
    """Twice the resolution: a residual unit of the enlarged input and the skipped one, times a gate that is
    deconvolved from the input.
    """

    def __init__(self, c_in: int, c_skip: int, c_out: int) -> None:
        super().__init__()
        self.feature = ResUnit(c_in + c_skip, c_out, 3, 1, 1)
        self.gate = SigGNDeconv(c_in, c_out, 4, 2, 1)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        larger = upsample(x)
        both = larger if skip is None else torch.cat([larger, skip], 1)
        return torch.as_tensor(self.feature(both) * self.gate(x))


class SymUNet(nn.Module):
    """Textures (B, C, H, W) and their masks to completed albedo (B, 3, H, W) and the logarithm of its
    uncertainty (B, 1, H, W). H and W are multiples of 32.

    The first level has two branches: one sees the input, the other its mirror image (hflip). Where the two
    rows of the table's decoder that read 128 channels from a layer of 64 disagree, the layer is believed.
    """

    def __init__(self, widths: Sequence[int], inputs: int = PLAIN) -> None:
        super().__init__()
        if len(widths) != LEVELS:
            raise ValueError(f"a Sym-UNet has {LEVELS} levels, not {len(widths)}")
        first = widths[0]
        self.inputs = inputs
        self.here = Gated(inputs, first, 2)
        self.mirrored = Gated(inputs, first, 2)
        down = [2 * first, *widths[1:]]
        self.down = nn.ModuleList(Gated(a, b, 2) for a, b in pairwise(down))
        self.bottom = Gated(widths[4], widths[3], 1)
        out = [widths[2], widths[1], widths[1], widths[1]]  # f4^1 to f1^1
        skips = [widths[3], widths[2], widths[1], 2 * first]
        given = [widths[3], *out[:-1]]
        self.up = nn.ModuleList(GatedUp(a, s, b) for a, s, b in zip(given, skips, out, strict=True))
        self.last = GatedUp(out[-1], 0, first)
        self.head = nn.Conv2d(first, 4, 1)

    def branches(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Both branches of the first level, (B, 2 C, H / 2, W / 2)."""
        return torch.cat([self.here(x), self.mirrored(x.flip(-1) if other is None else other)], 1)

    def forward(self, x: Tensor, other: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``other``: what the second branch sees instead of the mirror image."""
        skips = [self.branches(x, other)]
        for level in self.down:
            skips.append(level(skips[-1]))
        y = self.bottom(skips.pop())
        for level in self.up:
            y = level(y, skips.pop())
        out = self.head(self.last(y, None))
        return out[:, :3], out[:, 3:]


def preset_sym_unet(preset: str) -> SymUNet:
    """The untrained network of a preset's name."""
    chosen = PRESETS[preset]
    return SymUNet(chosen.widths, chosen.inputs)
