"""Algorithm 2 on a method small enough to check by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.completion import dpp
from facekit.completion.algorithm2 import FAST, PAPER, Descent, Seen, descend, loss_gradient
from facekit.completion.methods import local_identity, method_of
from facekit.completion.names import METHODS
from facekit.completion.presets import settings_of, suited
from facekit.completion.sampler import Diversity, choose
from facekit.errors import UsageError

from .test_sampler import Plane as Spread


class Plane(Spread):
    """Vertex 0 is hidden and moved by the first latent, vertex 1 is seen and moved by the second."""

    def raw(self, z):
        return self.decode(z)

    def pullback(self, z, by_raw, by_hidden=None):
        out = 1e-3 * by_raw[:, :, 0]
        return out if by_hidden is None else out + self.hidden_pullback(by_hidden, z)

    def settled(self, z, reach):
        return z

    def tangent(self):
        return self


class Tilted:
    """A photometric term whose value and slope are known."""

    def __call__(self, shapes):
        off = np.abs(shapes[:, 1, 0] - 2e-3)
        slope = np.zeros(shapes.shape)
        slope[:, 1, 0] = np.sign(shapes[:, 1, 0] - 2e-3)
        return off, slope


SEEN = Seen(np.zeros((2, 3)), np.array([0.0, 1.0]), Tilted())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("photo", [0.0, 500.0])
def test_gradient_of_eq_13_equals_finite_differences(photo):
    z = np.random.default_rng(0).normal(size=(4, 2)) * 2
    settings = Descent(n_sigma=1.0, photo_weight=photo, dpp_weight=0.7)
    scale = dpp.median_distance(dpp.distances(Plane().hidden(z)))
    total, gradient = loss_gradient(Plane(), z, SEEN, settings)

    def value(z):
        q = dpp.quality(z[:, 0] ** 2, 1, 1.0)[0]
        L = dpp.kernel(dpp.similarity(dpp.distances(Plane().hidden(z)), 0.5, scale), q)
        seen = 1e-3 * z[:, 1]
        shape = 1000 * np.abs(seen).sum() / (3 * len(z))
        return shape + photo * np.abs(seen - 2e-3).mean() + 0.7 * dpp.loss(L)

    assert total == pytest.approx(value(z))
    for place in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[place] = 1e-5
        slope = (value(z + step) - value(z - step)) / 2e-5
        assert gradient[place] == pytest.approx(slope, abs=1e-6)
    assert np.abs(gradient).min(axis=0).max() > 1e-3


def test_the_paper_parts_what_is_hidden_and_holds_what_is_seen():
    seen = replace(SEEN, photo=None)
    plain, _ = descend(Plane(), 4, seen, replace(PAPER, iterations=0), generator())
    made, quality = descend(Plane(), 4, seen, PAPER, generator())
    assert dpp.distances(made[:, :1]).sum() > 1.3 * dpp.distances(plain[:, :1]).sum()
    assert np.abs(made[:, 1]).max() < 0.2 * np.abs(plain[:, 1]).max()
    np.testing.assert_array_equal(made[0], 0)
    assert (quality > 0.9).all()


def test_the_photo_decides_against_the_fit_where_it_weighs_more():
    heavy = replace(FAST, photo_weight=5e4, iterations=100)
    made, _ = descend(Plane(), 3, SEEN, heavy, generator())
    np.testing.assert_allclose(made[1:, 1], 2.0, atol=0.2)


def test_same_seed_same_numbers():
    first, second, third = (descend(Plane(), 3, SEEN, FAST, generator(s))[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, third)


def test_the_steps_are_those_of_adam():
    settings = Descent(candidates=1, iterations=7, rate=0.05, decay=0.01, photo_weight=0.0, dpp_weight=0.7)
    made, _ = descend(Plane(), 3, SEEN, settings, generator())
    z = torch.from_numpy(choose(Plane(), 3, settings, generator()).copy())
    adam = torch.optim.Adam([z], settings.rate, weight_decay=settings.decay)
    for _ in range(settings.iterations):
        gradient = loss_gradient(Plane(), z.numpy(), SEEN, settings)[1]
        gradient[0] = 0
        z.grad = torch.from_numpy(gradient)
        adam.step()
        z.copy_(torch.from_numpy(Plane().allowed(z.numpy(), settings.n_sigma)))
    np.testing.assert_allclose(made, z.numpy(), atol=1e-12)


def test_one_completion_is_the_most_probable():
    np.testing.assert_array_equal(descend(Plane(), 1, SEEN, FAST, generator())[0], np.zeros((1, 2)))


def test_the_linear_posterior_pulls_back_what_its_shapes_say(model, cases):
    fit = cases["mouth"][0]
    hidden = np.random.default_rng(0).random(len(model.mean)) * ~fit.visible
    way = method_of("flame+dpp", fit, model, hidden)
    z = way.start(2, generator())
    rng = np.random.default_rng(1)
    raw, features, along = (rng.normal(size=a.shape) for a in (way.raw(z), way.hidden(z), z))
    gradient = way.pullback(z, raw, features)
    by_hand = ((way.raw(z + along) - way.raw(z)) * raw).sum()
    by_hand += ((way.hidden(z + along) - way.hidden(z)) * features).sum()
    assert (gradient * along).sum() == pytest.approx(by_hand)


@pytest.mark.parametrize("method", METHODS)
def test_each_preset_gives_settings_that_suit_the_method(method):
    fast, paper = settings_of(method), settings_of(method, "paper", photo=True, k=2.0, iterations=7)
    assert isinstance(fast, Descent) == METHODS[method].network
    assert isinstance(paper, Descent)
    assert (paper.k, paper.iterations, paper.photo_weight) == (2.0, 7, PAPER.photo_weight)
    assert fast.iterations < PAPER.iterations == 300
    given = suited(method, Diversity(k=2.0, n_sigma=1.0))
    assert (given.k, given.n_sigma) == (2.0, 1.0)
    assert isinstance(given, Descent) == METHODS[method].network
    assert (suited(method, None).iterations == 0) == (not METHODS[method].spread)


def test_a_photo_is_neither_missing_nor_ignored():
    with pytest.raises(UsageError, match="--photo"):
        settings_of("global+local+vae+dpp", "paper")
    with pytest.raises(UsageError, match="looks at no photo"):
        settings_of("flame+dpp", photo=True)
    looking = settings_of("flame+vae+dpp", photo=True)
    assert isinstance(looking, Descent)
    assert looking.photo_weight > 0


def test_methods_of_the_global_model_refuse_fits_of_another(model, cases):
    local = local_identity(model)
    fit = replace(cases["mouth"][0], model=local.name, model_sha256=local.digest)
    with pytest.raises(UsageError, match="global model"):
        method_of("flame+dpp", fit, local, ~fit.visible * 1.0)
