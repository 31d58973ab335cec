"""How each camera's colours differ from those of the first: a gain and a bias per channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facekit.avatar.capture import ANCHOR


class CameraColours(nn.Module):
    """gain * colour + bias for each camera; those of the anchor are 1 and 0 and do not learn."""

    def __init__(self, cameras: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(cameras, 3))
        self.bias = nn.Parameter(torch.zeros(cameras, 3))
        free = torch.ones(cameras, 1)
        free[ANCHOR] = 0
        self.register_buffer("free", free, persistent=False)
        self.free: Tensor

    def forward(self, images: Tensor, camera: Tensor) -> Tensor:
        """Colours (B, ..., 3) as the cameras (B,) int store them."""
        shape = (len(camera), *(1 for _ in images.shape[1:-1]), 3)
        gain, bias = self.values()
        return images * gain[camera].view(shape) + bias[camera].view(shape)

    def values(self) -> tuple[Tensor, Tensor]:
        """Gains and biases (M, 3)."""
        return 1 + self.free * (self.gain - 1), self.free * self.bias
