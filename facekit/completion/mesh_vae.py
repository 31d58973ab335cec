"""The Mesh-VAE of Diverse3DFace (Sec. 4.2, Tables 5-6): a partial face to a distribution of latents, a latent
to a whole face.

The input is the offset of each vertex from the mean face, 0 where hidden, with a channel that says which
vertices are seen; the output is the offset of every vertex. The paper's released code sees posed vertices in
metres and cannot tell a hidden vertex from one at the origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facekit.completion.meshconv.layers import MeshBlock
from facekit.completion.meshconv.sampling import Connections, face_graph, hierarchy
from facekit.errors import WrongKindError
from facekit.records import FloatArray, IntArray

STRIDES = (2, 1, 2, 1, 2, 1, 2)  # of the seven layers of Tables 5-6
MEAN_SCALE, SPREAD_SCALE = 0.1, 0.01  # of the heads' first weights: training starts at z ~ N(0, 1)


@dataclass(frozen=True)
class Preset:
    """Sizes of a network: channels after each encoder layer, the last being those of the latent; kernels."""

    channels: tuple[int, ...]
    bases: int  # M, kernels that each vertex mixes its own from


PRESETS = {
    "tiny": Preset((8, 8, 8, 8, 16, 16, 4), 2),
    "small": Preset((32, 32, 64, 64, 64, 64, 32), 8),
    "paper": Preset((32, 64, 128, 256, 512, 1024, 64), 17),
}


class MeshVAE(nn.Module):
    """Encoder and decoder over the meshes of one topology. Meshes are (B, V, 3) float32 m, head frame."""

    mean: Tensor
    unit: Tensor

    def __init__(
        self, mean: FloatArray, faces: IntArray, unit: float, preset: Preset, generator: torch.Generator
    ) -> None:
        """mean (V, 3) m; faces (F, 3); ``unit`` m, the typical offset from the mean, is 1 inside."""
        super().__init__()
        self.preset = preset
        self.levels = hierarchy(face_graph(mean, faces), STRIDES)
        self.register_buffer("mean", torch.as_tensor(np.asarray(mean, np.float32)))
        self.register_buffer("unit", torch.tensor(float(unit)))
        widths = (4, *preset.channels)
        down = list(zip(self.levels, widths, widths[1:], strict=False))

        def block(level: Connections, before: int, after: int, activated: bool = True) -> MeshBlock:
            return MeshBlock(level, (before, after), preset.bases, generator, activated)

        self.encoder = nn.Sequential(*(block(*layer) for layer in down[:-1]))
        self.mean_head, self.spread_head = block(*down[-1], False), block(*down[-1], False)
        for head, scale in ((self.mean_head, MEAN_SCALE), (self.spread_head, SPREAD_SCALE)):
            _shrink(head, scale)
        up = [(level.transposed(), after, before) for level, before, after in down[::-1]]
        up[-1] = (up[-1][0], up[-1][1], 3)
        self.decoder = nn.Sequential(*(block(*layer, i < len(up) - 1) for i, layer in enumerate(up)))

    @property
    def sizes(self) -> list[int]:
        """Vertices of the mesh and after each layer of the encoder."""
        return [self.levels[0].inputs, *(level.outputs for level in self.levels)]

    @property
    def latent_size(self) -> int:
        """D: points of the last level times their channels."""
        return self.levels[-1].outputs * self.preset.channels[-1]

    def encode(self, vertices: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """mu and log sigma (B, D) of z given meshes (B, V, 3), of which only what is ``visible`` (B, V) bool
        counts.
        """
        seen = visible[..., None].to(vertices.dtype)
        offset = torch.where(visible[..., None], (vertices - self.mean) / self.unit, 0.0)
        features = self.encoder(torch.cat([offset, seen], -1).transpose(0, 1).contiguous())
        mu, log_sigma = (head(features).transpose(0, 1) for head in (self.mean_head, self.spread_head))
        return mu.flatten(1), log_sigma.flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        """Meshes (B, V, 3) m of latents (B, D)."""
        return self.mean + self.unit * self.offsets(z)

    def offsets(self, z: Tensor) -> Tensor:
        """Offsets (B, V, 3) from the mean face, in ``unit``, of latents (B, D)."""
        points = z.reshape(len(z), self.levels[-1].outputs, -1).transpose(0, 1).contiguous()
        return self.decoder(points).transpose(0, 1)


@torch.no_grad()
def _shrink(block: MeshBlock, scale: float) -> None:
    """Multiply the outputs of a linear block by ``scale``."""
    block.basis.mul_(scale)
    if block.shortcut is not None:
        block.shortcut.mul_(scale)


def to_arrays(network: MeshVAE) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Weights and settings, as ``files.weights`` writes them."""
    arrays = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    settings = {
        "kind": "mesh-vae",
        "channels": " ".join(map(str, network.preset.channels)),
        "bases": str(network.preset.bases),
    }
    return arrays, settings


def from_arrays(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, str], faces: IntArray) -> MeshVAE:
    """The network of stored weights for a mesh with ``faces`` (F, 3). Raises WrongKindError."""
    if settings.get("kind") != "mesh-vae":
        raise WrongKindError("these weights are not those of a mesh VAE; make some with train-prior mesh-vae")
    preset = Preset(tuple(int(c) for c in settings["channels"].split()), int(settings["bases"]))
    mean = arrays["mean"]
    if int(np.max(faces)) >= len(mean):
        raise WrongKindError(
            "the mesh VAE was trained for another face model; give the one it was trained for"
        )
    network = MeshVAE(mean, faces, 1.0, preset, torch.Generator().manual_seed(0))
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if shapes != {name: value.shape for name, value in arrays.items()}:
        raise WrongKindError(
            "the mesh VAE was trained for another face model; give the one it was trained for"
        )
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})
    return network.eval()
