"""What every prior over poses can do: draw, decode and encode latents, given head and hands.

FLAG (Aliakbarian et al., CVPR 2022) and the two it is compared with: a RealNVP without the region
approximator, which starts at z = 0 (as ProHMR, Kolotouros et al., ICCV 2021), and a conditional VAE (as
VPoser, Pavlakos et al., CVPR 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from facekit.priors.flow import layers, real_nvp
from facekit.priors.pose_space import CONDITION, PER_DEVICE, PoseSpace, signal_of
from facekit.priors.region import Guess, Region, RegionSizes

KINDS = ("flag", "realnvp", "vae")


@dataclass(frozen=True)
class PoseSizes:
    """Sizes of the networks."""

    blocks: int = 16  # of the flow
    hidden: int = 512  # width of the flow's networks, and of the VAE's
    latent: int = 32  # of the VAE
    region: RegionSizes = field(default_factory=RegionSizes)


PRESETS = {
    "tiny": PoseSizes(4, 32, 8, RegionSizes(32, 1, 4, 64, 4, 8)),
    "small": PoseSizes(8, 128, 16, RegionSizes(64, 2, 4, 128, 16, 32)),
    "paper": PoseSizes(),
}


class PosePrior(nn.Module):
    """Latents z (B, Z) and poses x (B, D) given a condition c (B, 31)."""

    kind = ""

    def __init__(self, space: PoseSpace, latent: int) -> None:
        super().__init__()
        self.space, self.latent = space, latent

    def start(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log deviation (B, Z) of the latents before they are fitted; N(0, I) unless overridden."""
        return c.new_zeros(len(c), self.latent), c.new_zeros(len(c), self.latent)

    def decode(self, z: Tensor, c: Tensor) -> Tensor:
        """The pose x (B, D) of a latent."""
        raise NotImplementedError

    def encode(self, x: Tensor, c: Tensor) -> Tensor:
        """The latent z (B, Z) of a pose."""
        raise NotImplementedError


class RealNVPPrior(PosePrior):
    """A conditional flow with base N(0, I)."""

    kind = "realnvp"

    def __init__(self, space: PoseSpace, sizes: PoseSizes, generator: torch.Generator) -> None:
        super().__init__(space, space.size)
        self.flow = real_nvp(space.size, CONDITION, sizes.blocks, sizes.hidden, generator)

    def decode(self, z: Tensor, c: Tensor) -> Tensor:
        """Through the inverse of the flow."""
        return self.flow.from_noise(z, c)

    def encode(self, x: Tensor, c: Tensor) -> Tensor:
        """Through the flow."""
        return self.flow.to_noise(x, c)[0]


class FlagPrior(RealNVPPrior):
    """The flow, and the approximator that says where in its latents the pose is."""

    kind = "flag"

    def __init__(self, space: PoseSpace, sizes: PoseSizes, generator: torch.Generator) -> None:
        super().__init__(space, sizes, generator)
        skeleton = space.skeleton
        self.region = Region(skeleton.size, skeleton.devices, space.size, sizes.region, generator)

    def start(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """mu_H and the log of Sigma_H's diagonal from what the headset sees."""
        guess = self.look(c)
        return guess.mean, guess.log_sigma

    def look(self, c: Tensor) -> Guess:
        """All that the approximator says of a condition alone."""
        signal, devices = signal_of(c), list(self.space.skeleton.devices)
        told = c.new_zeros(len(c), self.space.skeleton.size, PER_DEVICE)
        told[:, devices] = signal
        guess: Guess = self.region(told[..., :-1], told[..., -1] > 0.5, c)
        return guess


class VaePrior(PosePrior):
    """Encoder and decoder of two hidden layers."""

    kind = "vae"

    def __init__(self, space: PoseSpace, sizes: PoseSizes, generator: torch.Generator) -> None:
        super().__init__(space, sizes.latent)
        hidden, size, latent = sizes.hidden, space.size, sizes.latent
        self.encoder = layers((size + CONDITION, hidden, hidden, 2 * latent), nn.LeakyReLU, generator)
        self.decoder = layers((latent + CONDITION, hidden, hidden, size), nn.LeakyReLU, generator)

    def posterior(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log deviation (B, Z) of the latent of a pose."""
        mean, log_sigma = self.encoder(torch.cat([x, c], 1)).chunk(2, 1)
        return mean, log_sigma.clamp(-6.0, 2.0)

    def decode(self, z: Tensor, c: Tensor) -> Tensor:
        """Through the decoder."""
        x: Tensor = self.decoder(torch.cat([z, c], 1))
        return x

    def encode(self, x: Tensor, c: Tensor) -> Tensor:
        """The posterior mean."""
        return self.posterior(x, c)[0]


def pose_prior(kind: str, space: PoseSpace, sizes: PoseSizes, generator: torch.Generator) -> PosePrior:
    """One of ``KINDS`` with first weights from ``generator``."""
    classes = {cls.kind: cls for cls in (FlagPrior, RealNVPPrior, VaePrior)}
    return classes[kind](space, sizes, generator)
