"""What encoder and albedo decoder learn together, from what: the losses of Sec. 4.2 on a batch of faces.

Faces that come with a code and a pose are learned from under supervision; of others, whose landmarks alone
are known, the picture is drawn again by the rasteriser and compared (the paper's second stage). Parts of the
faces are hidden from the encoder, never from the losses.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facekit.networks import losses
from facekit.networks.albedo_decoder import AlbedoDecoder
from facekit.networks.encoder import AMBIENT, FaceEncoder, Factors
from facekit.networks.lessons import Lessons, as_input, draw, hide, pose_of
from facekit.networks.pose import Pose, decode
from facekit.networks.surface import FaceSurface
from facekit.raster.shade import linear_to_srgb, shade

DIM = 1e-3  # linear; the light of the part that is turned away is taken for this at least


@dataclass(frozen=True)
class Weights:
    """Of the terms. The paper's are equal; here they are, in units in which each error matters: a standard
    deviation of a code, 10 % of scale or translation, 20 degrees, 10 % of the crop between landmarks.
    """

    shape: float = 1.0
    pose: float = 30.0
    landmarks: float = 100.0
    texture: float = 10.0
    reconstruction: float = 1.0
    symmetry: float = 1.0
    constancy: float = 1.0
    light: float = 0.02  # of the distance from even light, which alone tells a dark skin from a dim lamp
    code: float = 0.05  # of ||f||^2 of faces whose code is not known: codes are N(0, I)


class FaceFactors(nn.Module):
    """Encoder and albedo decoder."""

    def __init__(self, encoder: FaceEncoder, decoder: AlbedoDecoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, pictures: Tensor) -> tuple[Factors, Tensor]:
        """Factors and albedo (B, T, T, 3) of pictures (B, 3, S, S) as ``lessons.as_input`` makes them."""
        factors = self.encoder(pictures)
        return factors, self.decoder(factors.albedo)


class Factorising:
    """The training task (a ``train.loop.Task``)."""

    def __init__(
        self,
        model: FaceFactors,
        surface: FaceSurface,
        lessons: Lessons,
        size: int,
        rendered: int = 2,
        weights: Weights | None = None,
    ) -> None:
        """``size`` faces make a batch, the first ``rendered`` of each process's share are drawn again."""
        self.model, self.surface, self.lessons, self.size = model, surface, lessons, size
        self.rendered, self.weights = rendered, weights or Weights()

    @property
    def side(self) -> int:
        """Of the pictures, px."""
        return self.model.encoder.preset.size

    def batch(self, progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        """What ``lessons.draw`` makes, and ``hidden`` (B, S, S) bool."""
        index = torch.randint(len(self.lessons), (self.size,), generator=generator)
        batch = draw(self.lessons, index, self.side, self.surface.mirror.cpu(), generator)
        hidden = hide(self.lessons, self.size, self.side, progress, generator)
        return batch | {"hidden": hidden}

    def losses(self, batch: dict[str, Tensor], progress: float) -> dict[str, Tensor]:
        """loss = the sum of the other terms, each with its weight."""
        self.surface.to(batch["picture"].device)
        factors, albedo = self.model(as_input(batch["picture"], batch["hidden"]))
        pose, weights = decode(factors.pose), self.weights
        vertices = self.surface.vertices(factors.code)
        terms = self._supervised(factors, pose, batch)
        terms |= self._landmarks(vertices, pose, batch)
        terms |= self._appearance(factors, albedo, vertices, pose, batch)
        terms |= self._drawn(factors, albedo, vertices, pose, batch)
        factor = {
            "shape": weights.shape,
            "pose": weights.pose,
            "landmarks": weights.landmarks,
            "texture": weights.texture,
            "reconstruction": weights.reconstruction,
            "symmetry": weights.symmetry,
            "constancy": weights.constancy,
            "light": weights.light,
            "code": weights.code,
        }
        total = sum((factor[name] * value for name, value in terms.items()), albedo.new_zeros(()))
        return {"loss": total, **terms}

    def _supervised(self, factors: Factors, pose: Pose, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        known = ~batch["code"].isnan().any(1)
        posed = ~batch["scale"].isnan()
        none = factors.code.new_zeros(())
        truth = pose_of(batch)
        return {
            "shape": losses.shape_loss(factors.code[known], batch["code"][known]) if known.any() else none,
            "code": factors.code[~known].square().mean() if (~known).any() else none,
            "pose": losses.pose_loss(_rows(pose, posed), _rows(truth, posed)) if posed.any() else none,
        }

    def _landmarks(self, vertices: Tensor, pose: Pose, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        found = pose.project(self.surface.landmarks(vertices), batch["focal"])[..., :2]
        good = batch["landmarks"].isfinite().all(-1)
        truth = torch.where(good[..., None], batch["landmarks"], 0.0)
        return {"landmarks": losses.landmark_loss(found, truth, good.float())}

    def _appearance(
        self, factors: Factors, albedo: Tensor, vertices: Tensor, pose: Pose, batch: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Texture, in sRGB, against what the photo shows on the true face, else on the one that was found;
        and the regularisers.
        """
        known = ~(batch["code"].isnan().any(1) | batch["scale"].isnan())
        with torch.no_grad():
            code = torch.where(known[:, None], batch["code"], factors.code)
            truth = pose_of(batch)
            shown = Pose(
                torch.where(known, truth.scale, pose.scale),
                torch.where(known[:, None, None], truth.rotation, pose.rotation),
                torch.where(known[:, None], truth.origin, pose.origin),
            )
            surface = self.surface.vertices(code)
            colour, seen, normals = self.surface.unwrapped(batch["picture"], surface, shown, batch["focal"])
        lit = shade(normals.flatten(1, 2), factors.light).reshape(normals.shape).clamp(min=DIM)
        found = linear_to_srgb((albedo * lit).clamp(0, 1))
        even = torch.zeros_like(factors.light)
        even[:, 0] = AMBIENT
        return {
            "texture": losses.texture_loss(found, colour, seen),
            "symmetry": losses.symmetry_loss(albedo),
            "constancy": losses.constancy_loss(albedo, colour, seen),
            "light": (factors.light - even).square().mean(),
        }

    def _drawn(
        self, factors: Factors, albedo: Tensor, vertices: Tensor, pose: Pose, batch: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        some = slice(0, self.rendered)
        drawn, skin = self.surface.rendered(
            vertices[some],
            _rows(pose, some),
            albedo[some],
            factors.light[some],
            self.side,
            batch["focal"][some],
        )
        picture = batch["picture"][some].permute(0, 2, 3, 1)
        seen = linear_to_srgb(drawn.clamp(0, 1))
        return {"reconstruction": losses.reconstruction_loss(seen, picture, skin)}


def _rows(pose: Pose, which: Tensor | slice) -> Pose:
    return Pose(pose.scale[which], pose.rotation[which], pose.origin[which])
