"""Correlated noise: Woodbury's identity is the plain inverse, and outliers lose their weight."""

from __future__ import annotations

import numpy as np

from facekit.fitting.noise import Noise


def example() -> tuple[Noise, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    noise = Noise(rng.uniform(0.5, 2.0, 40), rng.normal(size=(6, 40)))
    return noise, rng.normal(size=(40, 5)), rng.normal(size=40)


def test_is_the_inverse_covariance() -> None:
    noise, j, r = example()
    inverse = np.linalg.inv(np.diag(noise.variance) + noise.factors.T @ noise.factors)
    metric = noise.metric(np.ones(40))
    h, g = metric.normal(j, r)
    np.testing.assert_allclose(h, j.T @ inverse @ j, rtol=1e-9)
    np.testing.assert_allclose(g, j.T @ inverse @ r, rtol=1e-9)
    np.testing.assert_allclose(metric.cost(r), r @ inverse @ r, rtol=1e-9)


def test_shared_is_the_posterior_mean() -> None:
    noise, _, r = example()
    covariance = np.diag(noise.variance) + noise.factors.T @ noise.factors
    expected = noise.factors.T @ noise.factors @ np.linalg.solve(covariance, r)
    shared = noise.metric(np.ones(40)).scores(r) @ noise.factors
    np.testing.assert_allclose(shared, expected, rtol=1e-9)


def test_outliers_lose_weight_and_shared_errors_do_not() -> None:
    rng = np.random.default_rng(1)
    noise = Noise(np.full(40, 0.01), 0.5 * np.ones((1, 40)))
    residual = 0.1 * rng.standard_normal(40)
    together = noise.weights(residual + 1.0, noise.metric(np.ones(40)))
    assert together.min() > 0.4  # all off alike: that is what the factor is for
    residual[4] += 2.0
    weights = noise.weights(residual, noise.metric(np.ones(40)))
    assert weights[4] == weights[5] < 0.1
    assert np.median(weights) > 0.8
