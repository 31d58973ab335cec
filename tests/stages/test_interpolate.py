"""Faces between two: the ends are the ends, what both show stays, and wrong requests are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.completion.approach import Approach
from facekit.completion.mesh_vae import PRESETS, MeshVAE
from facekit.errors import UsageError, WrongKindError
from facekit.files.models import load_model
from facekit.files.npz import read_record, write_record
from facekit.records import Ensemble
from facekit.stages.diversify import diversify
from facekit.stages.interpolate import MIXED, interpolate
from tests.completion.conftest import made_fit


def seeded():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def network(model):
    return MeshVAE(model.mean, model.topology.faces, 0.004, PRESETS["tiny"], seeded())


@pytest.fixture(scope="module")
def fits(model):
    return made_fit(model, 0, "mouth")[0], made_fit(model, 1, "eyes")[0]


@pytest.fixture(scope="module")
def faces(model, network, fits):
    """Three completions of one fit, by the linear posterior and by the network."""
    return {
        method: diversify(fits[0], model, 3, seeded(), Approach(method, None, network))
        for method in ("flame+dpp", "global+local+vae")
    }


@pytest.mark.parametrize("method", ["flame+dpp", "global+local+vae"])
def test_the_ends_are_the_ends(method, model, network, faces, tmp_path):
    ensemble = faces[method]
    by = network if "vae" in method else None
    made = interpolate(ensemble, ensemble, 5, model, (1, 2), by)
    for i, end in ((0, 1), (-1, 2)):
        np.testing.assert_allclose(made.vertices[i], ensemble.vertices[end], atol=1e-7)
        np.testing.assert_allclose(made.landmarks68[i], ensemble.landmarks68[end], atol=1e-6)
        np.testing.assert_allclose(made.codes[i], ensemble.codes[end], atol=1e-5)
    steps = np.abs(np.diff(made.vertices, axis=0)).max(axis=(1, 2))
    assert (steps > 1e-5).all()
    assert made.method == method
    write_record(tmp_path / "x.ensemble.npz", made)
    assert read_record(tmp_path / "x.ensemble.npz", Ensemble).stats == made.stats


def test_what_the_photo_shows_in_both_goes_straight(model, network, faces, fits):
    ensemble, visible = faces["global+local+vae"], fits[0].visible
    made = interpolate(ensemble, ensemble, 4, model, (0, 1), network)
    np.testing.assert_allclose(
        made.vertices[:, visible], np.stack([fits[0].vertices[visible]] * 4), atol=1e-6
    )
    straight = np.linspace(0, 1, 4)[:, None, None] * (ensemble.vertices[1] - ensemble.vertices[0])
    bent = np.abs(made.vertices - ensemble.vertices[0] - straight).max()
    assert bent > 1e-7  # a latent path, not a line


def test_without_a_network_the_middle_is_the_mean(model, fits):
    made = interpolate(*fits, 3, model)
    np.testing.assert_allclose(made.vertices[1], (fits[0].vertices + fits[1].vertices) / 2, atol=1e-7)
    np.testing.assert_allclose(model.instance(made.codes[1]), made.vertices[1], atol=1e-6)
    np.testing.assert_array_equal(made.hidden, ~(fits[0].visible & fits[1].visible))
    assert made.method == MIXED


def test_fits_go_through_the_network_too(model, network, fits):
    made = interpolate(*fits, 3, model, network=network)
    np.testing.assert_allclose(made.vertices[[0, -1]], [fits[0].vertices, fits[1].vertices], atol=1e-7)
    assert made.codes.shape == (3, network.latent_size)


def test_faces_of_different_methods_meet(model, faces):
    other = replace(faces["flame+dpp"], method="global+local+dpp", codes=np.zeros((3, 9), np.float32))
    made = interpolate(faces["flame+dpp"], other, 3, model, (1, 2))
    assert made.method == MIXED
    assert made.codes.shape == (3, model.size)


def test_wrong_requests_are_refused(model, network, faces, fits):
    ensemble = faces["flame+dpp"]
    with pytest.raises(UsageError, match="two steps"):
        interpolate(*fits, 1, model)
    with pytest.raises(UsageError, match="no face 3"):
        interpolate(ensemble, ensemble, 3, model, (0, 3))
    with pytest.raises(UsageError, match="--weights"):
        interpolate(faces["global+local+vae"], ensemble, 3, model)
    with pytest.raises(WrongKindError, match="flame"):
        interpolate(fits[0], replace(fits[1], model="flame", model_sha256="1" * 64), 3, model)
    other = MeshVAE(model.mean[:10], np.array([[0, 1, 2], [2, 3, 4]]), 0.004, PRESETS["tiny"], seeded())
    with pytest.raises(WrongKindError, match="another face model"):
        interpolate(*fits, 3, model, network=other)
