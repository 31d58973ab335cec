"""What the Mesh-VAE learns, from what: partial faces to whole ones, with L1, L1-Laplacian and KL losses; with
a linear path, also the latents of the whole face from those of the part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from facekit.completion.linear_path import LinearPath, components
from facekit.completion.masks import Masks, curriculum
from facekit.completion.mesh_vae import MeshVAE
from facekit.completion.meshconv.products import Pattern, SparseProduct
from facekit.completion.posterior import TOLERANCE
from facekit.geometry.mesh import uniform_laplacian
from facekit.morphable.formats.surface import similarity_transform
from facekit.morphable.model import FaceModel
from facekit.records import FloatArray, IntArray
from facekit.synthetic.chance import numpy_generator
from facekit.synthetic.expression import sample_expression

PARTS = ("train", "validation", "test")
SHARES = (8, 1, 1)  # of ten identities
GROWN = 0.03  # part of the training over which masks grow where a linear path completes faces from the start
DECODED = (
    4  # one in so many faces of a batch is decoded where there is a linear path, which needs little more
)


class Faces(Protocol):
    """Whole faces to learn from."""

    @property
    def identities(self) -> int:
        """Number of people."""

    def draw(self, identity: IntArray, generator: torch.Generator) -> FloatArray:
        """One face of each person (n,), (n, V, 3) m."""


@dataclass(frozen=True)
class ModelFaces:
    """Faces of the face model: ``identities`` people, each with any expression that ``synthetic`` makes."""

    model: FaceModel
    identities: int
    seed: int

    def draw(self, identity: IntArray, generator: torch.Generator) -> FloatArray:
        """People N(0, I) over the identity modes, the same for the same number; expressions as people make
        them.
        """
        rng = numpy_generator(generator)
        code = np.zeros((len(identity), self.model.size))
        shape, expression = self.model.block("identity"), self.model.block("expression")
        for row, person in zip(code, identity, strict=True):
            own = np.random.default_rng([self.seed, int(person)])
            row[shape.slice] = own.standard_normal(shape.size)
            for name, weight in sample_expression(self.model.expression_names, rng).items():
                place = self.model.expression_names.index(name)
                row[expression.start + place] = weight / self.model.expression_scale[place]
        return self.model.instance(self.model.clip(code))


@dataclass(frozen=True)
class RegisteredFaces:
    """Registered meshes of one topology."""

    vertices: FloatArray  # (N, V, 3) float32, m
    person: IntArray  # (N,) from 0

    @cached_property
    def _meshes(self) -> list[IntArray]:
        order = np.argsort(self.person, kind="stable")
        return np.split(order, np.searchsorted(self.person[order], np.arange(1, self.identities)))

    @property
    def identities(self) -> int:
        """Number of people."""
        return int(self.person.max()) + 1

    def draw(self, identity: IntArray, generator: torch.Generator) -> FloatArray:
        """Any mesh of each person."""
        rng = numpy_generator(generator)
        return self.vertices[[rng.choice(self._meshes[int(person)]) for person in identity]]


def registered(vertices: FloatArray, person: IntArray, mean: FloatArray) -> RegisteredFaces:
    """Meshes (N, V, 3) m of people (N,), each turned and moved, not scaled, to lie on the mean face."""
    moved = np.zeros(vertices.shape, np.float32)
    for out, mesh in zip(moved, vertices.astype(np.float64), strict=True):
        turn = similarity_transform(mesh, mean)[1]
        out[:] = (mesh - mesh.mean(axis=0)) @ turn.T + mean.mean(axis=0)
    return RegisteredFaces(moved, person)


def split(identities: int, part: str) -> IntArray:
    """The people of one of PARTS, 80:10:10; every part has one at least. Raises ValueError below three."""
    if identities < 3:
        raise ValueError(f"{identities} people cannot be split into three parts")
    bounds = np.cumsum([0, *SHARES]) * identities / sum(SHARES)
    cut = np.round(bounds).astype(int)
    cut[1] = min(cut[1], identities - 2)
    cut[2] = min(max(cut[2], cut[1] + 1), identities - 1)
    which = PARTS.index(part)
    return np.arange(cut[which], cut[which + 1])


def typical_offset(faces: Faces, mean: FloatArray, generator: torch.Generator, n: int = 64) -> float:
    """RMS offset of the training faces' coordinates from the mean, m: the network's unit."""
    people = split(faces.identities, "train")
    some = faces.draw(people[np.arange(n) % len(people)], generator)
    return float(np.sqrt(np.mean((some - mean) ** 2)))


def linear_path(
    faces: Faces, mean: FloatArray, unit: float, count: int, generator: torch.Generator
) -> LinearPath:
    """The components of the training faces, ``count`` of them, in units of ``unit`` m; seen with the
    tolerance of the linear posterior.
    """
    people = split(faces.identities, "train")

    def draw(n: int) -> FloatArray:
        pick = torch.randint(len(people), (n,), generator=generator).numpy()
        return (faces.draw(people[pick], generator) - mean) / unit

    return LinearPath(*components(draw, count), TOLERANCE / unit)


@dataclass(frozen=True)
class Weights:
    """Of the loss terms. Offsets are in the network's unit; all terms are means over vertices."""

    laplacian: float = 1.0
    kl: float = 1.0  # of the divergence divided by the 3 V coordinates
    warm: float = 0.2  # part of the training over which ``kl`` grows from 0
    agreement: float = 0.2  # of a latent's negative log likelihood, where there is a linear path


