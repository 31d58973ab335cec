"""Correlated Gaussian noise as diagonal plus low rank, with a Student's-t diagonal for outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs

from facekit.errors import NumericalError

Array = NDArray[np.float64]

STUDENT = 4.0  # degrees of freedom of the part that belongs to one landmark alone


@dataclass(frozen=True)
class Noise:
    """Covariance diag(variance) + factorsᵀ factors of N stacked residuals."""

    variance: Array  # (N,) what belongs to each residual alone, residual units squared
    factors: Array  # (Q, N) what residuals share, residual units; Q may be 0

    def metric(self, weights: Array) -> Metric:
        """The inverse covariance under given weights (N,) of the diagonal part, factored."""
        root = np.sqrt(weights / self.variance)
        u = self.factors * root
        return Metric(root, u, _cholesky(np.eye(len(u)) + u @ u.T))

    def weights(self, residual: Array, metric: Metric, group: int = 2) -> Array:
        """Student weights (N,) in (0, ~1]: small where a landmark is off by more than its noise allows.

        The shared part is explained first (its posterior mean given the residuals under ``metric``); what is
        left is judged. Residuals come in groups (x, y of one landmark), which share one weight.
        """
        left = residual - metric.scores(residual) @ self.factors
        d2 = (left**2 / self.variance).reshape(-1, group).sum(1)
        w: Array = np.repeat((STUDENT + group) / (STUDENT + d2), group)
        return w


@dataclass(frozen=True)
class Metric:
    """Σ⁻¹ of a Noise by Woodbury's identity: rootᵀ (I − uᵀ (low lowᵀ)⁻¹ u) root."""

    root: Array  # (N,)
    u: Array  # (Q, N) factors times root
    low: Array  # (Q, Q) lower Cholesky factor of I + u uᵀ

    def scores(self, residual: Array) -> Array:
        """Posterior mean (Q,) of the shared factors given residuals (N,)."""
        if not len(self.u):
            return np.zeros(0)
        return np.asarray(dpotrs(self.low, self.u @ (residual * self.root), lower=1)[0])

    def normal(self, jacobian: Array, residual: Array) -> tuple[Array, Array]:
        """Jᵀ Σ⁻¹ J (P, P) and Jᵀ Σ⁻¹ r (P,) for J (N, P) and r (N,)."""
        j, r = jacobian * self.root[:, None], residual * self.root
        h, g = np.asarray(j.T @ j, np.float64), np.asarray(j.T @ r, np.float64)
        if len(self.u):
            a, b = self._solve(self.u @ j), self._solve(self.u @ r)
            h, g = h - a.T @ a, g - a.T @ b
        return h, g

    def cost(self, residual: Array) -> float:
        """rᵀ Σ⁻¹ r."""
        r = residual * self.root
        cost = float(r @ r)
        if len(self.u):
            a = self._solve(self.u @ r)
            cost -= float(a @ a)
        return cost

    def _solve(self, right: Array) -> Array:
        """low⁻¹ right."""
        out: Array = dtrtrs(self.low, right, lower=1)[0]
        return out


def _cholesky(h: Array) -> Array:
    """Lower factor of a positive definite matrix, by LAPACK without scipy's checks."""
    if not len(h):
        return h
    low, info = dpotrf(h, lower=1)
    if info:
        raise NumericalError("the noise of the landmarks is not a covariance; check their sigma")
    out: Array = low
    return out
