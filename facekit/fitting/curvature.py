"""The curvature of a landmark fit's energy in view, code and shared errors, and the step that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtrs

from facekit.errors import NumericalError
from facekit.fitting.boxed import Convex
from facekit.fitting.noise import Noise
from facekit.fitting.problem import Slopes

Array = NDArray[np.float64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Curvature:
    """JᵀΣ⁻¹J + prior by its Schur complement, where Σ⁻¹ comes of the shared errors being unknowns too."""

    h: Array  # (P, P) of view and code, shared errors eliminated
    low: Array  # (Q, Q) lower Cholesky factor of the shared errors' block
    cross: Array  # (Q, P) low⁻¹ × mixed block
    damping: float
    solver: Convex  # of h, damped

    @staticmethod
    def of(slopes: Slopes, modes: Single, noise: Noise, weights: Array, stiffness: Array) -> Curvature:
        """From the predictions' slopes by pose and points, the points' ``modes`` (M, 3, K) float32, robust
        weights (2M,) and the prior's stiffness (P,).

        In single precision: half the time, 1e-4 of the covariance.
        """
        root = np.sqrt(weights / noise.variance)
        p, q = len(stiffness), len(noise.factors)
        both = np.zeros((len(root), p + q), np.float32)
        slopes.fill_jacobian(modes, root, both[:, :p])
        np.multiply(noise.factors.T, root[:, None], out=both[:, p:], casting="same_kind")
        square = (both.T @ both).astype(np.float64)
        np.einsum("ii->i", square)[:] += np.r_[stiffness, np.ones(q)]
        h, low, cross = square[:p, :p], square[p:, p:], square[p:, :p]
        if len(low):
            low = _cholesky(low)
            cross = dtrtrs(low, cross, lower=1)[0]
            h = h - cross.T @ cross
        return Curvature(h, low, cross, 0.0, Convex.of(h))

    def damped(self, damping: float) -> Curvature:
        """With ``damping`` times its diagonal added."""
        return replace(self, damping=damping, solver=Convex.of(self.h + damping * np.diag(np.diag(self.h))))

    def step(
        self, pull: Array, shared: Array, lower: Array, upper: Array, at_bound: NDArray[np.bool_]
    ) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Steps of view and code (P,) within bounds and of the shared errors (Q,), and what is at a bound.

        For the slopes ``pull`` (P,) and ``shared`` (Q,); ``at_bound`` is a guess.
        """
        if not len(shared):
            x, at_bound = self.solver.minimum(pull, lower, upper, at_bound)
            return x, shared, at_bound
        forward = dtrtrs(self.low, shared, lower=1)[0]
        x, at_bound = self.solver.minimum(pull - forward @ self.cross, lower, upper, at_bound)
        back = dtrtrs(self.low, forward - self.cross @ x, lower=1, trans=1)[0]
        return x, np.asarray(back, np.float64), at_bound

    def covariance(self) -> Array:
        """(P, P) inverse without damping."""
        return self.solver.inverse if self.damping == 0 else Convex.of(self.h).inverse


def _cholesky(h: Array) -> Array:
    """Lower factor of a positive definite matrix, by LAPACK without scipy's checks."""
    low, failed = dpotrf(h, lower=1)
    if failed:
        raise NumericalError("the noise of the landmarks is not a covariance; check their sigma")
    out: Array = low
    return out
