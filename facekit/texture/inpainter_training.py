"""Training the albedo inpainter (3DFaceFill, supplement Sec. 4.3): the completion loss weighted by the
uncertainty, symmetry, the picture under its own light, its mean square, and, if wanted, the discriminator.

Pictures are compared on the chart, as relit textures. Inpainter and discriminator step together, 1 : 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from facekit.networks.blocks import initialise
from facekit.records import FloatArray
from facekit.texture import losses
from facekit.texture.examples import SHADES, Example, from_log_bytes
from facekit.texture.inpainter import Maps, complete_log
from facekit.texture.pyramid_gan import PyramidGAN
from facekit.texture.sym_unet import SymUNet
from facekit.train.loop import Batch

PENALTY = 10.0  # weight of the gradient penalty
FIRST, GROWN = (
    0.25,
    0.3,
)  # share of the examples, those with least hidden, at first; part of the run until all
BESIDE = 0.15  # weight of texels beside the face: hair, background and collars show there as often as skin
NOT_HIDDEN = 0.05  # weight of seen texels in the completion loss


@dataclass(frozen=True)
class Weights:
    """Of the terms of the loss."""

    completion: float = 0.3
    symmetry: float = 0.3
    image: float = 3.0
    expectation: float = 100.0
    adversarial: float = 0.0


class Pair(nn.Module):
    """Inpainter and, where one is trained, discriminator."""

    def __init__(self, inpainter: SymUNet, discriminator: PyramidGAN | None) -> None:
        super().__init__()
        self.inpainter = inpainter
        self.discriminator = discriminator


class Inpainting:
    """The task of ``train.loop``."""

    def __init__(
        self, pair: Pair, examples: Sequence[Example], face: FloatArray, batch: int, weights: Weights
    ) -> None:
        """face (T, T): where the chart shows the face, 0 to 1."""
        order = np.argsort([example.hidden for example in examples], kind="stable")
        chosen = [examples[i] for i in order]
        self.stock = {
            name: torch.from_numpy(np.stack([getattr(one, name) for one in chosen]))
            for name in ("seen", "shown", "truth", "linear", "shade")
        }
        self.face = torch.from_numpy(np.asarray(face, np.float32))[None, None]
        self.pair, self.size, self.weights = pair, batch, weights

    @property
    def model(self) -> nn.Module:
        """The network, or both."""
        return self.pair

    def batch(self, progress: float, generator: torch.Generator) -> Batch:
        """Examples, half of them mirrored; at first only those of which little is hidden."""
        count = len(self.stock["seen"])
        ready = max(1, round(count * min(1.0, FIRST + (1 - FIRST) * progress / GROWN)))
        rows = torch.randint(ready, (self.size,), generator=generator)
        mirrored = torch.rand(self.size, generator=generator) < 0.5
        batch = {name: _mirrored(stock[rows], mirrored) for name, stock in self.stock.items()}
        return batch | {"between": torch.rand(self.size, generator=generator)}

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Terms and their weighted sum."""
        maps, truth, wanted = unpacked(batch)
        known = batch["shown"].float().div(255)[:, None]
        face = self.face.to(truth.device)
        wanted = wanted * (BESIDE + (1 - BESIDE) * face)
        log, sigma = complete_log(self.pair.inpainter, maps, face)
        area = wanted + NOT_HIDDEN * known * (1 - wanted)
        shade = batch["shade"].float().div(SHADES).permute(0, 3, 1, 2)
        made, genuine = relit(maps.seen * maps.log + (1 - maps.seen) * log, shade), relit(truth, shade)
        terms = {
            "completion": losses.completion_loss(log, truth, sigma, area),
            "symmetry": losses.symmetry_loss(log, maps.seen),
            "image": losses.image_loss(made, genuine, wanted),
            "expectation": losses.expectation_loss(made, genuine, wanted),
        }
        total = sum((getattr(self.weights, name) * value for name, value in terms.items()), torch.zeros(()))
        if self.pair.discriminator is not None:
            against = _adversarial(self.pair.discriminator, genuine * known, made * known, batch["between"])
            terms |= against
            total = total + self.weights.adversarial * against["adversarial"] + against["discriminator"]
        return terms | {"loss": total}


def unpacked(batch: Batch) -> tuple[Maps, Tensor, Tensor]:
    """The maps before the network, the true log albedo (B, 3, T, T), and where (B, 1, T, T) it is to be
    completed and the truth known.
    """
    seen = batch["seen"].float().div(255)[:, None]
    shown = batch["shown"].float().div(255)[:, None]
    truth = from_log_bytes(batch["truth"]).permute(0, 3, 1, 2)
    linear = from_log_bytes(batch["linear"]).permute(0, 3, 1, 2)
    return Maps(truth, seen, linear), truth, shown * (1 - seen)


def relit(log: Tensor, shade: Tensor) -> Tensor:
    """sRGB (B, 3, T, T) of log albedo under its light."""
    linear = (log.exp() * shade).clamp(0.0, 1.0)
    return torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    )


def new_pair(inpainter: SymUNet, discriminator: PyramidGAN | None, generator: torch.Generator) -> Pair:
    """Both untrained; the inpainter's last layer is zero, so that it begins with what it refines."""
    pair = Pair(inpainter, discriminator)
    initialise(pair, generator)
    nn.init.zeros_(inpainter.head.weight)
    return pair


def _adversarial(network: PyramidGAN, genuine: Tensor, made: Tensor, between: Tensor) -> dict[str, Tensor]:
    """Both sides' losses: the discriminator's leave the inpainter alone, and the other way round."""
    held = {name: value.detach() for name, value in network.state_dict().items()}
    telling = losses.discriminator_loss(network(genuine), network(made.detach()))
    penalty = losses.gradient_penalty(network, genuine, made, between)
    return {
        "adversarial": losses.generator_loss(functional_call(network, held, (made,))),
        "discriminator": telling + PENALTY * penalty,
    }


def _mirrored(stock: Tensor, which: Tensor) -> Tensor:
    """Maps (B, T, T, ...), mirrored where ``which`` (B,) says so."""
    shape = (-1, *[1] * (stock.ndim - 1))
    return torch.where(which.view(shape), stock.flip(2), stock)
