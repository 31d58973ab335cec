"""Correlated noise: the curvature is that of the plain inverse covariance, and outliers lose their weight."""

from __future__ import annotations

import numpy as np

from facekit.fitting.curvature import Curvature
from facekit.fitting.noise import Noise
from facekit.fitting.problem import Slopes

FREE = np.full(9, np.inf)


def example() -> tuple[Noise, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    noise = Noise(rng.uniform(0.5, 2.0, 40), rng.normal(size=(6, 40)))
    return noise, rng.normal(size=(40, 9)), rng.normal(size=40)


def curvature(
    j: np.ndarray, noise: Noise, weights: np.ndarray, stiffness: float, damping: float
) -> Curvature:
    """Of a Jacobian (40, 9) that is seven slopes by the pose and two modes of 20 points."""
    modes = np.random.default_rng(2).normal(size=(20, 3, 2)).astype(np.float32)
    local = np.stack(
        [np.linalg.lstsq(modes[m].T, j[2 * m : 2 * m + 2, 7:].T, rcond=None)[0].T for m in range(20)]
    )
    slopes = Slopes(j[:, :7].reshape(20, 2, 7), local)
    return Curvature.of(slopes, modes, noise, weights, np.full(9, stiffness)).damped(damping)


def test_curvature_is_that_of_the_inverse_covariance() -> None:
    noise, j, _ = example()
    weights = np.random.default_rng(1).uniform(0.2, 1.0, 40)
    inverse = np.linalg.inv(np.diag(noise.variance / weights) + noise.factors.T @ noise.factors)
    plain = j.T @ inverse @ j + 3.0 * np.eye(9)
    fast = curvature(j, noise, weights, 3.0, 0.0)
    np.testing.assert_allclose(fast.h, plain, rtol=1e-4)
    np.testing.assert_allclose(fast.covariance(), np.linalg.inv(plain), rtol=1e-4)
    damped = curvature(j, noise, weights, 3.0, 0.5)
    np.testing.assert_allclose(damped.covariance(), np.linalg.inv(plain), rtol=1e-4)


def test_step_is_the_plain_generalised_least_squares_solution() -> None:
    noise, j, r = example()
    inverse = np.linalg.inv(np.diag(noise.variance) + noise.factors.T @ noise.factors)
    expected = np.linalg.solve(j.T @ inverse @ j + np.eye(9), j.T @ inverse @ r)
    force = r / noise.variance
    found = curvature(j, noise, np.ones(40), 1.0, 0.0)
    x, shared, _ = found.step(j.T @ force, noise.factors @ force, -FREE, FREE, np.zeros(9, bool))
    np.testing.assert_allclose(x, expected, rtol=1e-4)
    np.testing.assert_allclose(shared, noise.factors @ inverse @ (r - j @ x), rtol=1e-4)


def test_shared_errors_are_the_plain_conditional_mean() -> None:
    noise, _, r = example()
    covariance = np.diag(noise.variance) + noise.factors.T @ noise.factors
    np.testing.assert_allclose(noise.shared(r), noise.factors @ np.linalg.solve(covariance, r), rtol=1e-9)


def test_nothing_is_shared_by_independent_errors() -> None:
    noise, _, r = example()
    assert noise.independent().shared(r).shape == (0,)


def test_noise_of_some_landmarks_is_a_part_of_the_covariance() -> None:
    noise, rows = example()[0], np.array([6, 7, 0, 1])
    some = noise.at(np.array([3, 0]))
    whole = np.diag(noise.variance) + noise.factors.T @ noise.factors
    np.testing.assert_allclose(
        np.diag(some.variance) + some.factors.T @ some.factors, whole[np.ix_(rows, rows)]
    )


def test_independent_noise_has_the_same_variances() -> None:
    noise = example()[0]
    covariance = np.diag(noise.variance) + noise.factors.T @ noise.factors
    np.testing.assert_allclose(noise.independent().variance, np.diag(covariance))
    assert not noise.independent().factors.size


def test_outliers_lose_weight() -> None:
    residual = 0.1 * np.random.default_rng(1).standard_normal(40)
    residual[4] += 2.0
    weights = Noise(np.full(40, 0.01), np.zeros((0, 40))).weights(residual)
    assert weights[4] == weights[5] < 0.1
    assert np.median(weights) > 0.8
