"""The models of LiP-Flow (Fig. 4 and supplement, Sec. 7) by name: what each is made of, and its prior.

dam       the Deep Appearance Model: Q, D, prior N(0, I)
dam-enc   P in the place of Q, prior N(0, I)
dam-reg   a trained dam whose latents P regresses
lip-kl    Q and P in one space, held together by the Kullback-Leibler divergence
lip-flow  Q and P in spaces of their own, between them a flow conditioned on h
dam-flow  a flow without condition between Q and N(0, I)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from facekit.avatar.colour import CameraColours
from facekit.avatar.decoder import Decoder
from facekit.avatar.encoder import DamEncoder, Gaussian
from facekit.avatar.gaussian_head import GaussianHead
from facekit.avatar.hmc_encoder import HmcEncoder
from facekit.avatar.kpt_encoder import KptEncoder
from facekit.avatar.sizes import AvatarSizes
from facekit.errors import UsageError
from facekit.priors.flow import gaussian, glow

MODELS = ("dam", "dam-enc", "dam-reg", "lip-kl", "lip-flow", "dam-flow")
SIGNALS = ("hmc", "kpt")
WITHOUT_SIGNAL = ("dam", "dam-flow")  # their prior is N(0, I)
WITHOUT_Q = ("dam-enc",)


@dataclass(frozen=True)
class Shape:
    """What the networks' sizes depend on besides the preset."""

    vertices: int
    cameras: int
    points: int  # keypoints
    pictures: tuple[int, int]  # (h, w) px of a headset's pictures


@dataclass(frozen=True)
class Prior:
    """What a driving signal says of the latent: N(mean, sigma) in the space of P, where a fit begins."""

    start: Gaussian
    h: Tensor | None  # (B, H) condition of the flow


