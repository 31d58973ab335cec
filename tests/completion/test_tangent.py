"""Steps on the shipped network to first order are steps on the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.completion import dpp
from facekit.completion.evidence import watched
from facekit.completion.tangent import Tangent
from facekit.completion.vae_completion import VaeCompletion
from facekit.files.mesh_vae import shipped_vae
from facekit.morphable.model import FaceModel
from facekit.records import Fit


@pytest.fixture(scope="module")
def way(model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]) -> VaeCompletion:
    network = shipped_vae(model)
    if network is None:
        pytest.skip("no mesh VAE comes with the face model")
    fit = cases["mouth"][0]
    return VaeCompletion(fit, model, watched(fit.visible, model), network)


@pytest.fixture
def latents(way: VaeCompletion) -> np.ndarray:
    return way.allowed(way.start(4, torch.Generator().manual_seed(0)), 3.0)


def test_the_faces_are_those_of_the_network(way: VaeCompletion, latents: np.ndarray) -> None:
    tangent = way.tangent()
    assert isinstance(tangent, Tangent)
    true = way.raw(latents)
    np.testing.assert_allclose(tangent.raw(latents), true, atol=2e-5)
    assert np.abs(true - true[:1]).max() > 1e-3


def test_the_features_keep_the_distances(way: VaeCompletion, latents: np.ndarray) -> None:
    near, true = (dpp.distances(one.hidden(latents)) for one in (way.tangent(), way))
    np.testing.assert_allclose(near, true, rtol=1e-2)


def test_gradients_are_those_of_the_network(way: VaeCompletion, latents: np.ndarray) -> None:
    tangent, rng = way.tangent(), np.random.default_rng(0)
    by_raw = rng.normal(size=way.raw(latents).shape)
    np.testing.assert_allclose(
        tangent.pullback(latents, by_raw), way.pullback(latents, by_raw), atol=2e-3 * np.abs(by_raw).max()
    )
    by_hidden, along = rng.normal(size=(len(latents), tangent.dimension)), rng.normal(size=latents.shape)
    expected = ((tangent.hidden(latents + along) - tangent.hidden(latents)) * by_hidden).sum()
    gradient = tangent.pullback(latents, 0 * by_raw, by_hidden)
    assert (gradient * along).sum() == pytest.approx(expected)


def test_what_decides_about_the_hidden_part_stays_within_the_radius(way: VaeCompletion) -> None:
    far = 30 * way.start(6, torch.Generator().manual_seed(1))
    near = way.allowed(far, 2.0)
    length = np.linalg.norm(near[:, : way.deciding], axis=1)
    assert way.deciding < way.dimension
    assert length.max() <= dpp.radius(way.deciding, 2.0) + 0.1  # lips and bounds are kept after it
    assert np.linalg.norm(np.clip(far, -2, 2)[:, : way.deciding], axis=1).max() > length.max() + 1
    assert (np.diff(way.spread) <= 1e-12).all()
