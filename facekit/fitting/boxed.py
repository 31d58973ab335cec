"""Small quadratic programmes with bounds, by the active-set method; one factorisation serves many of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv, dpotrf, dpotri

from facekit.errors import NumericalError

Array = NDArray[np.float64]

AMBIGUOUS = "the fit has no unique solution; give more landmarks"


@dataclass(frozen=True)
class Convex:
    """A positive definite matrix H (P, P), kept as its inverse, so that rounds of the method are small."""

    inverse: Array  # (P, P)

    @staticmethod
    def of(h: Array) -> Convex:
        """From H; the lower triangle is read. Raises NumericalError unless it is positive definite."""
        low, failed = dpotrf(h, lower=1, clean=1)
        inverse, wrong = dpotri(low, lower=1)
        if failed or wrong:
            raise NumericalError(AMBIGUOUS)
        whole = inverse + inverse.T  # the upper triangle is zero
        np.einsum("ii->i", whole)[:] /= 2
        return Convex(whole)

    def minimum(
        self,
        g: Array,
        lower: Array,
        upper: Array,
        start: NDArray[np.bool_] | None = None,
        rounds: int = 50,
    ) -> tuple[Array, NDArray[np.bool_]]:
        """argmin ½ xᵀ H x − gᵀ x with lower ≤ x ≤ upper (P,), and which entries (P,) bool rest on a bound.

        Primal-dual active set (Bergounioux, Ito, Kunisch 1999) from the guess ``start`` of what is bound:
        each round solves for the free entries and lets the signs of value and multiplier choose the next set.
        It ends at the exact solution in a few rounds; the last iterate, clipped, is returned should it cycle.
        """
        guess = np.zeros(len(g), bool) if start is None else start
        at_lower = guess & (np.abs(lower) <= np.abs(upper))
        at_upper = guess & ~at_lower
        free = x = self.inverse @ g
        for _ in range(rounds):
            bound = at_lower | at_upper
            rows = np.flatnonzero(bound)
            x, push = free.copy(), np.zeros(len(g))  # force towards larger x; zero where free
            if len(rows):
                value = np.where(at_lower, lower, upper)[rows]
                push[rows] = _solve(self.inverse[np.ix_(rows, rows)], free[rows] - value)
                x -= push[rows] @ self.inverse[rows]
                x[rows] = value
            new_lower = np.where(bound, at_lower & (push <= 0), x < lower)
            new_upper = np.where(bound, at_upper & (push >= 0), x > upper)
            if np.array_equal(new_lower, at_lower) and np.array_equal(new_upper, at_upper):
                break
            at_lower, at_upper = new_lower, new_upper
        return np.clip(x, lower, upper), at_lower | at_upper


def _solve(h: Array, g: Array) -> Array:
    _, x, failed = dposv(h, g)
    if failed:
        raise NumericalError(AMBIGUOUS)
    out: Array = x
    return out