class Avatar(nn.Module):
    """One person's networks. z is in the space of Q unless said otherwise; vertices in m, colours in 0..1."""

    vertex_mean: Tensor  # (3 V,) m
    vertex_scale: Tensor  # () m
    texture_mean: Tensor  # (3, T, T)
    texture_scale: Tensor  # ()

    def __init__(
        self, kind: str, signal: str, sizes: AvatarSizes, shape: Shape, generator: torch.Generator
    ) -> None:
        """``kind`` of MODELS, ``signal`` of SIGNALS (of no account for those without)."""
        super().__init__()
        self.kind, self.signal, self.sizes, self.shape = kind, signal, sizes, shape
        self.register_buffer("vertex_mean", torch.zeros(3 * shape.vertices))
        self.register_buffer("vertex_scale", torch.ones(()))
        self.register_buffer("texture_mean", torch.zeros(3, sizes.texels, sizes.texels))
        self.register_buffer("texture_scale", torch.ones(()))
        self.decoder = Decoder(shape.vertices, sizes, generator)
        self.colours = CameraColours(shape.cameras)
        self.encoder = None if kind in WITHOUT_Q else DamEncoder(shape.vertices, sizes, generator)
        self.look = self.head = self.flow = None
        if kind not in WITHOUT_SIGNAL:
            hmc = signal == "hmc"
            self.look = (
                HmcEncoder(shape.pictures, sizes, generator)
                if hmc
                else KptEncoder(shape.points, sizes, generator)
            )
            self.head = GaussianHead(sizes.hidden, sizes.latent, generator)
        if kind.endswith("flow"):
            context = 0 if self.look is None else sizes.hidden
            self.flow = glow(
                sizes.latent,
                context,
                sizes.steps,
                sizes.flow,
                generator,
                blocks=sizes.blocks,
                batch_norm=sizes.batch_norm,
            )

    def posterior(self, vertices: Tensor, textures: Tensor) -> Gaussian:
        """Q of meshes (B, V, 3) and mean textures (B, 3, T, T). UsageError for an avatar without Q."""
        if self.encoder is None:
            raise UsageError("this avatar has no encoder Q, only what drives it; give one as it was trained")
        texture = (textures - self.texture_mean) / self.texture_scale
        flat = (vertices.flatten(1) - self.vertex_mean) / self.vertex_scale
        return cast(Gaussian, self.encoder(texture, flat))

    def prior(self, signal: Tensor | None, count: int) -> Prior:
        """P of a driving signal, (B, S, h, w) pictures or (B, L, 2) keypoints; N(0, I) without one."""
        if self.look is None or self.head is None:
            zeros = self.vertex_mean.new_zeros(count, self.sizes.latent)
            return Prior(Gaussian(zeros, zeros), None)
        assert signal is not None
        h = self.look(signal)
        return Prior(self.head(h), h)

    def to_prior(self, z: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
        """F: z (B, Z) in the space of P, and log |det| (B,) (Eq. 8)."""
        if self.flow is None:
            return z, z.new_zeros(len(z))
        return self.flow.to_noise(z, self._condition(prior))

    def from_prior(self, z: Tensor, prior: Prior) -> Tensor:
        """The inverse of F."""
        return z if self.flow is None else self.flow.from_noise(z, self._condition(prior))

    def log_prior(self, z: Tensor, prior: Prior) -> Tensor:
        """log p_P(z) (B,) in nats (Eq. 9; Eq. 12)."""
        there, logdet = self.to_prior(z, prior)
        return gaussian(there, *self.belief(prior)) + logdet

    def belief(self, prior: Prior) -> Gaussian:
        """What the latent's likelihood is taken under: N(0, I) for dam-enc, which was trained so."""
        if self.kind not in WITHOUT_Q:
            return prior.start
        zeros = torch.zeros_like(prior.start.mean)
        return Gaussian(zeros, zeros)

    def decode(self, z: Tensor, towards: Tensor) -> tuple[Tensor, Tensor]:
        """Vertices (B, V, 3) and textures (B, 3, T, T) as seen from ``towards`` (B, 3)."""
        vertices, texture = self.decoder(z, towards)
        return self._metres(vertices), texture * self.texture_scale + self.texture_mean

    def decode_mesh(self, z: Tensor) -> Tensor:
        """Vertices (B, V, 3) alone."""
        return self._metres(self.decoder.vertices(z))

    def decoder_of(self, corners: Tensor, bary: Tensor) -> tuple[Tensor, Tensor]:
        """For a few points of the mesh, on triangles (L, 3) at (L, 3): matrix (3 L, F) and offset (3 L,), m,
        that take what the decoder's first layer makes of z to where they are; of the weights as they are.
        """
        last = self.decoder.mesh
        matrix = last.weight * (last.gain / last.weight.norm())[:, None] * self.vertex_scale
        offset = last.bias * self.vertex_scale + self.vertex_mean
        share = bary[:, :, None]
        rows = (matrix.view(-1, 3, matrix.shape[1])[corners] * share[..., None]).sum(1)
        return rows.flatten(0, 1), (offset.view(-1, 3)[corners] * share).sum(1).flatten()

    def _metres(self, vertices: Tensor) -> Tensor:
        return (vertices * self.vertex_scale + self.vertex_mean).view(len(vertices), -1, 3)

    def _condition(self, prior: Prior) -> Tensor | None:
        return prior.h if self.look is not None else None

    def learn_scales(self, vertices: Tensor, textures: Tensor, points: Tensor | None) -> None:
        """Means and deviations, one number each, of the training's meshes (N, V, 3), textures (N, 3, T, T)
        and keypoints (N, L, 2).
        """
        for mean, scale, values in (
            (self.vertex_mean, self.vertex_scale, vertices.flatten(1)),
            (self.texture_mean, self.texture_scale, textures),
        ):
            mean.copy_(values.mean(0))
            scale.copy_((values - mean).square().mean().sqrt().clamp(min=1e-6))
        if points is not None:
            self.learn_point_scale(points)

    def learn_point_scale(self, points: Tensor) -> None:
        """Means and deviation of the training's keypoints, where they are what drives."""
        if isinstance(self.look, KptEncoder):
            self.look.learn_scale(points)
