"""The albedo model: a Gaussian over skin maps in the UV chart, albedo = mean + basis · code with code ~ N(0,
I).

Maps are linear RGB, row 0 at the top of the UV square (v = 1). Each mode is symmetric or antisymmetric under
the mirror image of the chart, so that the file holds only its left half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from facekit.errors import NumericalError
from facekit.morphable.topology import Topology
from facekit.records import BoolArray, FloatArray

if TYPE_CHECKING:
    import torch

KIND = "facekit-albedo"
ROUNDS = 4  # of reweighting in the robust posterior
TAIL = 4.0  # degrees of freedom of Student's t in the robust posterior


@dataclass(frozen=True)
class AlbedoPosterior:
    """N(mean, covariance) over the codes of an albedo model."""

    mean: FloatArray  # (K,) float64, standard deviations
    covariance: FloatArray  # (K, K) float64

    def sample(self, generator: torch.Generator, n: int) -> FloatArray:
        """n codes (n, K) float64."""
        import torch

        noise = torch.randn(n, len(self.mean), generator=generator, dtype=torch.float64).numpy()
        values, vectors = np.linalg.eigh(self.covariance)
        return self.mean + noise @ (vectors * np.sqrt(np.maximum(values, 0.0))).T


@dataclass(frozen=True)
class AlbedoModel:
    """A Gaussian over albedo maps. Maps are not clipped: a sum of modes can leave 0..1 by a little."""

    mean: FloatArray  # (T, T, 3) float32, linear RGB
    basis: FloatArray  # (K, T, T, 3) float32, per standard deviation
    mask: BoolArray  # (T, T) bool, texels that the chart covers, with a small margin
    residual: FloatArray | None = None  # (T, T) float32, standard deviation of what the modes leave out

    @property
    def size(self) -> int:
        """K, the number of modes."""
        return len(self.basis)

    @property
    def resolution(self) -> int:
        """T, texels a side."""
        return len(self.mean)

    @cached_property
    def _inverse_gram(self) -> FloatArray:
        flat = self.basis[:, self.mask].reshape(self.size, -1).astype(np.float64)
        return np.linalg.inv(flat @ flat.T)

    def instance(self, code: FloatArray) -> FloatArray:
        """Albedo (..., T, T, 3) float32 of codes (..., K)."""
        code = np.asarray(code, np.float32)
        if code.shape[-1] != self.size:
            raise ValueError(f"an albedo code has {self.size} numbers, not {code.shape[-1]}")
        return self.mean + np.tensordot(code, self.basis, axes=1)

    def code(self, albedo: FloatArray) -> FloatArray:
        """The least-squares code (K,) float64 of a map (T, T, 3) over the charted texels."""
        difference = (np.asarray(albedo, np.float32) - self.mean)[self.mask].reshape(-1)
        products = self.basis[:, self.mask].reshape(self.size, -1) @ difference
        return np.asarray(self._inverse_gram @ products.astype(np.float64))

    def sample(self, generator: torch.Generator, n: int) -> FloatArray:
        """n codes (n, K) float64 from N(0, I)."""
        import torch

        return torch.randn(n, self.size, generator=generator, dtype=torch.float64).numpy()

    def log_prob(self, code: FloatArray) -> FloatArray:
        """Logarithm of the prior density at codes (..., K)."""
        code = np.asarray(code, np.float64)
        return -0.5 * (code**2).sum(axis=-1) - 0.5 * self.size * np.log(2 * np.pi)

    def posterior(
        self, texels: BoolArray, observations: FloatArray, noise: float | FloatArray, robust: bool = False
    ) -> AlbedoPosterior:
        """Posterior of the code given the albedo of some texels (Bishop 2006, eq. 2.113-2.117).

        texels (T, T) bool; observations (M, 3) in their row-major order, linear RGB; noise: standard
        deviation, one number, (M,) or (M, 3), infinite = unseen. Texels outside ``mask`` and NaN count as
        missing. ``robust`` reweights as for Student's t noise with 4 degrees of freedom, so that a mole, a
        highlight or a shadow pulls little.
        """
        texels = np.asarray(texels, bool)
        seen = self.mask[texels]
        residual = (np.asarray(observations, np.float32) - self.mean[texels])[seen]
        sigma = np.asarray(noise, np.float32)
        if not (sigma > 0).all():
            raise NumericalError("the noise of observed albedo must be positive")
        sigma = np.broadcast_to(sigma[:, None] if sigma.ndim == 1 else sigma, (len(seen), 3))[seen]
        known = np.isfinite(residual)
        weight = np.where(known, 1.0 / np.square(sigma), 0.0).astype(np.float32)
        residual = np.where(known, residual, 0.0).astype(np.float32)
        modes = self.basis[:, texels & self.mask].reshape(self.size, -1)
        found = self._solve(modes, residual.reshape(-1), weight.reshape(-1))
        for _ in range(ROUNDS if robust else 0):
            left = residual - (found.mean.astype(np.float32) @ modes).reshape(-1, 3)
            square = (left * left * weight).sum(axis=1, keepdims=True)
            found = self._solve(
                modes, residual.reshape(-1), (weight * (TAIL + 3) / (TAIL + square)).reshape(-1)
            )
        return found

    def _solve(self, modes: FloatArray, residual: FloatArray, weight: FloatArray) -> AlbedoPosterior:
        weighted = modes * np.sqrt(weight)
        precision = np.eye(self.size) + (weighted @ weighted.T).astype(np.float64)
        factor = cho_factor(precision, lower=True)
        mean = cho_solve(factor, (modes @ (weight * residual)).astype(np.float64))
        covariance = cho_solve(factor, np.eye(self.size))
        return AlbedoPosterior(mean, (covariance + covariance.T) / 2)


def chart_digest(topology: Topology) -> str:
    """12 hexadecimal digits of the texture chart: an albedo model belongs to the chart it was painted in."""
    sha = hashlib.sha256(np.ascontiguousarray(topology.uv, np.float32).tobytes())
    sha.update(np.ascontiguousarray(topology.uv_faces, np.int32).tobytes())
    return sha.hexdigest()[:12]


def to_arrays(model: AlbedoModel) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and metadata of a file: left halves, charted texels only, modes as int8 with a float32 scale
    each.

    Raises ValueError for a model whose mask or modes are not symmetric.
    """
    half = model.resolution // 2
    left = model.mask[:, :half]
    if model.resolution % 2 or not (left == model.mask[:, half:][:, ::-1]).all():
        raise ValueError("an albedo file needs an even resolution and a symmetric mask")
    flipped = model.basis[:, :, ::-1]
    parity = np.where((model.basis * flipped).sum(axis=(1, 2, 3)) >= 0, 1, -1).astype(np.int8)
    error = np.abs(flipped - parity[:, None, None, None] * model.basis)[:, model.mask].max(initial=0.0)
    if error > 1e-3 * max(float(np.abs(model.basis).max(initial=0.0)), 1e-9):
        raise ValueError("an albedo file needs modes that are symmetric or antisymmetric")
    modes = model.basis[:, :, :half][:, left]
    scale = np.maximum(np.abs(modes).max(axis=(1, 2)), 1e-12) / 127
    arrays = {
        "mean": model.mean[:, :half][left].astype(np.float16),
        "basis": np.rint(modes / scale[:, None, None]).astype(np.int8),
        "scale": scale.astype(np.float32),
        "parity": parity,
        "mask": np.packbits(left),
    }
    if model.residual is not None:
        arrays["residual"] = model.residual[:, :half][left].astype(np.float16)
    return arrays, {"kind": KIND, "version": "1", "resolution": str(model.resolution)}


