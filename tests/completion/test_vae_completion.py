"""Completion by the Mesh-VAE: what is seen stays, gradients are true, samples differ where hidden."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from facekit.completion import dpp
from facekit.completion.algorithm2 import Descent
from facekit.completion.approach import Approach
from facekit.completion.evidence import watched
from facekit.completion.limits import OPEN, Pairs
from facekit.completion.membrane import Membrane
from facekit.completion.mesh_vae import PRESETS, MeshVAE
from facekit.completion.names import DEFAULT_METHOD, METHODS, WITHOUT_NETWORK
from facekit.completion.sampler import Diversity, spread
from facekit.completion.vae_completion import VaeCompletion
from facekit.errors import UsageError, WrongKindError
from facekit.morphable.model import FaceModel
from facekit.records import Fit
from facekit.stages.diversify import diversify

from .sphere import sphere_model

SPHERE = sphere_model(2)
NETWORK_METHODS = [name for name, recipe in METHODS.items() if recipe.network]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def way(model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]) -> VaeCompletion:
    """An untrained network in double precision, the mouth hidden."""
    fit = cases["mouth"][0]
    network = MeshVAE(model.mean, model.topology.faces, 0.004, PRESETS["tiny"], seeded())
    made = VaeCompletion(fit, model, watched(fit.visible, model), network)
    made.network.double()
    return made


def test_what_is_seen_stays_and_the_rest_differs(way: VaeCompletion) -> None:
    shapes = way.decode(way.start(3, seeded()))
    np.testing.assert_allclose(shapes[:, way.visible], np.stack([way.vertices[way.visible]] * 3), atol=1e-9)
    assert np.ptp(shapes[:, ~way.visible], axis=0).max() > 1e-4


def test_latents_are_those_of_the_encoder(way: VaeCompletion) -> None:
    z = np.random.default_rng(0).normal(size=(4000, way.dimension))
    latents = way.codes(z)
    np.testing.assert_allclose(latents.mean(0), way.mean, atol=0.1)
    np.testing.assert_allclose(np.cov(latents.T), way.root @ way.root.T, atol=0.1)
    started = way.start(5, seeded())
    np.testing.assert_array_equal(started[0], 0)
    plain = torch.randn(5, way.dimension, generator=seeded(), dtype=torch.float64).numpy()
    np.testing.assert_allclose(started[1:], way.limits.project(plain[1:]))


@pytest.mark.parametrize("term", ["hidden", "stray", "energy", "raw and hidden"])
def test_gradients_are_those_of_finite_differences(way: VaeCompletion, term: str) -> None:
    z = way.start(2, seeded())
    rng = np.random.default_rng(0)
    towards, raw = rng.normal(size=way.hidden(z).shape), rng.normal(size=way.raw(z).shape)

    def value(latents: np.ndarray) -> float:
        if term == "hidden":
            return float((way.hidden(latents) * towards).sum())
        if term == "raw and hidden":
            return float((way.hidden(latents) * towards).sum() + (way.raw(latents) * raw).sum())
        return float(getattr(way, term)(latents)[0].sum())

    if term == "hidden":
        gradient = way.hidden_pullback(towards, z)
    else:
        gradient = way.pullback(z, raw, towards) if " " in term else getattr(way, term)(z)[1]
    along = np.random.default_rng(1).normal(size=z.shape)
    difference = (value(z + 1e-5 * along) - value(z - 1e-5 * along)) / 2e-5
    assert difference == pytest.approx(float((gradient * along).sum()), rel=1e-4)
    assert difference != pytest.approx(float((gradient * along[::-1]).sum()), rel=1e-2)


def test_latents_stay_within_the_radius_of_the_quality(way: VaeCompletion) -> None:
    far = 20 * way.start(6, seeded())
    assert np.linalg.norm(way.codes(far), axis=1).max() > dpp.radius(way.dimension, 1.0)
    near = way.allowed(far, 1.0)
    assert np.linalg.norm(way.codes(near), axis=1).max() <= dpp.radius(way.dimension, 1.0) + 1e-9
    inside = 0.1 * way.start(3, seeded())
    np.testing.assert_allclose(way.allowed(inside, 3.0), way.limits.project(inside, sweeps=2), atol=1e-12)


def test_settled_lips_do_not_cross(way: VaeCompletion) -> None:
    """Along the latent direction that closes the mouth the lips cross; settled they do not."""
    z = np.zeros((3, way.dimension))
    closing = -way.pullback_decoded(z, way.pairs.slope(1, 3, len(way.vertices)))
    step = closing[1] / np.linalg.norm(closing[1])
    for reach in np.geomspace(1, 1e4, 60):
        z[1:] = step * reach * np.array([[1.0], [2.0]])
        if (way.pairs.gaps(way.decode(z))[1:, 1] < way.pairs.least[1] - 1e-3).all():
            break
    assert (way.pairs.gaps(way.decode(z)) < way.pairs.least).any()
    settled = way.settled(z, 1e6)
    assert (way.pairs.gaps(way.decode(settled)) > way.pairs.least - 1e-6).all()
    np.testing.assert_array_equal(settled[0], 0)


def test_hidden_lids_do_not_stare(model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]) -> None:
    """Along the direction that opens the eyes they open without end; settled they do not."""
    fit = cases["eyes"][0]
    network = MeshVAE(model.mean, model.topology.faces, 0.004, PRESETS["tiny"], seeded())
    made = VaeCompletion(fit, model, watched(fit.visible, model), network)
    made.network.double()
    lid, z = 3, np.zeros((2, made.dimension))
    opening = made.pullback_decoded(z, made.pairs.slope(lid, 2, len(made.vertices)))[1]
    for reach in np.geomspace(1, 1e5, 30):
        z[1] = opening / np.linalg.norm(opening) * reach
        if made.pairs.room(made.decode(z))[1, len(made.pairs.least) + lid] < -1e-3:
            break
    assert (made.pairs.room(made.decode(z))[1] < 0).any()
    assert (made.pairs.room(made.decode(made.settled(z, 1e6))) > -1e-6).all()


def test_overlaps_of_a_fit_may_stay_where_they_are_seen_alone(
    model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]
) -> None:
    shape, seen = np.array(cases["eyes"][0].vertices, np.float64), np.ones(len(model.mean), bool)
    above = Pairs.of(model, shape, seen).upper[0]
    shape[above[0], 1] -= 0.02
    least = Pairs.of(model, shape, seen).least
    assert least[0] < -1e-3
    assert (least[3:] > -1e-3).all()
    hidden = Pairs.of(model, shape, ~seen).least
    assert (hidden > -1e-3).all()


def test_hidden_eyes_stay_open_unless_those_of_the_fit_are_closed(model: FaceModel) -> None:
    nothing = np.zeros(len(model.mean), bool)
    opened = Pairs.of(model, model.mean, nothing)
    gaps = opened.gaps(model.mean[None])[0]
    np.testing.assert_allclose(opened.least[3:], OPEN * gaps[3:])
    assert (opened.least[:3] < 0).all()
    assert (Pairs.of(model, model.mean, ~nothing).least < 0).all()
    closed = model.mean.copy()
    closed[opened.upper[0][3:], 1] -= gaps[3:].max() * 0.8
    own = Pairs.of(model, closed, nothing).least[3:]
    assert (own < 0.5 * OPEN * gaps[3:]).all()


def test_without_a_network_the_linear_method_is_the_default() -> None:
    network = MeshVAE(SPHERE.mean, SPHERE.topology.faces, 0.004, PRESETS["tiny"], seeded())
    assert Approach().chosen == WITHOUT_NETWORK
    assert Approach(network=network).chosen == DEFAULT_METHOD
    assert Approach("flame+dpp", network=network).chosen == "flame+dpp"
    assert METHODS[DEFAULT_METHOD].network
    assert not METHODS[WITHOUT_NETWORK].network


def test_many_latents_are_decoded_as_few_are(way: VaeCompletion) -> None:
    z = way.start(33, seeded())
    np.testing.assert_allclose(way.hidden(z)[:2], way.hidden(z[:2]), atol=1e-10)


def test_the_sampler_spreads_them(way: VaeCompletion) -> None:
    settings = Diversity(candidates=2, iterations=3)
    z, quality = spread(way, 3, settings, seeded())
    again, _ = spread(way, 3, settings, seeded())
    np.testing.assert_array_equal(z, again)
    np.testing.assert_array_equal(z[0], 0)
    assert (np.abs(z[1:]) <= settings.n_sigma).all()
    assert quality.shape == (3,)


def test_a_network_of_another_topology_is_refused(
    model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]
) -> None:
    other = MeshVAE(SPHERE.mean, SPHERE.topology.faces, 0.004, PRESETS["tiny"], seeded())
    fit = cases["mouth"][0]
    with pytest.raises(WrongKindError, match="another face model"):
        VaeCompletion(fit, model, watched(fit.visible, model), other)


def test_a_membrane_carries_a_constant_and_bends_a_step() -> None:
    visible = SPHERE.mean[:, 2] < 0.05
    membrane = Membrane(SPHERE.topology.faces, visible)
    same = membrane.carry(np.full((visible.sum(), 1), 2.0))
    np.testing.assert_allclose(same, 2.0, atol=1e-4)
    sides = membrane.carry(np.sign(SPHERE.mean[visible, :1]))
    assert np.abs(sides).max() <= 1
    assert np.corrcoef(sides[:, 0], SPHERE.mean[~visible, 0])[0, 1] > 0.9


def test_a_membrane_over_nothing_is_empty() -> None:
    membrane = Membrane(SPHERE.topology.faces, np.ones(len(SPHERE.mean), bool))
    assert membrane.carry(np.ones((len(SPHERE.mean), 3))).shape == (0, 3)
    assert not membrane.carry_back(np.zeros((0, 3))).any()


@pytest.mark.parametrize("method", NETWORK_METHODS)
def test_diversify_by_network(
    model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]], method: str
) -> None:
    fit = cases["mouth"][0]
    network = MeshVAE(model.mean, model.topology.faces, 0.004, PRESETS["tiny"], seeded())
    settings = Descent(candidates=2, iterations=2)
    made = diversify(fit, model, 3, seeded(), Approach(method, settings, network))
    assert made.method == method
    assert made.codes.shape == (3, network.latent_size)
    np.testing.assert_allclose(
        made.vertices[:, fit.visible], np.stack([fit.vertices[fit.visible]] * 3), atol=1e-6
    )
    assert np.ptp(made.vertices[:, ~fit.visible], axis=0).max() > 1e-4
    with pytest.raises(UsageError, match="--weights"):
        diversify(fit, model, 3, seeded(), Approach(method))


def test_with_dpp_the_hidden_part_differs_more(
    model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]
) -> None:
    network = MeshVAE(model.mean, model.topology.faces, 0.004, PRESETS["tiny"], seeded())
    settings = Descent(candidates=4, iterations=10, rate=0.2, shape_weight=0.0, photo_weight=0.0)
    asd = {}
    for method in NETWORK_METHODS:
        made = diversify(cases["mouth"][0], model, 4, seeded(), Approach(method, settings, network))
        asd[method] = json.loads(made.stats)["asd_hidden_mm"]
    assert asd["global+local+vae+dpp"] == asd["flame+vae+dpp"]  # the fit is what differs
    assert asd["global+local+vae+dpp"] > 1.2 * asd["global+local+vae"]