class Completing:
    """The training task: whole faces from what a mask leaves of them (a ``train.loop.Task``)."""

    def __init__(
        self,
        model: MeshVAE,
        triangles: IntArray,
        faces: Faces,
        masks: Masks,
        size: int = 16,
        weights: Weights | None = None,
    ) -> None:
        self.model, self.faces, self.masks, self.size = model, faces, masks, size
        self.weights = weights or Weights()
        self.people = split(faces.identities, "train")
        self.laplacian = Laplacian(len(model.mean), triangles)

    def batch(self, progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        """vertices (B, V, 3) float32 m, visible (B, V) bool, noise (B, D) of the latents; with a linear path
        also seen (B, V, 3) m, the vertices with the noise that it expects.
        """
        pick = torch.randint(len(self.people), (self.size,), generator=generator).numpy()
        vertices = self.faces.draw(self.people[pick], generator)
        grown = 0.5 if self.model.linear is None else GROWN
        hidden = self.masks.draw(self.size, curriculum(progress, grown), generator)
        noise = torch.randn(self.size, self.model.latent_size, generator=generator)
        whole = torch.as_tensor(vertices, dtype=torch.float32)
        batch = {"vertices": whole, "visible": torch.as_tensor(~hidden), "noise": noise}
        if self.model.linear is not None:
            batch["seen"] = whole + TOLERANCE * torch.randn(whole.shape, generator=generator)
        return batch

    def losses(self, batch: dict[str, Tensor], progress: float) -> dict[str, Tensor]:
        """loss = l1 + laplacian + kl (+ agreement), each with its weight."""
        truth = (batch["vertices"] - self.model.mean) / self.model.unit
        extra: dict[str, Tensor] = {}
        if self.model.linear is None:
            mu, log_sigma = self.model.encode(batch["vertices"], batch["visible"])
            z = mu + log_sigma.exp() * batch["noise"]
            kl = divergence(mu, log_sigma).mean()
        else:
            z, kl, extra = self._agreeing(self.model.linear, batch, truth)
            truth = truth[: len(z)]
        off = self.model.offsets(z) - truth
        terms = {
            "l1": off.abs().mean(),
            "laplacian": self.laplacian(off).abs().mean(),
            "kl": kl / off[0].numel(),
            **extra,
        }
        growing = min(1.0, progress / self.weights.warm)
        total = terms["l1"] + self.weights.laplacian * terms["laplacian"]
        total = total + growing * self.weights.kl * terms["kl"]
        return {"loss": total + self.weights.agreement * sum(extra.values()), **terms}

    def _agreeing(
        self, linear: LinearPath, batch: dict[str, Tensor], truth: Tensor
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Latents to decode, divergence from the prior, and the disagreement of the part with the whole.

        The distribution of the latents given the part is to hold the latents of the whole face (negative log
        likelihood per latent): it is calibrated, where L1 alone would narrow it. The decoder learns from the
        latents of the whole and from the most probable ones of the part in turn; from samples it would learn
        to level what is hidden.
        """
        mean, factor = self.model.updated(batch["seen"], batch["visible"])
        whole = linear.latents(truth)
        off = (factor.mT @ (whole - mean)[..., None])[..., 0]
        volume = factor.diagonal(dim1=1, dim2=2).log().sum(1)
        surprise = (0.5 * off.square().sum(1) - volume) / mean.shape[1]
        spread = torch.linalg.inv(factor).square().sum((1, 2))
        kl = 0.5 * (spread + mean.square().sum(1) - mean.shape[1]) + volume
        some = max(2, len(mean) // DECODED)
        turn = torch.arange(some, device=mean.device)[:, None] % 2 == 0
        z = torch.where(turn, whole[:some], mean[:some].to(whole.dtype))
        return z, kl.mean().to(z.dtype), {"agreement": surprise.mean().to(z.dtype)}


def divergence(mu: Tensor, log_sigma: Tensor) -> Tensor:
    """KL divergence (B,) of N(mu, sigma^2) from N(0, I)."""
    return 0.5 * (mu**2 + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(1)


class Laplacian:
    """A vertex minus the mean of its neighbours, for offsets (B, V, 3)."""

    def __init__(self, count: int, triangles: IntArray) -> None:
        matrix = uniform_laplacian(count, triangles)
        matrix.sort_indices()
        self.values = torch.as_tensor(matrix.data.astype(np.float32))
        matrix.data = np.arange(1.0, 1 + matrix.nnz)
        self.patterns = Pattern(matrix), Pattern(matrix.T)

    def __call__(self, offsets: Tensor) -> Tensor:
        """(V, B, 3)."""
        if self.values.device != offsets.device:
            self.values = self.values.to(offsets.device)
            self.patterns = self.patterns[0].to(offsets.device), self.patterns[1].to(offsets.device)
        flat = offsets.transpose(0, 1).reshape(offsets.shape[1], -1)
        smooth = SparseProduct.apply(self.values.to(flat.dtype), flat, *self.patterns)
        return smooth.reshape(offsets.shape[1], len(offsets), 3)