def from_arrays(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> AlbedoModel:
    """The model of a file's arrays and metadata. Raises ValueError where they are not those of an albedo
    model."""
    if metadata.get("kind") != KIND or metadata.get("version") != "1":
        raise ValueError("not an albedo model of facekit, or one of a later version")
    size = int(metadata["resolution"])
    half = size // 2
    left = np.unpackbits(arrays["mask"])[: size * half].reshape(size, half).astype(bool)
    count = len(arrays["basis"])
    basis = np.zeros((count, size, size, 3), np.float32)
    mean = np.zeros((size, size, 3), np.float32)
    basis[:, :, :half][:, left] = arrays["basis"] * arrays["scale"][:, None, None]
    mean[:, :half][left] = arrays["mean"]
    basis[:, :, half:] = (
        basis[:, :, :half][:, :, ::-1] * arrays["parity"].astype(np.float32)[:, None, None, None]
    )
    mean[:, half:] = mean[:, :half][:, ::-1]
    residual = None
    if "residual" in arrays:
        residual = np.zeros((size, size), np.float32)
        residual[:, :half][left] = arrays["residual"]
        residual[:, half:] = residual[:, :half][:, ::-1]
    return AlbedoModel(mean, basis, np.concatenate([left, left[:, ::-1]], axis=1), residual)
