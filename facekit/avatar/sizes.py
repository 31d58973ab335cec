"""How large the networks of an avatar are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AvatarSizes:
    """Widths of all networks. The texture has 4 * 2 ** len(up) texels a side."""

    latent: int  # coordinates of z
    down: tuple[int, ...]  # channels after each convolution of the DAM-encoder
    up: tuple[int, ...]  # channels before each transposed convolution of the decoder
    features: int  # of texture and mesh before they meet
    hidden: int  # of h, which stands for the driving signal
    hmc: tuple[int, ...]  # channels after each convolution of the HMC-encoder
    kpt: int  # width of the KPT-encoder
    flow: int  # width of the flow's residual nets
    kpt_blocks: int = 4
    steps: int = 4  # of the flow
    blocks: int = 2  # of each residual net of the flow
    batch_norm: bool = True  # within the flow's residual nets
    components: bool = False  # begin at the principal components of the meshes, see components.py

    @property
    def texels(self) -> int:
        """Of a texture's side."""
        return int(4 * 2 ** len(self.up))


PRESETS = {
    "tiny": AvatarSizes(8, (8, 8, 8), (16, 8, 8), 16, 32, (4, 8, 8), 32, 32, kpt_blocks=1, components=True),
    "small": AvatarSizes(
        32,
        (8, 8, 16, 16, 32),
        (32, 32, 16, 16, 8),
        64,
        128,
        (8, 16, 16, 32),
        128,
        128,
        batch_norm=False,
        components=True,
    ),
    "paper": AvatarSizes(
        256,
        (16, 16, 32, 32, 64, 64, 128, 128),
        (256, 128, 128, 64, 64, 32, 32, 16),
        256,
        1024,
        (16, 32, 64, 128, 128, 64, 64, 512),
        512,
        1024,
    ),
}
