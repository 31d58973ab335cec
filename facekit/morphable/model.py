"""The face model as a probability distribution: vertices = mean + basis · code, with code ~ N(0, I).

Modes are in metres per standard deviation, so one scaling serves every coefficient and noise is always an
argument with a unit. The operations are those of a Gaussian on meshes: instance, log_prob, sample, posterior.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from facekit.errors import NumericalError
from facekit.morphable.posterior import CodePosterior, gaussian_posterior
from facekit.morphable.topology import Topology
from facekit.records import Code, FloatArray, IntArray

if TYPE_CHECKING:
    import torch

    from facekit.morphable.albedo import AlbedoModel


@dataclass(frozen=True)
class Block:
    """A run of modes that belong together: code[start:stop]."""

    name: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class FaceModel:
    """A Gaussian over meshes of one topology.

    Expression weights are bounded; only ``sample`` and ``clip`` keep the bounds.
    """

    name: str
    licence: str
    topology: Topology
    mean: FloatArray  # (V, 3) float64, m, head frame
    basis: FloatArray  # (K, V, 3) float32, m per standard deviation
    blocks: tuple[Block, ...]
    expression_names: tuple[str, ...]
    expression_scale: FloatArray  # (K_e,) float64, ARKit weight per standard deviation
    lower: FloatArray  # (K,) float64, standard deviations
    upper: FloatArray  # (K,) float64
    albedo: AlbedoModel | None = None
    arkit_map: FloatArray | None = (
        None  # (len(expression_names), K): ARKit weights of a code, where not diagonal
    )

    @property
    def size(self) -> int:
        """K, the number of modes."""
        return len(self.basis)

    @cached_property
    def matrix(self) -> FloatArray:
        """(K, 3V) float64, the basis with flattened vertices."""
        return self.basis.reshape(len(self.basis), -1).astype(np.float64)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the arrays that decide what the model computes, 64 hexadecimal digits."""
        arrays = [self.mean, self.basis, self.expression_scale, self.lower, self.upper, self.topology.faces]
        if self.albedo is not None:
            arrays += [self.albedo.mean, self.albedo.basis]
        sha = hashlib.sha256(" ".join(self.expression_names).encode())
        for array in arrays:
            contiguous = np.ascontiguousarray(array)
            sha.update(f"{contiguous.dtype.str}{contiguous.shape}".encode())
            sha.update(contiguous.tobytes())
        return sha.hexdigest()

    def block(self, name: str) -> Block:
        """The named block; an empty one when the model has none of that name."""
        for block in self.blocks:
            if block.name == name:
                return block
        return Block(name, 0, 0)

    def instance(self, code: FloatArray) -> FloatArray:
        """Meshes (..., V, 3) float64, m, for codes (..., K) in standard deviations."""
        code = np.asarray(code, np.float64)
        if code.shape[-1] != self.size:
            raise ValueError(f"a code of {self.name} has {self.size} numbers, not {code.shape[-1]}")
        return self.mean + (code @ self.matrix).reshape(*code.shape[:-1], *self.mean.shape)

    def code(self, vertices: FloatArray) -> FloatArray:
        """The least-squares codes (..., K) of meshes (..., V, 3); the shortest where not unique."""
        vertices = np.asarray(vertices, np.float64)
        difference = (vertices - self.mean).reshape(*vertices.shape[:-2], -1)
        return (difference @ self.matrix.T) @ self._inverse_gram

    @cached_property
    def _inverse_gram(self) -> FloatArray:
        """Pseudo-inverse (K, K) of the modes' inner products, with the modes scaled to unit length first."""
        gram = self.matrix @ self.matrix.T
        length = np.sqrt(np.diag(gram))
        length[length == 0] = 1.0
        return np.linalg.pinv(gram / np.outer(length, length), 1e-12, hermitian=True) / np.outer(
            length, length
        )

    def log_prob(self, code: FloatArray) -> FloatArray:
        """Logarithm of the prior density N(0, I) at codes (..., K)."""
        code = np.asarray(code, np.float64)
        return -0.5 * (code**2).sum(axis=-1) - 0.5 * self.size * np.log(2 * np.pi)

    def clip(self, code: FloatArray) -> FloatArray:
        """The nearest codes (..., K) within the bounds."""
        return np.clip(code, self.lower, self.upper)

    def sample(self, generator: torch.Generator, n: int) -> FloatArray:
        """n codes (n, K) from N(0, I) restricted to the bounds."""
        import torch

        uniform = torch.rand(n, self.size, generator=generator, dtype=torch.float64).numpy()
        low, high = ndtr(self.lower), ndtr(self.upper)
        return self.clip(ndtri(low + (high - low) * np.clip(uniform, 1e-15, 1 - 1e-15)))

    def posterior(
        self, index: IntArray, observations: FloatArray, noise: float | FloatArray
    ) -> CodePosterior:
        """Posterior of the code given observed positions of some vertices.

        index (M,) vertices; observations (M, 3) m; noise standard deviation in m: one number, (M,) or (M, 3).
        Coordinates that are NaN or whose noise is infinite count as missing.
        """
        index = np.asarray(index)
        observations = np.asarray(observations, np.float64)
        modes = self.basis[:, index].astype(np.float64)
        sigma = np.asarray(noise, np.float64)
        sigma = sigma[:, None] if sigma.ndim == 1 else sigma
        sigma = np.broadcast_to(sigma, observations.shape)
        if not (sigma > 0).all():
            raise NumericalError("observation noise must be positive: give the standard deviation in metres")
        mean, covariance = gaussian_posterior(modes, observations - self.mean[index], sigma)
        return CodePosterior(mean, covariance, self)

    def marginal(self, index: IntArray) -> FaceModel:
        """The model of the vertices ``index`` (M,) alone, in that order. Codes keep their meaning."""
        index = np.asarray(index)
        topology = self.topology.subset(index)
        return replace(self, topology=topology, mean=self.mean[index], basis=self.basis[:, index])

    def truncate(self, rank: int, block: str = "identity") -> FaceModel:
        """The model with only the first ``rank`` modes of a block (modes are ordered by variance)."""
        cut = self.block(block)
        if not 0 <= rank <= cut.size:
            raise ValueError(f"{self.name} has {cut.size} {block} modes; rank {rank} is not possible")
        keep = np.r_[0 : cut.start + rank, cut.stop : self.size]
        gone = cut.size - rank
        blocks = tuple(
            Block(b.name, b.start - gone * (b.start >= cut.stop), b.stop - gone * (b.stop >= cut.stop))
            for b in self.blocks
        )
        names, scale = self.expression_names, self.expression_scale
        if block == "expression" and self.arkit_map is None:
            names, scale = names[:rank], scale[:rank]
        arkit_map = None if self.arkit_map is None else self.arkit_map[:, keep]
        return replace(
            self,
            basis=self.basis[keep],
            blocks=blocks,
            expression_names=names,
            expression_scale=scale,
            lower=self.lower[keep],
            upper=self.upper[keep],
            arkit_map=arkit_map,
        )

    @cached_property
    def mirror_matrix(self) -> FloatArray:
        """(K, K): code @ mirror_matrix is the code of the mirrored face."""
        mirrored = self.topology.mirrored(self.matrix.reshape(self.basis.shape))
        return (mirrored.reshape(self.size, -1) @ self.matrix.T) @ self._inverse_gram

    def mirror_code(self, code: FloatArray) -> FloatArray:
        """Codes (..., K) of the mirror images of the faces with codes (..., K)."""
        return np.asarray(code, np.float64) @ self.mirror_matrix

    def split(self, vector: FloatArray, albedo: FloatArray | None = None) -> Code:
        """A vector (K,) as a Code record with its blocks apart."""
        vector = np.asarray(vector)
        identity, expression, local = (
            vector[self.block(name).slice].astype(np.float32) for name in ("identity", "expression", "local")
        )
        texture = np.zeros(0, np.float32) if albedo is None else np.asarray(albedo, np.float32)
        return Code(identity=identity, expression=expression, local=local, albedo=texture)

    def join(self, code: Code) -> FloatArray:
        """The vector (K,) float64 of a Code record.

        A model without local modes leaves the local part out; morphable.local.body_of has the model with it.
        """
        vector = np.zeros(self.size)
        for name in ("identity", "expression", "local"):
            values, block = getattr(code, name), self.block(name)
            if name == "local" and not block.size:
                continue
            if len(values) != block.size:
                raise ValueError(f"{self.name} has {block.size} {name} modes, the code has {len(values)}")
            vector[block.slice] = values
        return vector

    def arkit(self, code: FloatArray) -> FloatArray:
        """ARKit weights (..., len(expression_names)), 0 to 1, of codes (..., K)."""
        code = np.asarray(code, np.float64)
        if self.arkit_map is not None:
            return np.clip(code @ self.arkit_map.T, 0.0, 1.0)
        return np.clip(code[..., self.block("expression").slice] * self.expression_scale, 0.0, 1.0)
