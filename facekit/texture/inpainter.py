"""The Sym-UNet on facekit's chart: it completes the logarithm of the albedo, either alone, from the masked
albedo and the mask as in the paper, or by refining what the linear albedo model has completed.

Albedo is looked at relative to the mean tone of the face, so that all skin tones, and paintings, look alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facekit.errors import WrongKindError
from facekit.morphable.albedo import chart_digest
from facekit.morphable.topology import Topology
from facekit.records import FloatArray
from facekit.texture.sym_unet import PLAIN, SymUNet

KIND = "facekit-inpainter"
SCALE = 0.5  # log albedo to the network's unit
FIRST_SIGMA = -1.5  # logarithm of the uncertainty that an untrained network has, log albedo
SIGMAS = (-4.0, 0.7)  # its bounds


@dataclass(frozen=True)
class Maps:
    """What is known before the network: tensors (B, C, T, T) float32."""

    log: Tensor  # (B, 3) log albedo of the photo, anything where it is not seen
    seen: Tensor  # (B, 1) trust, 0 to 1
    linear: Tensor  # (B, 3) log albedo, completed by the albedo model

    def flip(self) -> Maps:
        """The mirror image."""
        return Maps(self.log.flip(-1), self.seen.flip(-1), self.linear.flip(-1))


def tone(maps: Maps, face: Tensor, network: SymUNet) -> Tensor:
    """(B, 3, 1, 1) mean log albedo of the face (1, 1, T, T): of the seen part for a network that sees no
    more, else of the completed one.
    """
    weight = face * maps.seen if network.inputs == PLAIN else face.expand_as(maps.seen)
    source = maps.log if network.inputs == PLAIN else maps.linear
    total = (source * weight).sum((2, 3), keepdim=True)
    return total / weight.sum((2, 3), keepdim=True).clamp(min=1e-3)


def complete_log(network: SymUNet, maps: Maps, face: Tensor, symmetric: bool = True) -> tuple[Tensor, Tensor]:
    """Completed log albedo (B, 3, T, T) and the logarithm of its uncertainty (B, 1, T, T), as trained: the
    seen texels are not put back. Without ``symmetric`` the second branch sees an empty texture.
    """
    level = tone(maps, face, network)
    base = maps.linear if network.inputs != PLAIN else level.expand_as(maps.log)

    def stacked(seen: Tensor) -> Tensor:
        parts = [(maps.log - level) / SCALE * seen, seen]
        if network.inputs != PLAIN:
            parts.append((maps.linear - level) / SCALE)
        return torch.cat(parts, 1)

    x = stacked(maps.seen)
    other = None if symmetric else stacked(torch.zeros_like(maps.seen)).flip(-1)
    change, sigma = network(x, other)
    return base + SCALE * change, (sigma + FIRST_SIGMA).clamp(*SIGMAS)


def to_arrays(
    network: SymUNet, preset: str, widths: tuple[int, ...], topology: Topology, size: int
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Weights in half precision and metadata, to be stored."""
    arrays = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    half = {name: a.astype(np.float16) if a.dtype == np.float32 else a for name, a in arrays.items()}
    told = {"kind": KIND, "version": "1", "preset": preset, "widths": json.dumps(list(widths))}
    told |= {"inputs": str(network.inputs), "chart": chart_digest(topology), "size": str(size)}
    return half, told


@dataclass(frozen=True)
class Inpainter:
    """A trained network."""

    network: SymUNet
    chart: str  # digest of the texture chart
    size: int  # texels a side

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> Inpainter:
        """The inverse of ``to_arrays``. Raises WrongKindError for other weights."""
        if metadata.get("kind") != KIND or metadata.get("version") != "1":
            raise WrongKindError("these weights are no albedo inpainter; make one with train-prior inpainter")
        network = SymUNet(json.loads(metadata["widths"]), int(metadata["inputs"]))
        network.load_state_dict(
            {
                name: torch.from_numpy(np.asarray(a, np.float32) if a.dtype == np.float16 else np.array(a))
                for name, a in arrays.items()
            }
        )
        return Inpainter(network.eval().requires_grad_(False), metadata["chart"], int(metadata["size"]))

    def belongs_to(self, topology: Topology) -> bool:
        """Whether it was trained in the texture chart of this topology."""
        return chart_digest(topology) == self.chart

    def complete(
        self, log: FloatArray, seen: FloatArray, linear: FloatArray, face: FloatArray, symmetric: bool = True
    ) -> tuple[FloatArray, FloatArray]:
        """Completed log albedo (T, T, 3) and the standard uncertainty (T, T) of it.

        log, linear (T, T, 3), seen, face (T, T), T texels a side, as ``Maps``. With ``symmetric`` the mean of
        what the network says of the texture and of its mirror image: mirrored input, mirrored output.
        """
        maps = Maps(*(_tensor(one) for one in (log, seen, linear)))
        where = _tensor(face)
        with torch.no_grad():
            done, sigma = complete_log(self.network, maps, where, symmetric)
            if symmetric:
                again, unsure = complete_log(self.network, maps.flip(), where.flip(-1))
                done, sigma = (done + again.flip(-1)) / 2, (sigma + unsure.flip(-1)) / 2
        return done[0].permute(1, 2, 0).numpy(), sigma.exp()[0, 0].numpy()


def _tensor(picture: FloatArray) -> Tensor:
    """(1, C, T, T) of a map (T, T) or (T, T, C)."""
    value = torch.from_numpy(np.ascontiguousarray(picture, np.float32))
    return (value[..., None] if value.ndim == 2 else value).permute(2, 0, 1)[None]
