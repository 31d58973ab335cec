"""The KPT-encoder: two-dimensional keypoints to a representation h (LiP-Flow, Sec. 12.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facekit.avatar.sizes import AvatarSizes
from facekit.priors.flow import redraw


class KptEncoder(nn.Module):
    """Keypoints (B, L, 2), 0..1, NaN where missing, to h (B, H).

    They are taken relative to their means in training; a missing one is at its mean, and an input of its own
    says so.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, points: int, sizes: AvatarSizes, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(points, 2))
        self.register_buffer("scale", torch.ones(()))
        self.first = nn.Linear(3 * points, sizes.kpt)
        self.blocks = nn.ModuleList(_Block(sizes.kpt) for _ in range(sizes.kpt_blocks))
        self.last = nn.Linear(sizes.kpt, sizes.hidden)
        redraw(self, generator)

    def forward(self, points: Tensor) -> Tensor:
        seen = torch.isfinite(points).all(-1, keepdim=True)
        near = torch.where(seen, (torch.nan_to_num(points) - self.mean) / self.scale, 0.0)
        x = self.first(torch.cat([near, (~seen).to(near)], -1).flatten(1))
        for block in self.blocks:
            x = block(x)
        return self.last(x)

    def learn_scale(self, points: Tensor) -> None:
        """Take means and deviation from the keypoints (N, L, 2) of the training."""
        self.mean.copy_(torch.nan_to_num(torch.nanmean(points, 0), nan=0.5))
        apart = (points - self.mean)[torch.isfinite(points)]
        self.scale.copy_(apart.std().clamp(min=1e-4))


class _Block(nn.Module):
    """x + what two rounds of batch normalisation, ReLU and a dense layer make of it (Fig. 16).

    The paper's dropout, whose rate it does not give, is left out: training hides whole points instead.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(2))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = x
        for norm, layer in zip(self.norms, self.layers, strict=True):
            inner = layer(torch.relu(norm(inner)))
        return x + inner
