"""The diversify stage as a whole: faithful where seen, diverse where hidden, plausible, reproducible."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.completion.algorithm2 import Descent
from facekit.completion.approach import Approach
from facekit.completion.evidence import evidence, region_weight, watched
from facekit.completion.limits import PAIRS
from facekit.completion.mesh_vae import PRESETS, MeshVAE
from facekit.completion.names import METHODS
from facekit.completion.sampler import Diversity
from facekit.errors import UsageError, WrongKindError
from facekit.files.npz import read_record, write_record
from facekit.metrics import average_self_distance, closest_sample_error, rms_distance
from facekit.records import Ensemble
from facekit.stages.diversify import diversify

MM = 1e3
LINEAR = [name for name, recipe in METHODS.items() if not recipe.network]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=[(m, r) for m in LINEAR for r in ("mouth", "eyes")], ids="-".join)
def result(request, model, cases):
    method, region = request.param
    fit, truth = cases[region]
    return fit, truth, diversify(fit, model, 8, generator(), Approach(method))


def test_faithful_where_seen_and_diverse_where_hidden(result, model):
    """The goals: visible self distance below 0.5 mm, hidden several times that; the paper's own ratios are
    1.2 to 6.
    """
    fit, _, ensemble = result
    hidden = watched(fit.visible, model) > 0
    face = evidence(fit.visible, model) == 1
    seen = average_self_distance(ensemble.vertices, face) * MM
    unseen = average_self_distance(ensemble.vertices, hidden) * MM
    assert seen < 0.3
    assert unseen > 5 * seen
    for shape in ensemble.vertices:
        assert rms_distance(shape[face], fit.vertices[face]) * MM < 0.4


def test_the_first_is_the_fit_and_the_closest_is_no_worse(result, model):
    fit, truth, ensemble = result
    np.testing.assert_allclose(ensemble.vertices[0], fit.vertices, atol=1e-7)
    hidden = watched(fit.visible, model) > 0
    closest = closest_sample_error(ensemble.vertices, truth, hidden)
    assert closest <= rms_distance(fit.vertices[hidden], truth[hidden]) + 1e-9


def test_lips_and_lids_do_not_cross(result, model):
    fit, _, ensemble = result
    points = model.topology.embeddings["ibug68"].points(
        np.concatenate([fit.vertices[None], ensemble.vertices])
    )
    upper, lower = np.array(PAIRS).T
    gap = points[:, upper, 1] - points[:, lower, 1]
    assert (gap[1:] > np.minimum(gap[0], 0) - 1e-3).all()


def test_record_is_complete_and_readable(result, model, tmp_path):
    fit, _, ensemble = result
    write_record(tmp_path / "e.ensemble.npz", ensemble)
    assert read_record(tmp_path / "e.ensemble.npz", Ensemble).method == ensemble.method
    assert ensemble.model_sha256 == model.digest
    np.testing.assert_array_equal(ensemble.hidden, ~fit.visible)
    np.testing.assert_allclose(ensemble.landmarks68[0], fit.landmarks68, atol=1e-6)
    moved = model.topology.embeddings["ibug68"].points(ensemble.vertices)
    np.testing.assert_allclose(ensemble.landmarks68, moved, atol=1e-6)
    stats = json.loads(ensemble.stats)
    assert stats["asd_visible_mm"] == pytest.approx(
        average_self_distance(ensemble.vertices, evidence(fit.visible, model) == 1) * MM, rel=1e-3
    )
    assert ((ensemble.quality > 0.9) & (ensemble.quality <= 1)).all()


def test_same_seed_same_bytes(model, cases, tmp_path):
    fit = cases["mouth"][0]
    for name in ("a", "b"):
        write_record(tmp_path / name, diversify(fit, model, 3, generator(7)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    other = diversify(fit, model, 3, generator(8))
    assert not np.allclose(other.vertices, read_record(tmp_path / "a", Ensemble).vertices, atol=1e-4)


def test_more_sigma_and_more_steps_spread_further(model, cases):
    fit = cases["mouth"][0]
    hidden = watched(fit.visible, model) > 0

    def spread_of(**settings):
        ensemble = diversify(fit, model, 6, generator(), Approach(settings=Diversity(**settings)))
        return average_self_distance(ensemble.vertices, hidden)

    assert spread_of(n_sigma=1.0) < spread_of(n_sigma=3.0)
    assert spread_of(iterations=0) < spread_of(iterations=100)


def test_printed_quality_runs(model, cases):
    ensemble = diversify(cases["eyes"][0], model, 3, generator(), Approach(settings=Diversity(printed=True)))
    assert np.isfinite(ensemble.vertices).all()


@pytest.mark.parametrize("what", ["nothing hidden", "everything hidden"])
def test_extreme_visibility(model, cases, what):
    fit = replace(cases["mouth"][0], visible=np.full(len(model.mean), what == "nothing hidden"))
    ensemble = diversify(fit, model, 3, generator())
    assert np.isfinite(ensemble.vertices).all()
    size = np.ptp(ensemble.vertices, axis=1)
    assert (size < 0.5).all()


def test_other_requests_are_refused(model, cases):
    fit = cases["mouth"][0]
    with pytest.raises(UsageError, match=r"global\+local\+dpp"):
        diversify(fit, model, 2, generator(), Approach("magic"))
    with pytest.raises(UsageError, match="at least one"):
        diversify(fit, model, 0, generator())
    with pytest.raises(WrongKindError, match="flame"):
        diversify(replace(fit, model="flame", model_sha256="1" * 64), model, 2, generator())
    with pytest.raises(WrongKindError, match="another version"):
        diversify(replace(fit, model_sha256="1" * 64), model, 2, generator())


@pytest.fixture(scope="module")
def network(model):
    return MeshVAE(model.mean, model.topology.faces, 0.004, PRESETS["tiny"], generator())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_completes(method, model, cases, network):
    """Three faces each: visible part kept, hidden part different, everything reported, limits kept."""
    fit = cases["mouth"][0]
    fast = Descent(candidates=2, iterations=3, rate=0.1, decay=0.0, photo_weight=0.0)
    settings = fast if METHODS[method].network else Diversity(candidates=4, iterations=3)
    made = diversify(fit, model, 3, generator(), Approach(method, settings, network))
    seen = evidence(fit.visible, model) == 1
    assert made.method == method
    assert max(rms_distance(shape[seen], fit.vertices[seen]) for shape in made.vertices) * MM < 1.5
    assert average_self_distance(made.vertices, watched(fit.visible, model) > 0) * MM > 0.05
    stats = json.loads(made.stats)
    assert max(stats["latent_radius"]) <= stats["latent_bound"]
    assert stats["crossing_pairs"] == [0, 0, 0]
    assert len(stats["mahalanobis"]) == 3
    assert min(stats["mahalanobis"]) > 0.1
    assert max(stats["mahalanobis"]) < 2


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].network])
def test_a_method_with_vae_needs_its_network(method, model, cases):
    with pytest.raises(UsageError, match="--weights"):
        diversify(cases["mouth"][0], model, 2, generator(), Approach(method))


@pytest.mark.parametrize("method", ["flame+dpp", "global+local+dpp", "global+local+vae+dpp"])
@pytest.mark.parametrize("region", ["lips", "nose", "left_eye_region"])
def test_with_a_region_that_one_alone_varies(method, region, model, cases, network):
    """Whether the photo shows it or not."""
    fit = cases["eyes"][0]
    fast = Descent(candidates=2, iterations=3, rate=0.1, photo_weight=0.0, shape_weight=0.0)
    settings = fast if METHODS[method].network else Diversity(candidates=8, iterations=10)
    made = diversify(fit, model, 3, generator(), Approach(method, settings, network, region))
    inside = model.topology.regions[region] > 0
    off = np.abs(made.vertices - fit.vertices)
    assert off[:, ~inside].max() < 1e-6
    assert average_self_distance(made.vertices, inside) * MM > (0.01 if METHODS[method].network else 0.1)
    assert made.hidden[inside].mean() > 0.9
    assert (made.hidden | fit.visible).all()
    assert json.loads(made.stats)["region"] == region
    free = diversify(fit, model, 3, generator(), Approach(method, settings, network))
    assert np.abs(free.vertices - fit.vertices)[:, ~inside].max() > 1e-4


def test_a_region_passes_smoothly_into_the_rest(model):
    for region in ("lips", "nose"):
        weight = region_weight(model, region)
        faces = model.topology.faces[model.topology.part("skin")[model.topology.faces].all(1)]
        jump = np.ptp(weight[faces], axis=1)
        edge = np.linalg.norm(model.mean[faces] - model.mean[np.roll(faces, 1, axis=1)], axis=2).max(1)
        assert weight.max() == 1
        assert (jump <= 1.5 * edge / 6e-3 + 1e-9).all()
        assert not weight[model.topology.regions[region] == 0].any()


def test_an_unknown_region_is_refused(model, cases):
    with pytest.raises(UsageError, match=r"no region beard; it has .*lips"):
        diversify(cases["mouth"][0], model, 2, generator(), Approach(region="beard"))


def test_one_face_is_the_fit(model, cases):
    ensemble = diversify(cases["mouth"][0], model, 1, generator())
    assert len(ensemble.vertices) == 1
    assert json.loads(ensemble.stats)["asd_hidden_mm"] is None


def test_help_names_every_method():
    from click.testing import CliRunner

    from facekit.cli.diversify import diversify as command

    shown = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert all(name in shown for name in METHODS)
