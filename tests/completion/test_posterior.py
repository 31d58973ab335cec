"""The linear posterior as a method: what is seen stays, what is hidden is free, codes and shapes agree."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.completion.evidence import evidence, watched
from facekit.completion.methods import local_identity, method_of
from facekit.completion.names import METHODS
from facekit.completion.posterior import RARE, linear_posterior, rarity_precision, symmetry_precision
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import Topology

LINEAR = [name for name, recipe in METHODS.items() if not recipe.network]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=LINEAR)
def method(request, model, cases):
    fit = cases["mouth"][0]
    return method_of(request.param, fit, model, watched(fit.visible, model))


def test_zero_is_the_fit(method, cases):
    np.testing.assert_allclose(method.decode(np.zeros((1, len(method.lift))))[0], cases["mouth"][0].vertices)


def test_hidden_features_have_the_distances_of_the_shapes(method, model, cases):
    z = method.start(4, generator())
    weight = watched(cases["mouth"][0].visible, model)
    shapes = method.decode(z) * np.sqrt(weight)[:, None]
    features = method.hidden(z)
    for i in range(4):
        for j in range(i):
            expected = np.linalg.norm(shapes[i] - shapes[j])
            assert np.linalg.norm(features[i] - features[j]) == pytest.approx(expected, rel=1e-6)


def test_stray_is_the_mean_squared_motion_of_what_is_seen(method, model, cases):
    fit = cases["mouth"][0]
    z = method.start(3, generator())
    moved = ((1e3 * (method.decode(z) - fit.vertices)) ** 2).sum(2)
    weight = evidence(fit.visible, model) ** 2
    np.testing.assert_allclose(method.stray(z)[0], moved @ weight / weight.sum(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("term", ["stray", "energy"])
def test_gradients_equal_finite_differences(method, term):
    z = method.start(2, generator())[1:]
    value = getattr(method, term)
    slope = value(z)[1]
    for k in (0, 1, 20, 100):
        step = np.zeros_like(z)
        step[0, k] = 1e-4
        numeric = (value(z + step)[0] - value(z - step)[0])[0] / 2e-4
        assert slope[0, k] == pytest.approx(numeric, rel=1e-4, abs=1e-8)


def test_codes_and_shapes_agree(model, cases):
    """With the fit's own model, the stored codes give the stored shapes."""
    method = method_of("flame+dpp", cases["mouth"][0], model, watched(cases["mouth"][0].visible, model))
    z = method.start(3, generator())
    np.testing.assert_allclose(model.instance(method.codes(z)), method.decode(z), atol=1e-6)


def test_samples_keep_the_bounds(model, cases):
    method = method_of("flame+dpp", cases["mouth"][0], model, watched(cases["mouth"][0].visible, model))
    codes = method.codes(method.start(64, generator()))
    assert (codes > model.lower - 0.02).all()
    assert (codes < model.upper + 0.02).all()


def test_visible_part_stays_and_hidden_part_varies(method, model, cases):
    fit = cases["mouth"][0]
    shapes = 1e3 * (method.decode(method.start(64, generator())) - fit.vertices)
    motion = np.sqrt((shapes**2).sum(2).mean(0))
    seen = evidence(fit.visible, model) == 1
    assert np.sqrt((motion[seen] ** 2).mean()) < 0.7
    lips = 2.0  # mm
    assert np.sqrt((motion[~fit.visible] ** 2).mean()) > lips


def test_posterior_equals_the_textbook(model, cases):
    """Without bounds, covariance of the fit and symmetry: the covariance of Bishop 2.117."""
    fit = replace(cases["mouth"][0], covariance=np.zeros((model.size, model.size), np.float32))
    plain = replace(model, blocks=(Block("identity", 0, model.size),))
    method = linear_posterior(
        replace(fit, model_sha256=plain.digest, code=plain.split(model.join(fit.code))),
        plain,
        watched(fit.visible, model),
        2e-3,
    )
    seen = np.flatnonzero(fit.visible)
    noise = 2e-3 / evidence(fit.visible, model)[seen]
    expected = model.posterior(seen, fit.vertices[seen], noise).covariance
    np.testing.assert_allclose(method.lift.T @ method.lift, expected, atol=1e-8)


