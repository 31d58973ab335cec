"""The Mesh-VAE of Diverse3DFace (Sec. 4.2, Tables 5-6): a partial face to a distribution of latents, a latent
to a whole face.

The input is the offset of each vertex from the mean face, 0 where hidden, with a channel that says which
vertices are seen; the output is the offset of every vertex. The paper's released code sees posed vertices in
metres and cannot tell a hidden vertex from one at the origin.

A network with a ``LinearPath`` (preset ``small``) is the same convolutions around a linear model: the decoder
adds its offsets to principal components, and what the encoder says of z, N(mu, sigma^2), is then updated by
the visible vertices, which for a linear decoder is one Gauss-Newton step and exact. The encoder sees the face
as the linear model alone would complete it. With heads that say N(0, I) it is that linear model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facekit.completion.linear_path import LinearPath, posterior
from facekit.completion.meshconv.layers import MeshBlock
from facekit.completion.meshconv.sampling import Connections, face_graph, hierarchy
from facekit.errors import WrongKindError
from facekit.records import FloatArray, IntArray

STRIDES = (2, 1, 2, 1, 2, 1, 2)  # of the seven layers of Tables 5-6
MEAN_SCALE, SPREAD_SCALE = 0.1, 0.01  # of the heads' first weights: training starts at z ~ N(0, 1)
FARTHEST, SHARPEST = 5.0, 2.0  # bounds of mu and log sigma where there is a linear path
TYPICAL = 4.0  # logarithm of the precision of a latent in a face of which much is seen
DENSE = 384  # hidden units of the dense layers beside the heads


@dataclass(frozen=True)
class Preset:
    """Sizes of a network: channels after each encoder layer, the last being those of the latent; kernels."""

    channels: tuple[int, ...]
    bases: int  # M, kernels that each vertex mixes its own from
    linear: bool = False  # with as many principal components as latents beside the convolutions


PRESETS = {
    "tiny": Preset((8, 8, 8, 8, 16, 16, 4), 2),
    "small": Preset((8, 8, 16, 16, 32, 32, 18), 6, linear=True),
    "paper": Preset((32, 64, 128, 256, 512, 1024, 64), 17),
}


@dataclass(frozen=True)
class Latents:
    """Gaussian distributions of latents: mean + root @ eps with eps ~ N(0, I)."""

    mean: Tensor  # (B, D)
    root: Tensor  # (B, D, D)

    def at(self, eps: Tensor) -> Tensor:
        """The latents (B, D) of standard normal numbers (B, D)."""
        return self.mean + (self.root @ eps[..., None])[..., 0]

    @property
    def deviation(self) -> Tensor:
        """(B, D) of each latent by itself."""
        return self.root.square().sum(-1).sqrt()


def latent_size(mean: FloatArray, faces: IntArray, preset: Preset) -> int:
    """The number of latents of a network for a mesh (V, 3), (F, 3)."""
    levels = hierarchy(face_graph(np.asarray(mean, np.float32), faces), STRIDES)
    return levels[-1].outputs * preset.channels[-1]


class Dense(nn.Module):
    """Two dense layers with an ELU between; the second starts at 0."""

    def __init__(self, before: int, hidden: int, after: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = nn.Parameter(before**-0.5 * torch.randn(before, hidden, generator=generator))
        self.second = nn.Parameter(torch.zeros(hidden, after))
        self.bias = nn.Parameter(torch.zeros(hidden))

    def forward(self, x: Tensor) -> Tensor:
        """(B, before) to (B, after)."""
        return nn.functional.elu(x @ self.first + self.bias) @ self.second


class MeshVAE(nn.Module):
    """Encoder and decoder over the meshes of one topology. Meshes are (B, V, 3) float32 m, head frame."""

    mean: Tensor
    unit: Tensor

    def __init__(
        self,
        mean: FloatArray,
        faces: IntArray,
        unit: float,
        preset: Preset,
        generator: torch.Generator,
        linear: LinearPath | None = None,
    ) -> None:
        """mean (V, 3) m; faces (F, 3); ``unit`` m, the typical offset from the mean, is 1 inside; ``linear``
        with as many modes as latents.
        """
        super().__init__()
        self.preset, self.linear = preset, linear
        mean = np.asarray(mean, np.float32)  # as it is stored, so that the graph comes out the same
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
            _shrink(head, scale if linear is None else SPREAD_SCALE)
        up = [(level.transposed(), after, before) for level, before, after in down[::-1]]
        up[-1] = (up[-1][0], up[-1][1], 3)
        blocks = [block(*layer, i < len(up) - 1) for i, layer in enumerate(up)]
        self.decoder = nn.Sequential(*blocks)
        if linear is not None:
            _shrink(blocks[-1], SPREAD_SCALE)
            self.dense = Dense(2 * self.latent_size, DENSE, 2 * self.latent_size, generator)

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
        counts. See ``posterior`` for how the latents go together.
        """
        if self.linear is None:
            offset, seen = self._seen(vertices, visible)
            return self._heads(offset, seen)
        latents = self.posterior(vertices, visible)
        return latents.mean, latents.deviation.log()

    def posterior(self, vertices: Tensor, visible: Tensor) -> Latents:
        """The distribution of z given meshes (B, V, 3); ``visible`` (B, V) bool, or weights from 0 to 1."""
        if self.linear is None:
            mu, log_sigma = self.encode(vertices, visible)
            return Latents(mu, torch.diag_embed(log_sigma.exp()))
        mean, factor = self.updated(vertices, visible)
        return Latents(mean.to(vertices.dtype), torch.linalg.inv(factor).mT.to(vertices.dtype))

    def updated(self, vertices: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, D) and lower Cholesky factor (B, D, D) of the precision of z, float64, in a network with a
        linear path: what the encoder says, updated by what is seen.
        """
        assert self.linear is not None
        offset, seen = self._seen(vertices, visible)
        pull, gram = self.linear.evidence(offset, seen[..., 0])
        nothing = torch.zeros_like(pull)
        guess, factor = posterior(pull, gram, nothing, nothing)
        known = factor.diagonal(dim1=1, dim2=2).log()
        guess, known = guess.to(offset.dtype), known.to(offset.dtype) / TYPICAL
        mu, log_sigma = self._heads(self.linear.offsets(guess), (seen > 0).to(seen.dtype))
        more = self.dense(torch.cat([guess, known], 1)).chunk(2, 1)
        return posterior(
            pull, gram, _bounded(mu + more[0], FARTHEST), _bounded(log_sigma + more[1], SHARPEST)
        )

    def _seen(self, vertices: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets (B, V, 3) in units, 0 where hidden, and how much is seen (B, V, 1)."""
        seen = visible[..., None].to(vertices.dtype)
        return torch.where(seen > 0, (vertices - self.mean) / self.unit, 0.0), seen

    def _heads(self, offset: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """What the convolutions say (B, D) twice."""
        features = self.encoder(torch.cat([offset, seen], -1).transpose(0, 1).contiguous())
        mu, log_sigma = (head(features).transpose(0, 1) for head in (self.mean_head, self.spread_head))
        return mu.flatten(1), log_sigma.flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        """Meshes (B, V, 3) m of latents (B, D)."""
        return self.mean + self.unit * self.offsets(z)

    def offsets(self, z: Tensor) -> Tensor:
        """Offsets (B, V, 3) from the mean face, in ``unit``, of latents (B, D)."""
        points = z.reshape(len(z), self.levels[-1].outputs, -1).transpose(0, 1).contiguous()
        made = self.decoder(points).transpose(0, 1)
        return made if self.linear is None else made + self.linear.centre + self.linear.offsets(z)


def _bounded(x: Tensor, most: float) -> Tensor:
    """x where it is small, never beyond ``most``."""
    return most * torch.tanh(x / most)


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
        "linear": str(int(network.preset.linear)),
    }
    return arrays, settings


