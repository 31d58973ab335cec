"""The 3DMM encoder of 3DFaceFill (supplement, Table 3): from a picture of a face to its factors.

The table's 199 + 29 shape and expression coefficients become the identity and expression blocks of the face
model, in standard deviations; 27 light coefficients are those of records.Light. Pose: see ``pose``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facekit.networks.blocks import conv_gn_elu, initialise

POSE, LIGHT = 6, 27
AMBIENT = 3.0  # sh[0] of the light that an untrained encoder finds, as in fitting.appearance


@dataclass(frozen=True)
class Preset:
    """Sizes of encoder and decoder. Layers are (channels, kernel size, stride)."""

    size: int  # px, side of the picture
    trunk: tuple[tuple[int, int, int], ...]
    pose: int  # channels of the heads
    light: int
    shape: int
    features: int  # albedo features
    decoder: tuple[tuple[int, ...], ...]  # channels of the layers before and after each Upsample(2, 2)

    @property
    def texels(self) -> int:
        """Side of the albedo that the decoder makes."""
        return 4 * 2 ** (len(self.decoder) - 1)


_TABLE3 = (
    *((32, 7, 2), (64, 3, 1), (64, 3, 2), (96, 3, 1), (128, 3, 1), (128, 3, 2), (196, 3, 1), (256, 3, 1)),
    *((256, 3, 2), (256, 3, 1), (256, 3, 1), (512, 3, 2), (512, 3, 1)),
)
_TABLE4 = (
    *((512, 256), (256, 128, 128), (160, 96, 128), (128, 64, 96), (96, 64, 64), (64, 32, 32)),
    (32, 16, 16),
)
_SMALL = (
    *((16, 7, 2), (32, 3, 1), (32, 3, 2), (48, 3, 1), (64, 3, 2), (64, 3, 1), (96, 3, 1), (128, 3, 2)),
    (144, 3, 1),
)
PRESETS = {
    "paper": Preset(224, _TABLE3, 160, 160, 512, 512, _TABLE4),
    "small": Preset(112, _SMALL, 80, 64, 144, 96, ((96, 64), (64, 48), (48, 32), (32, 24))),
    "tiny": Preset(32, ((8, 7, 2), (16, 3, 2), (16, 3, 2)), 16, 16, 16, 16, ((16, 8), (8, 8), (8,))),
}


@dataclass(frozen=True)
class Factors:
    """What the encoder finds in B pictures."""

    pose: Tensor  # (B, 6) in -1..1, see ``pose.Pose``
    light: Tensor  # (B, 9, 3) sh of records.Light
    code: Tensor  # (B, K) standard deviations, identity and expression
    albedo: Tensor  # (B, F) features for the albedo decoder


class FaceEncoder(nn.Module):
    """Pictures (B, 3, S, S) in -1..1, 0 where the face is hidden, to Factors."""

    def __init__(self, preset: Preset, modes: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.preset, self.modes = preset, modes
        layers, channels = [], 3
        for out, k, s in preset.trunk:
            layers.append(conv_gn_elu(channels, out, k, s, k // 2))
            channels = out
        self.trunk = nn.Sequential(*layers)
        self.pose = nn.Sequential(*_head(channels, preset.pose), nn.Linear(preset.pose, POSE), nn.Tanh())
        self.light = nn.Sequential(*_head(channels, preset.light), nn.Linear(preset.light, LIGHT))
        shape = _head(channels, preset.shape, preset.shape)
        self.shape = nn.Sequential(*shape, nn.Linear(preset.shape, modes))
        self.albedo = nn.Sequential(*_head(channels, preset.shape, preset.features))
        initialise(self, generator or torch.Generator().manual_seed(0))
        for head in (self.pose[-2], self.light[-1], self.shape[-1]):
            assert isinstance(head, nn.Linear)
            with torch.no_grad():
                head.weight *= 0.1  # the untrained encoder finds the mean face from the front in even light

    def forward(self, pictures: Tensor) -> Factors:
        features = self.trunk(pictures)
        light = self.light(features).reshape(-1, 9, 3)
        even = torch.zeros_like(light)
        even[:, 0] = AMBIENT
        return Factors(self.pose(features), light + even, self.shape(features), self.albedo(features))


def _head(c_in: int, *widths: int) -> list[nn.Module]:
    """3 x 3 layers and the mean over the picture."""
    layers: list[nn.Module] = []
    for width in widths:
        layers.append(conv_gn_elu(c_in, width, 3, 1, 1))
        c_in = width
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def preset_encoder(preset: str = "paper", modes: int = 228) -> FaceEncoder:
    """An untrained encoder; 228 modes as the paper's 199 + 29."""
    return FaceEncoder(PRESETS[preset], modes)