def test_latents_are_ordered_by_what_they_hide(method):
    assert (np.diff(method.spread) <= 1e-9).all()
    assert 1 <= method.dimension < len(method.spread) / 2


def test_symmetry_costs_a_wink_and_not_a_blink(model):
    precision = symmetry_precision(model)
    start = model.block("expression").start
    wink, blink = np.zeros(model.size), np.zeros(model.size)
    left, right = (start + model.expression_names.index(f"eyeBlink_{side}") for side in "LR")
    wink[left], blink[[left, right]] = 1.0, np.sqrt(0.5)
    assert wink @ precision @ wink > 20 * (blink @ precision @ blink)
    assert np.linalg.eigvalsh(precision).min() > -1e-9


def test_rare_expressions_stay_rare(model, cases):
    fit = cases["mouth"][0]
    method = linear_posterior(fit, model, watched(fit.visible, model))
    spread = np.sqrt((method.lift**2).sum(0))
    expression = model.block("expression")
    of = dict(zip(model.expression_names, spread[expression.slice], strict=True))
    assert of["mouthFrown_L"] < RARE["mouthFrown"] + 0.01 < 0.5 < of["mouthSmile_L"]
    assert of["mouthRollLower"] < RARE["mouthRoll"] + 0.01 < 0.5 < of["jawOpen"]
    diagonal = np.diag(rarity_precision(model))
    assert (diagonal >= 0).all()
    np.testing.assert_array_equal(diagonal[: expression.start], 0)


def test_local_identity_keeps_expressions_and_about_the_variance(model):
    local = local_identity(model)
    block = model.block("expression")
    np.testing.assert_array_equal(local.basis[local.block("expression").slice], model.basis[block.slice])
    np.testing.assert_array_equal(local.lower[local.block("expression").slice], model.lower[block.slice])
    face = model.topology.regions["narrow_face"] > 0.5
    identity = np.r_[0 : local.block("identity").stop, local.block("local").start : local.size]
    ours = (local.basis[identity][:, face].astype(float) ** 2).sum()
    theirs = (model.basis[: model.block("identity").stop][:, face].astype(float) ** 2).sum()
    assert 0.95 < ours / theirs < 1.02


def test_a_bare_model_without_regions_landmarks_or_mirror_works(cases):
    """What a foreign model may lack: everything that is not needed falls away."""
    rng = np.random.default_rng(1)
    mean, basis = rng.normal(size=(60, 3)) * 0.05, rng.normal(size=(8, 60, 3)).astype(np.float32) * 0.002
    faces = rng.integers(0, 60, (40, 3)).astype(np.int32)
    topology = Topology(
        faces, np.zeros((60, 2), np.float32), faces, np.full(60, -1, np.int32), np.zeros(60, np.uint8)
    )
    bare = FaceModel(
        "bare", "", topology, mean, basis,
        (Block("identity", 0, 5), Block("expression", 5, 8)), (), np.zeros(0),
        np.full(8, -np.inf), np.full(8, np.inf), arkit_map=np.zeros((0, 8)),
    )  # fmt: skip
    code = rng.normal(size=8)
    fit = replace(
        cases["mouth"][0], model="bare", model_sha256=bare.digest, code=bare.split(code),
        vertices=bare.instance(code).astype(np.float32), faces=faces, visible=np.arange(60) < 30,
        covariance=np.eye(8, dtype=np.float32),
    )  # fmt: skip
    for name in LINEAR:
        method = method_of(name, fit, bare, watched(fit.visible, bare))
        assert np.isfinite(method.decode(method.start(4, generator()))).all()