def halved(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays in half precision, but for the mean face, where it would be a tenth of a millimetre, and
    numbers.
    """
    small = {
        name: value.astype(np.float16) for name, value in arrays.items() if value.ndim and name != "mean"
    }
    return {**arrays, **small}


def from_arrays(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, str], faces: IntArray) -> MeshVAE:
    """The network of stored weights for a mesh with ``faces`` (F, 3). Raises WrongKindError."""
    if settings.get("kind") != "mesh-vae":
        raise WrongKindError("these weights are not those of a mesh VAE; make some with train-prior mesh-vae")
    channels = tuple(int(c) for c in settings["channels"].split())
    preset = Preset(channels, int(settings["bases"]), settings.get("linear") == "1")
    mean = arrays["mean"]
    if int(np.max(faces)) >= len(mean):
        raise WrongKindError(
            "the mesh VAE was trained for another face model; give the one it was trained for"
        )
    linear = LinearPath(arrays["linear.centre"], arrays["linear.modes"], 1.0) if preset.linear else None
    network = MeshVAE(mean, faces, 1.0, preset, torch.Generator().manual_seed(0), linear)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if shapes != {name: value.shape for name, value in arrays.items()}:
        raise WrongKindError(
            "the mesh VAE was trained for another face model; give the one it was trained for"
        )
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})
    return network.eval()
