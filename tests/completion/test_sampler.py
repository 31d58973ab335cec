"""The spread of latents, on a method small enough to check by hand."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from facekit.completion import dpp
from facekit.completion.sampler import Diversity, choose, loss_gradient, spread


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Plane:
    """Two latents: the first moves one hidden vertex, the second one visible vertex, 1 mm per deviation
    each.
    """

    dimension: int = 1

    def start(self, n, generator):
        z = torch.randn(n, 2, generator=generator, dtype=torch.float64).numpy().copy()
        z[0] = 0
        return z

    def decode(self, z):
        shapes = np.zeros((len(z), 2, 3))
        shapes[:, 0, 0], shapes[:, 1, 0] = 1e-3 * z[:, 0], 1e-3 * z[:, 1]
        return shapes

    def hidden(self, z):
        return 1e-3 * z[:, :1]

    def hidden_pullback(self, gradient, z):
        return np.concatenate([1e-3 * gradient, np.zeros_like(gradient)], axis=1)

    def stray(self, z):
        return z[:, 1] ** 2, 2 * z * [0, 1]

    def energy(self, z):
        return z[:, 0] ** 2, 2 * z * [1, 0]

    def allowed(self, z, reach):
        return np.clip(z, -reach, reach)

    def codes(self, z):
        return z


def test_spread_parts_the_hidden_and_quiets_the_visible():
    before = choose(Plane(), 4, Diversity(), generator())
    after, quality = spread(Plane(), 4, Diversity(iterations=200), generator())
    assert dpp.distances(after[:, :1]).sum() > dpp.distances(before[:, :1]).sum()
    assert np.abs(after[:, 1]).max() < 0.1 * np.abs(before[:, 1]).max() + 0.05
    assert np.abs(after[:, 0]).max() <= 3.0
    np.testing.assert_array_equal(after[0], 0)
    np.testing.assert_array_equal(quality, 1)


def test_quality_holds_the_samples_back_where_the_box_does_not():
    @dataclass(frozen=True)
    class Unbounded(Plane):
        def allowed(self, z, reach):
            return z

    wide, _ = spread(Unbounded(), 3, Diversity(iterations=400, step=1.0, n_sigma=2.0), generator())
    assert 1.5 < np.abs(wide[:, 0]).max() < 3.0


def test_gradient_equals_finite_differences():
    z = np.random.default_rng(0).normal(size=(4, 2)) * 2
    settings = Diversity(n_sigma=1.0)
    scale = dpp.median_distance(dpp.distances(Plane().hidden(z)))
    gradient = loss_gradient(Plane(), z, settings)[1]

    def value(z):
        q = dpp.quality(z[:, 0] ** 2, 1, 1.0)[0]
        L = dpp.kernel(dpp.similarity(dpp.distances(Plane().hidden(z)), 0.5, scale), q)
        return dpp.loss(L) + settings.visible_weight * (z[:, 1] ** 2).sum()

    for place in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[place] = 1e-5
        assert gradient[place] == pytest.approx((value(z + step) - value(z - step)) / 2e-5, abs=1e-6)


def test_same_seed_same_numbers_and_others_differ():
    first, second, third = (spread(Plane(), 5, Diversity(), generator(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, third)


def test_one_sample_is_the_most_probable():
    z, _ = spread(Plane(), 1, Diversity(), generator())
    np.testing.assert_array_equal(z, np.zeros((1, 2)))
