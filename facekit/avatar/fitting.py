"""Latents that agree with what was observed of a face, under what a model believes of them (Eq. 10-12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

from facekit.avatar.capture import Keypoints
from facekit.avatar.layers import leaky
from facekit.avatar.losses import IMAGE
from facekit.avatar.models import Avatar, Prior
from facekit.avatar.render import Cameras, Renderer, grey
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.priors.flow import gaussian
from facekit.priors.frozen_flow import FrozenFlow
from facekit.priors.latent_fit import adam

POSE = 6  # axis-angle and shift of a headset
POSE_RATE = (0.003, 0.0005)  # rad and m of a step, per unit of 0.1 of the latents' rate
POSE_SIGMA = (0.05, 0.005)  # rad, m: how a headset may sit


@dataclass(frozen=True)
class FitSettings:
    """How latents are fitted: the paper's learning rates, weights and steps (Sec. 14.2)."""

    rate: float = 0.1
    weight: float = 0.01  # lambda_L
    steps: int = 200
    patience: int = 20
    likelihood: bool = True  # without it L_R alone
    prior_start: bool = True  # without it the fit begins at a sample of N(0, I) given by ``start``


class Target(Protocol):
    """What was observed of B faces."""

    def misfit(self, avatar: Avatar, z: Tensor, items: Tensor, pose: Tensor | None) -> Tensor:
        """L_R (b,) of latents (b, Z) for the faces ``items``; ``pose`` (b, 6) moves the headset."""


class PointsTarget:
    """Keypoints, by the decoded mesh alone (Sec. 4.2)."""

    def __init__(self, points: Tensor, where: Keypoints, scale: float) -> None:
        """points (B, L, 2), 0..1, NaN where missing; errors count per square of ``scale``."""
        camera = where.camera
        self.points, self.scale = points, scale
        self.corners, self.bary = torch.as_tensor(where.corners).long(), torch.as_tensor(where.bary)
        one = (torch.as_tensor(value, dtype=torch.float32)[None] for value in (camera.K, camera.R, camera.t))
        self.cameras = Cameras(*one)
        self.size = torch.as_tensor(camera.image_size, dtype=torch.float32)
        self._decoder: tuple[Avatar, Tensor, Tensor] | None = None

    def places(self, avatar: Avatar, z: Tensor) -> Tensor:
        """Where an avatar with latents (b, Z) has the keypoints, (b, L, 3) m; its weights are those of the
        first call.
        """
        if self._decoder is None or self._decoder[0] is not avatar:
            with torch.no_grad():
                self._decoder = avatar, *avatar.decoder_of(self.corners, self.bary)
        _, matrix, offset = self._decoder
        return linear(leaky(avatar.decoder.latent(z)), matrix, offset).view(len(z), -1, 3)

    def project(self, places: Tensor) -> Tensor:
        """Places (b, L, 3) m in the picture, (b, L, 2), 0..1."""
        return self.cameras.project(places)[..., :2] / self.size

    def misfit(self, avatar: Avatar, z: Tensor, items: Tensor, pose: Tensor | None) -> Tensor:
        wanted = self.points[items]
        seen = torch.isfinite(wanted).all(-1)
        apart = self.project(self.places(avatar, z)) - torch.nan_to_num(wanted)
        return (apart.square().sum(-1) * seen).sum(1) / seen.sum(1).clamp(min=1) / (2 * self.scale**2)


class PicturesTarget:
    """Pictures of each face by C cameras: views, or those of a headset."""

    def __init__(
        self, images: Tensor, masks: Tensor, cameras: Cameras, renderer: Renderer, camera: int | None = None
    ) -> None:
        """images (B, C, H, W, 3), or (B, C, H, W) grey; masks (B, C, H, W) of what is seen; K, R, t of
        ``cameras`` (B, C, ...), for a headset from its own frame after ``pose`` (see ``moved``); ``camera``
        of the capture, whose colours the pictures have, if of one.
        """
        self.images, self.masks, self.cameras = images, masks, cameras
        self.renderer, self.camera = renderer, camera

    def misfit(self, avatar: Avatar, z: Tensor, items: Tensor, pose: Tensor | None) -> Tensor:
        wanted, masks, cameras = self.images[items], self.masks[items], self.cameras[items]
        count = wanted.shape[1]
        if pose is not None:
            cameras = moved(cameras, pose)
        flat = Cameras(cameras.K.flatten(0, 1), cameras.R.flatten(0, 1), cameras.t.flatten(0, 1))
        vertices, textures = avatar.decode(z.repeat_interleave(count, 0), flat.towards())
        size = (int(masks.shape[2]), int(masks.shape[3]))
        pictures, shown = self.renderer(vertices, textures, flat, size)
        if self.camera is not None:
            which = torch.full((len(pictures),), self.camera, device=z.device)
            pictures = avatar.colours(pictures, which) * shown[..., None]
        if wanted.ndim == 4:
            pictures = grey(pictures)[..., None]
            wanted = wanted[..., None]
        pictures = pictures.view(len(z), count, *pictures.shape[1:])
        square = (pictures - wanted).square().mean(-1) * masks
        return square.flatten(1).sum(1) / masks.flatten(1).sum(1).clamp(min=1) / IMAGE**2


def moved(cameras: Cameras, pose: Tensor) -> Cameras:
    """Cameras (b, C, ...) after the head moved in the headset by axis-angle and shift (b, 6)."""
    turn = axis_angle_to_matrix(pose[:, :3])[:, None]
    t = (cameras.R @ pose[:, None, 3:, None])[..., 0] + cameras.t
    return Cameras(cameras.K, cameras.R @ turn, t)


@dataclass(frozen=True)
class Fitted:
    """Latents in the space of Q, what is left of the objective, and how the headset sat."""

    z: Tensor  # (B, Z)
    value: Tensor  # (B,)
    pose: Tensor | None  # (B, 6)


def fit(
    avatar: Avatar,
    prior: Prior,
    target: Target,
    settings: FitSettings,
    *,
    start: Tensor | None = None,
    pose: bool = False,
    tick: Callable[[], object] = lambda: None,
) -> Fitted:
    """Latents of all faces, each for itself; from ``start`` (B, Z), the prior's mean by default."""
    believed = avatar.belief(prior)
    flow = None if avatar.flow is None else FrozenFlow(avatar.flow, prior.h)
    if start is None:
        mean = prior.start.mean
        start = mean if flow is None else flow.from_noise(mean)
    size = start.shape[1]
    rate = torch.full((size + POSE * pose,), settings.rate, device=start.device)
    if pose:
        start = torch.cat([start, start.new_zeros(len(start), POSE)], 1)
        rate[size:] *= rate.new_tensor([10 * value for value in POSE_RATE]).repeat_interleave(3)
    sigma = start.new_tensor(POSE_SIGMA).repeat_interleave(3)

    def objective(whole: Tensor, items: Tensor) -> Tensor:
        z, sat = whole[:, :size], whole[:, size:] if pose else None
        value = target.misfit(avatar, z, items, sat)
        if settings.likelihood:
            there, logdet = (z, z.new_zeros(len(z))) if flow is None else flow.to_noise(z, items)
            likely = gaussian(there, believed.mean[items], believed.log_sigma[items]) + logdet
            value = value - settings.weight * likely / size
            if sat is not None:
                value = value + settings.weight * 0.5 * (sat / sigma).square().sum(1) / size
        return value

    found = adam(objective, start, settings.steps, rate, patience=settings.patience, tick=tick)
    return Fitted(found.z[:, :size], found.value, found.z[:, size:] if pose else None)
