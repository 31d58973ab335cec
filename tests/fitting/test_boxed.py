"""The bounded quadratic programme: optimality conditions hold, and without bounds it is a linear system."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.errors import NumericalError
from facekit.fitting.boxed import Convex


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
    x, at_bound = Convex.of(h).minimum(g, lower, upper)
    assert conditions(h, g, x, lower, upper)
    assert at_bound.any()
    assert not conditions(h, g, np.clip(np.linalg.solve(h, g), lower, upper), lower, upper)


def test_without_bounds() -> None:
    h, g = np.diag([1.0, 2.0, 4.0]), np.ones(3)
    x, at_bound = Convex.of(h).minimum(g, np.full(3, -np.inf), np.full(3, np.inf))
    np.testing.assert_allclose(x, [1.0, 0.5, 0.25])
    assert not at_bound.any()


def test_a_guess_does_not_change_the_answer() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=(40, 20))
    curvature, g = Convex.of(a.T @ a + np.eye(20)), rng.normal(size=20) * 20
    lower, upper = np.full(20, -0.2), np.full(20, 0.3)
    x, at_bound = curvature.minimum(g, lower, upper)
    again, same = curvature.minimum(g, lower, upper, rng.random(20) < 0.5)
    np.testing.assert_allclose(again, x, atol=1e-12)
    np.testing.assert_array_equal(same, at_bound)


def test_a_singular_matrix_is_refused() -> None:
    with pytest.raises(NumericalError, match="no unique solution"):
        Convex.of(np.ones((3, 3)))
