"""train-prior mesh-vae as a function: repeats, resumes, scores people not learned from, writes a card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.completion.mesh_vae import from_arrays
from facekit.completion.vae_training import ModelFaces
from facekit.errors import UsageError
from facekit.stages.train_mesh_vae import (
    Arrays,
    Plan,
    mesh_vae_card,
    registered_faces,
    train_mesh_vae,
)
from tests.completion.sphere import sphere_model

MODEL = sphere_model(2)
FACES = ModelFaces(MODEL, 20, 0)
PLAN = Plan("tiny", 0, 6, batch=4, every=3, masks=6)


def test_training_repeats_and_resumes() -> None:
    saved: list[Arrays] = []
    whole = train_mesh_vae(MODEL, FACES, PLAN, save=saved.append)
    assert whole.finished
    assert [int(state["step"]) for state in saved] == [3, 6]
    resumed = train_mesh_vae(MODEL, FACES, PLAN, resume=saved[0])
    assert all(np.array_equal(whole.arrays[name], resumed.arrays[name]) for name in whole.arrays)
    assert whole.scores == resumed.scores
    other = train_mesh_vae(MODEL, FACES, replace(PLAN, seed=1))
    assert not np.array_equal(other.arrays["encoder.0.basis"], whole.arrays["encoder.0.basis"])


def test_the_card_tells_the_scores_and_the_weights_load() -> None:
    trained = train_mesh_vae(MODEL, FACES, PLAN)
    assert trained.scores is not None
    card = mesh_vae_card("facekit train-prior mesh-vae", trained, MODEL, 20, 2)
    assert f"{trained.scores.hidden:.2f} mm where hidden" in card
    network = from_arrays(trained.arrays, trained.settings, MODEL.topology.faces)
    shape = network.decode(torch.zeros(1, network.latent_size))
    assert shape.shape == (1, *MODEL.mean.shape)
    assert float(network.unit) > 1e-4


def test_the_small_preset_trains_around_a_linear_model() -> None:
    trained = train_mesh_vae(MODEL, FACES, replace(PLAN, preset="small", steps=2))
    assert trained.settings["linear"] == "1"
    network = from_arrays(trained.arrays, trained.settings, MODEL.topology.faces)
    assert network.linear is not None
    assert network.linear.modes.abs().amax((1, 2)).count_nonzero() == 6
    assert set(trained.compared) == {"grown", "hand", "blob"}
    assert trained.compared["grown"].network < 0.5 * trained.compared["grown"].mean_face


def test_registered_meshes_are_laid_on_the_mean() -> None:
    generator = torch.Generator().manual_seed(0)
    faces = FACES.draw(np.arange(10), generator)
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    laid = registered_faces((faces @ turn.T + 0.3).astype(np.float32), np.arange(10), MODEL)
    plain = registered_faces(faces.astype(np.float32), np.arange(10), MODEL)
    people = np.arange(10)
    np.testing.assert_allclose(laid.draw(people, generator), plain.draw(people, generator), atol=1e-5)
    assert np.abs(plain.draw(people, generator) - faces).max() < 0.02


def test_too_few_people_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 10"):
        registered_faces(np.zeros((30, 4, 3), np.float32), np.arange(30) % 9, MODEL)
