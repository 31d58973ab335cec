"""A small quadratic programme with bounds, by the active-set method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from facekit.errors import NumericalError

Array = NDArray[np.float64]


def solve_boxed(
    h: Array,
    g: Array,
    lower: Array,
    upper: Array,
    start: NDArray[np.bool_] | None = None,
    rounds: int = 50,
) -> tuple[Array, NDArray[np.bool_]]:
    """argmin ½ xᵀ H x − gᵀ x with lower ≤ x ≤ upper (P,), H (P, P) positive definite.

    Returns x and which entries (P,) bool rest on a bound. Primal-dual active set (Bergounioux, Ito, Kunisch
    1999): each round solves for the free entries and lets the signs of value and multiplier choose the next
    set. It ends at the exact solution in a few rounds; the last iterate, clipped, is returned should it
    cycle.
    """
    guess = np.zeros(len(g), bool) if start is None else start
    at_lower = guess & (np.abs(lower) <= np.abs(upper))
    at_upper = guess & ~at_lower
    x = np.zeros_like(g)
    for _ in range(rounds):
        bound = at_lower | at_upper
        free = np.flatnonzero(~bound)
        x = np.where(at_lower, lower, np.where(at_upper, upper, 0.0))
        rhs = g - h @ x if bound.any() else g
        x[free] = _solve(h[np.ix_(free, free)] if bound.any() else h, rhs[free])
        push = g - h @ x  # force towards larger x; zero where free
        new_lower = np.where(bound, at_lower & (push <= 0), x < lower)
        new_upper = np.where(bound, at_upper & (push >= 0), x > upper)
        if np.array_equal(new_lower, at_lower) and np.array_equal(new_upper, at_upper):
            break
        at_lower, at_upper = new_lower, new_upper
    return np.clip(x, lower, upper), at_lower | at_upper


def _solve(h: Array, g: Array) -> Array:
    _, x, info = dposv(h, g)
    if info:
        raise NumericalError("the fit has no unique solution; give more landmarks")
    out: Array = x
    return out
