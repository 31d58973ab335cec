"""The five networks of 3DFaceFill and how many parameters the paper says that they have."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Described:
    """A network of the paper."""

    table: int  # of the supplement
    title: str
    paper: float  # million parameters, as the paper says
    builder: str  # "module:function" of a function of a preset's name, so that nothing is imported before


NETWORKS = {
    "face-encoder": Described(3, "3DMM encoder", 17.4, "facekit.networks.encoder:preset_encoder"),
    "albedo-decoder": Described(4, "albedo decoder", 5.54, "facekit.networks.albedo_decoder:preset_decoder"),
    "inpainter": Described(5, "Sym-UNet", 11.0, "facekit.texture.sym_unet:preset_sym_unet"),
    "discriminator": Described(6, "PyramidGAN", 2.79, "facekit.texture.pyramid_gan:preset_discriminator"),
    "segmenter": Described(7, "face segmenter", 7.18, "facekit.segmentation.network:preset_segmenter"),
}


def build(name: str, preset: str = "paper") -> nn.Module:
    """One of NETWORKS, untrained."""
    module, function = NETWORKS[name].builder.split(":")
    made: nn.Module = getattr(import_module(module), function)(preset)
    return made
