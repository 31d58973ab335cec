"""The decoder D: a latent and a view vector to mesh and texture (LiP-Flow, Sec. 3.1)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from facekit.avatar.layers import Dense, Up, initialise, leaky
from facekit.avatar.sizes import AvatarSizes

VIEW = 8  # features of the view vector
SMALLEST = 4  # texels a side, where the transposed convolutions begin


class Decoder(nn.Module):
    """z (B, Z) and unit vectors towards the camera (B, 3) to vertices (B, 3 V) and texture (B, 3, T, T), both
    normalised. The mesh does not depend on the view.
    """

    def __init__(self, vertices: int, sizes: AvatarSizes, generator: torch.Generator) -> None:
        super().__init__()
        widths, sides = (*sizes.up, 3), [SMALLEST * 2 ** (k + 1) for k in range(len(sizes.up))]
        self.view = Dense(3, VIEW)
        self.latent = Dense(sizes.latent, sizes.features)
        self.mesh = Dense(sizes.features, 3 * vertices)
        self.texture = Dense(VIEW + sizes.features, widths[0] * SMALLEST**2)
        self.up = nn.ModuleList(Up(a, b, s) for (a, b), s in zip(pairwise(widths), sides, strict=True))
        initialise(self, generator, plain=("mesh", f"up.{len(sides) - 1}"))

    def forward(self, z: Tensor, towards: Tensor) -> tuple[Tensor, Tensor]:
        inner = leaky(self.latent(z))
        return self.mesh(inner), self._texture(inner, towards)

    def vertices(self, z: Tensor) -> Tensor:
        """The mesh alone, (B, 3 V)."""
        return self.mesh(leaky(self.latent(z)))

    def _texture(self, inner: Tensor, towards: Tensor) -> Tensor:
        x = leaky(self.texture(torch.cat([leaky(self.view(towards)), inner], 1)))
        x = x.view(len(x), -1, SMALLEST, SMALLEST)
        for index, layer in enumerate(self.up):
            x = layer(x) if index == len(self.up) - 1 else leaky(layer(x))
        return x
