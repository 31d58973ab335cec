"""Correlated Gaussian noise as diagonal plus low rank, with a Student's-t diagonal for outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

Array = NDArray[np.float64]

STUDENT = 4.0  # degrees of freedom of the part that belongs to one landmark alone


@dataclass(frozen=True)
class Noise:
    """Covariance diag(variance) + factorsᵀ factors of N stacked residuals."""

    variance: Array  # (N,) what belongs to each residual alone, residual units squared
    factors: Array  # (Q, N) what residuals share, residual units; Q may be 0

    def weights(self, residual: Array, group: int = 2) -> Array:
        """Student weights (N,) in (0, ~1]: small where a landmark is off by more than its noise allows.

        The shared part is explained first (its posterior mean given the residuals); what is left is judged.
        Residuals come in groups (x, y of one landmark), which share one weight.
        """
        left = residual - self.shared(residual)
        d2 = (left**2 / self.variance).reshape(-1, group).sum(1)
        w: Array = np.repeat((STUDENT + group) / (STUDENT + d2), group)
        return w

    def shared(self, residual: Array) -> Array:
        """The part (N,) of the residuals that the shared factors explain best."""
        if not len(self.factors):
            return np.zeros_like(residual)
        scaled = self.factors / self.variance
        inner = np.eye(len(scaled)) + scaled @ self.factors.T
        shared: Array = cho_solve(cho_factor(inner), scaled @ residual) @ self.factors
        return shared

    def metric(self, weights: Array) -> Metric:
        """The inverse covariance under given weights (N,), factored."""
        root = np.sqrt(weights / self.variance)
        u = self.factors * root
        low = np.linalg.cholesky(np.eye(len(u)) + u @ u.T) if len(u) else np.zeros((0, 0))
        return Metric(root, u, low)


@dataclass(frozen=True)
class Metric:
    """Σ⁻¹ of a Noise by Woodbury's identity: rootᵀ (I − uᵀ (low lowᵀ)⁻¹ u) root."""

    root: Array  # (N,)
    u: Array  # (Q, N) factors times root
    low: Array  # (Q, Q) lower Cholesky factor of I + u uᵀ

    def normal(self, jacobian: Array, residual: Array) -> tuple[Array, Array]:
        """Jᵀ Σ⁻¹ J (P, P) and Jᵀ Σ⁻¹ r (P,) for J (N, P) and r (N,)."""
        j, r = jacobian * self.root[:, None], residual * self.root
        h, g = j.T @ j, j.T @ r
        if len(self.u):
            a = solve_triangular(self.low, self.u @ np.column_stack([j, r]), lower=True)
            h, g = h - a[:, :-1].T @ a[:, :-1], g - a[:, :-1].T @ a[:, -1]
        return h, g

    def cost(self, residual: Array) -> float:
        """rᵀ Σ⁻¹ r."""
        r = residual * self.root
        cost = float(r @ r)
        if len(self.u):
            a = solve_triangular(self.low, self.u @ r, lower=True)
            cost -= float(a @ a)
        return cost
