"""A small quadratic programme with bounds, by the active-set method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Array = NDArray[np.float64]


def solve_boxed(h: Array, g: Array, lower: Array, upper: Array, rounds: int = 50) -> tuple[Array, Array]:
    """argmin ½ xᵀ H x − gᵀ x with lower ≤ x ≤ upper (P,), H (P, P) positive definite.

    Returns x and which entries (P,) bool rest on a bound. Primal-dual active set (Bergounioux, Ito, Kunisch
    1999): each round solves for the free entries and lets the signs of value and multiplier choose the next
    set. It ends at the exact solution in a few rounds; the last iterate, clipped, is returned should it
    cycle.
    """
    at_lower = np.zeros(len(g), bool)
    at_upper = np.zeros(len(g), bool)
    x = np.zeros_like(g)
    for _ in range(rounds):
        bound = at_lower | at_upper
        free = ~bound
        x = np.where(at_lower, lower, np.where(at_upper, upper, 0.0))
        rhs = g[free] - h[np.ix_(free, bound)] @ x[bound]
        x[free] = cho_solve(cho_factor(h[np.ix_(free, free)]), rhs)
        push = g - h @ x  # force towards larger x; zero where free
        new_lower = np.where(bound, at_lower & (push <= 0), x < lower)
        new_upper = np.where(bound, at_upper & (push >= 0), x > upper)
        if np.array_equal(new_lower, at_lower) and np.array_equal(new_upper, at_upper):
            break
        at_lower, at_upper = new_lower, new_upper
    return np.clip(x, lower, upper), at_lower | at_upper
