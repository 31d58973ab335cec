"""The albedo decoder of 3DFaceFill (supplement, Table 4): from features to an albedo map.

The table starts from 3 x 4 and ends with 192 x 256 texels; the chart of facekit's faces is square, so it
starts from 4 x 4. Its layers and parameters are the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facekit.networks.blocks import conv_gn_elu, initialise, upsample
from facekit.networks.encoder import PRESETS, Preset

SIDE = 4  # texels at first


class AlbedoDecoder(nn.Module):
    """Features (B, F) to albedo (B, T, T, 3) in 0..1, linear RGB, row 0 at the top of the chart."""

    def __init__(self, preset: Preset, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.preset = preset
        stages, channels = [], preset.features
        for widths in preset.decoder:
            layers = []
            for width in widths:
                layers.append(conv_gn_elu(channels, width, 3, 1, 1))
                channels = width
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        self.colour = nn.Conv2d(channels, 3, 1, 1, 0)
        initialise(self, generator or torch.Generator().manual_seed(0))

    def forward(self, features: Tensor) -> Tensor:
        x = upsample(features[:, :, None, None], SIDE, SIDE)
        for number, stage in enumerate(self.stages):
            x = stage(upsample(x) if number else x)
        # Tanh's -1..1 is the albedo's 0..1
        return (torch.tanh(self.colour(x)).permute(0, 2, 3, 1) + 1) / 2


def preset_decoder(preset: str = "paper") -> AlbedoDecoder:
    """An untrained decoder."""
    return AlbedoDecoder(PRESETS[preset])
