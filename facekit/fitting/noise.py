"""Correlated Gaussian noise as diagonal plus low rank, with a Student's-t diagonal for outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from facekit.errors import NumericalError

Array = NDArray[np.float64]

STUDENT = 4.0  # degrees of freedom of the part that belongs to one landmark alone


@dataclass(frozen=True)
class Noise:
    """Covariance diag(variance) + factorsᵀ factors of N stacked residuals.

    It is never formed: a residual is shared @ factors plus what belongs to it alone, with shared ~ N(0, I).
    """

    variance: Array  # (N,) what belongs to each residual alone, residual units squared
    factors: Array  # (Q, N) what residuals share, residual units; Q may be 0

    def independent(self) -> Noise:
        """With the same variances and nothing shared."""
        variance: Array = self.variance + np.einsum("qn,qn->n", self.factors, self.factors)
        return Noise(variance, self.factors[:0])

    def at(self, index: NDArray[np.integer], group: int = 2) -> Noise:
        """That of the groups ``index`` of residuals (x, y of one landmark) alone."""
        rows = (group * index[:, None] + np.arange(group)).ravel()
        return Noise(self.variance[rows], self.factors[:, rows])

    def shared(self, residual: Array) -> Array:
        """Most probable shared errors (Q,) of a residual (N,), were there no outliers."""
        if not len(self.factors):
            return np.zeros(0)
        scaled = self.factors / np.sqrt(self.variance)
        h = scaled @ scaled.T
        np.einsum("ii->i", h)[:] += 1.0
        _, out, failed = dposv(h, self.factors @ (residual / self.variance))
        if failed:
            raise NumericalError("the noise of the landmarks is not a covariance; check their sigma")
        found: Array = out
        return found

    def weights(self, left: Array, group: int = 2) -> Array:
        """Student weights (N,) in (0, 1.5]: small where a landmark is off by more than its noise allows.

        ``left`` (N,) is the residual without its shared part. Residuals come in groups (x, y of one
        landmark), which share one weight.
        """
        d2 = (left**2 / self.variance).reshape(-1, group).sum(1)
        w: Array = np.repeat((STUDENT + group) / (STUDENT + d2), group)
        return w
