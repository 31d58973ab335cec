"""Gaussian posterior of a face model's code (Bishop 2006, eq. 2.113 to 2.117)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from facekit.records import FloatArray

if TYPE_CHECKING:
    import torch

    from facekit.morphable.model import FaceModel


def gaussian_posterior(
    modes: FloatArray, residual: FloatArray, sigma: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean (K,) and covariance (K, K) of a code with prior N(0, I).

    modes (K, M, 3) m per standard deviation; residual (M, 3) m, observation minus mean; sigma (M, 3) m,
    standard deviation of independent noise. Coordinates with NaN residual or infinite sigma are left out.
    """
    seen = np.isfinite(residual) & np.isfinite(sigma)
    whitened = modes[:, seen] / sigma[seen]
    precision = np.eye(len(modes)) + whitened @ whitened.T
    factor = cho_factor(precision, lower=True)
    mean = cho_solve(factor, whitened @ (residual[seen] / sigma[seen]))
    covariance = cho_solve(factor, np.eye(len(modes)))
    return mean, (covariance + covariance.T) / 2


@dataclass(frozen=True)
class CodePosterior:
    """N(mean, covariance) over the codes of ``source``."""

    mean: FloatArray  # (K,) float64, standard deviations
    covariance: FloatArray  # (K, K) float64
    source: FaceModel

    @cached_property
    def root(self) -> FloatArray:
        """(K, K) with root.T @ root = covariance; rows ordered by variance."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.ascontiguousarray((np.sqrt(np.maximum(values, 0.0)) * vectors).T[::-1])

    def sample(self, generator: torch.Generator, n: int, scale: float = 1.0) -> FloatArray:
        """n codes (n, K); ``scale`` multiplies the standard deviation. Bounds: see FaceModel.clip."""
        import torch

        noise = torch.randn(n, len(self.mean), generator=generator, dtype=torch.float64).numpy()
        return self.mean + scale * noise @ self.root

    def model(self) -> FaceModel:
        """The posterior as a face model: its mean is the posterior mean, its modes are the remaining freedom.

        Its codes z relate to the codes of ``source`` by code = mean + z @ root.
        """
        from facekit.morphable.model import Block

        source, size = self.source, len(self.mean)
        basis = (self.root @ source.matrix).reshape(source.basis.shape).astype(np.float32)
        return replace(
            source,
            name=f"{source.name}|posterior",
            mean=source.instance(self.mean),
            basis=basis,
            blocks=(Block("identity", 0, size),),
            expression_names=(),
            expression_scale=np.zeros(0),
            lower=np.full(size, -np.inf),
            upper=np.full(size, np.inf),
            arkit_map=None,
        )
