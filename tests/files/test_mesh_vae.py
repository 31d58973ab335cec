"""The Mesh-VAE that comes along: it loads, belongs to the default face, and completes faces of people that it
did not learn from.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from facekit.completion.masks import picture_masks
from facekit.completion.vae_scores import compare
from facekit.completion.vae_training import ModelFaces, split
from facekit.files.assets import asset, read_asset_weights
from facekit.files.mesh_vae import ASSET, shipped_vae
from facekit.files.models import load_model

PEOPLE = 10_000  # of which the first 8,000 were learned from


def test_it_completes_people_it_has_not_seen() -> None:
    """Closer than the mean face by far, and as close as the face model's own posterior."""
    model = load_model()
    network = shipped_vae(model)
    assert network is not None
    generator = torch.Generator().manual_seed(0)
    faces = ModelFaces(model, PEOPLE, 0).draw(split(PEOPLE, "test")[-12:], generator)
    hidden = picture_masks(model, len(faces), generator, ("glasses", "mask"))
    found = compare(network, model, faces, hidden, generator)
    assert found.network < 0.3 * found.mean_face
    assert found.network < found.linear
    assert found.closest <= found.network
    assert 0.7 < found.calibration < 1.4
    assert found.spread > 0.6 * found.network


def test_it_is_small_and_says_how_it_was_made() -> None:
    assert asset(ASSET).stat().st_size < 12e6
    settings = read_asset_weights(ASSET)[1]
    card = asset("mesh_vae.md").read_text()
    assert settings["command"] in card
    assert "--seed 0" in settings["command"]
    assert "calibration" in card


def test_another_model_gets_none() -> None:
    model = load_model()
    assert shipped_vae(replace(model, mean=np.asarray(model.mean) + 1e-3)) is None
