"""The bounded quadratic programme: optimality conditions hold, and without bounds it is a linear system."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.fitting.boxed import solve_boxed


def conditions(h: np.ndarray, g: np.ndarray, x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Karush–Kuhn–Tucker: inside the force is zero, at a bound it pushes outwards."""
    push = g - h @ x
    inside = (x > lower + 1e-9) & (x < upper - 1e-9)
    ok = np.abs(push[inside]).max(initial=0.0) < 1e-7
    ok &= (push[x <= lower + 1e-9] <= 1e-9).all()
    ok &= (push[x >= upper - 1e-9] >= -1e-9).all()
    return bool(ok and (x >= lower - 1e-12).all() and (x <= upper + 1e-12).all())


@pytest.mark.parametrize("seed", range(10))
def test_optimality(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(40, 20))
    h, g = a.T @ a + np.eye(20), rng.normal(size=20) * 20
    lower, upper = np.full(20, -0.2), np.full(20, 0.3)
    x, at_bound = solve_boxed(h, g, lower, upper)
    assert conditions(h, g, x, lower, upper)
    assert at_bound.any()
    assert not conditions(h, g, np.clip(np.linalg.solve(h, g), lower, upper), lower, upper)


def test_without_bounds() -> None:
    h, g = np.diag([1.0, 2.0, 4.0]), np.ones(3)
    x, at_bound = solve_boxed(h, g, np.full(3, -np.inf), np.full(3, np.inf))
    np.testing.assert_allclose(x, [1.0, 0.5, 0.25])
    assert not at_bound.any()
