"""Laws of a face model as a Gaussian, for every model alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from facekit.errors import NumericalError
from facekit.morphable.model import FaceModel

MICROMETRE = 1e-6


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def codes(model: FaceModel, n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, model.size))


def test_code_inverts_instance_where_modes_are_independent(default: FaceModel, small: FaceModel) -> None:
    for model in (default, small):
        c = codes(model, 3)
        assert_allclose(model.code(model.instance(c)), c, atol=1e-6)


def test_instance_of_code_is_the_mesh(model: FaceModel) -> None:
    meshes = model.instance(codes(model, 2))
    assert_allclose(model.instance(model.code(meshes)), meshes, atol=MICROMETRE)
    off = meshes + 0.001 * np.random.default_rng(1).standard_normal(meshes.shape)
    assert np.abs(model.instance(model.code(off)) - off).max() > 100 * MICROMETRE  # noise is not in the span


def test_instance_keeps_leading_axes_and_refuses_other_sizes(model: FaceModel) -> None:
    assert model.instance(np.zeros((2, 4, model.size))).shape == (2, 4, *model.mean.shape)
    assert_allclose(model.instance(np.zeros(model.size)), model.mean)
    with pytest.raises(ValueError, match="numbers"):
        model.instance(np.zeros(model.size + 1))


def test_log_prob_is_that_of_a_standard_normal(model: FaceModel) -> None:
    c = codes(model, 2)
    expected = torch.distributions.Normal(0, 1).log_prob(torch.from_numpy(c)).sum(1).numpy()
    assert_allclose(model.log_prob(c), expected)


def test_samples_are_normal_and_inside_the_bounds(model: FaceModel) -> None:
    n = 3000
    c = model.sample(draw(0), n)
    assert ((c >= model.lower) & (c <= model.upper)).all()
    assert_allclose(c, model.sample(draw(0), n))
    free = np.isinf(model.lower)
    assert np.abs(c[:, free].mean(axis=0)).max() < 5 / np.sqrt(n)
    assert np.abs(c[:, free].var(axis=0) - 1).max() < 5 * np.sqrt(2 / n)
    wide = (model.lower == 0) & (model.upper > 4.5)
    if wide.any():  # nearly a half-normal
        assert np.abs(c[:, wide].mean(axis=0) - np.sqrt(2 / np.pi)).max() < 5 * 0.603 / np.sqrt(n)


def test_posterior_is_the_dense_closed_form(small: FaceModel) -> None:
    rng = np.random.default_rng(3)
    index = np.array([0, 5, 9, 20, 31])
    seen, noise = rng.normal(size=(5, 3)) * 0.01, rng.uniform(0.001, 0.01, (5, 3))
    found = small.posterior(index, seen, noise)
    modes = small.basis[:, index].reshape(small.size, -1).astype(float)
    joint = modes.T @ modes + np.diag(noise.ravel() ** 2)  # condition in observation space
    gain = modes @ np.linalg.inv(joint)
    assert_allclose(found.mean, gain @ (seen - small.mean[index]).ravel(), atol=1e-9)
    assert_allclose(found.covariance, np.eye(small.size) - gain @ modes.T, atol=1e-9)


def test_posterior_agrees_with_simulation(small: FaceModel) -> None:
    rng = np.random.default_rng(4)
    index, n, noise = np.arange(0, 35, 3), 3000, 0.002
    truth = rng.standard_normal((n, small.size))
    seen = small.instance(truth)[:, index] + noise * rng.standard_normal((n, len(index), 3))
    found = [small.posterior(index, s, noise) for s in seen[:200]]
    errors = truth[:200] - np.stack([f.mean for f in found])
    root = np.linalg.cholesky(np.linalg.inv(found[0].covariance))
    white = errors @ root
    assert np.abs(white.mean(axis=0)).max() < 5 / np.sqrt(200)
    assert np.abs(np.cov(white.T) - np.eye(small.size)).max() < 5 * np.sqrt(2 / 200)
    assert np.abs(np.cov((2 * errors @ root).T) - np.eye(small.size)).max() > 5 * np.sqrt(2 / 200)


def test_missing_observations_leave_the_prior(model: FaceModel) -> None:
    index = np.arange(4)
    seen = model.mean[index] + 0.003
    some = model.posterior(index[:2], seen[:2], 0.001)
    blind = model.posterior(index, np.where(np.arange(4)[:, None] < 2, seen, np.nan), 0.001)
    infinite = model.posterior(index, seen, np.array([0.001, 0.001, np.inf, np.inf]))
    for other in (blind, infinite):
        assert_allclose(other.mean, some.mean, atol=1e-12)
        assert_allclose(other.covariance, some.covariance, atol=1e-12)
    nothing = model.posterior(index, np.full((4, 3), np.nan), 0.001)
    assert_allclose(nothing.covariance, np.eye(model.size))
    with pytest.raises(NumericalError, match="positive"):
        model.posterior(index, seen, 0.0)


def test_posterior_samples_and_model_agree(model: FaceModel) -> None:
    index = np.linspace(0, len(model.mean) - 1, 12).astype(int)
    found = model.posterior(index, model.mean[index] + 0.002, 0.002)
    assert_allclose(found.root.T @ found.root, found.covariance, atol=1e-9)
    n = 2000
    drawn = found.sample(draw(1), n)
    spread = np.sqrt(np.diag(found.covariance))
    assert (np.abs(drawn.mean(axis=0) - found.mean) < 5 * spread / np.sqrt(n)).all()
    after = found.model()
    z = np.random.default_rng(2).standard_normal(model.size)
    assert_allclose(after.instance(z), model.instance(found.mean + z @ found.root), atol=MICROMETRE)


def test_marginal_is_the_model_of_those_vertices(model: FaceModel) -> None:
    index = np.r_[3, 8, 1, 20:30]
    part, c = model.marginal(index), codes(model, 2)
    assert_allclose(part.instance(c), model.instance(c)[:, index], atol=1e-12)
    assert part.topology.faces.size == 0 or part.topology.faces.max() < len(index)
    seen = model.mean[index] + 0.001
    one, other = part.posterior(np.arange(len(index)), seen, 0.001), model.posterior(index, seen, 0.001)
    assert_allclose(one.mean, other.mean, atol=1e-9)


def test_truncate_keeps_the_leading_modes(model: FaceModel) -> None:
    rank = 3
    short = model.truncate(rank)
    assert short.block("identity").size == rank
    assert short.size == model.size - model.block("identity").size + rank
    for name in ("expression", "local"):
        kept, whole = short.basis[short.block(name).slice], model.basis[model.block(name).slice]
        assert np.array_equal(kept, whole)
    assert np.array_equal(short.basis[:rank], model.basis[:rank])
    c = np.zeros(short.size)
    c[short.block("expression").start] = 1.0
    assert short.arkit(c).shape == (len(model.expression_names),)
    with pytest.raises(ValueError, match="rank"):
        model.truncate(10_000)


def test_mirrored_codes_make_mirrored_faces(model: FaceModel) -> None:
    c = codes(model, 2)
    turned = model.instance(model.mirror_code(c))
    atol = 200 * MICROMETRE if model.block("local").size else MICROMETRE  # region PCA is cut off: 0.1 mm seen
    assert_allclose(turned, model.topology.mirrored(model.instance(c)), atol=atol)
    assert_allclose(model.topology.mirrored(model.topology.mirrored(turned)), turned, atol=1e-15)
    assert np.abs(turned - model.instance(c)).max() > 1000 * MICROMETRE  # these faces are not symmetric


def test_split_and_join_are_inverse(model: FaceModel) -> None:
    c = codes(model, 1)[0].astype(np.float32)
    record = model.split(c, albedo=np.ones(2))
    assert record.albedo.shape == (2,)
    assert_allclose(model.join(record), c)
    with pytest.raises(ValueError, match="modes"):
        model.join(model.truncate(2).split(c[: model.truncate(2).size]))


def test_bounds_are_arkit_weights_up_to_one(default: FaceModel) -> None:
    block = default.block("expression")
    assert (default.lower[block.slice] == 0).all()
    most = default.upper[block.slice] * default.expression_scale
    close = np.array([name == "mouthClose" for name in default.expression_names])
    assert_allclose(most[~close], 1.0)
    assert (most[close] < 0.2).all()
    assert_allclose(default.arkit(np.where(np.isfinite(default.upper), default.upper, 0.0)), most)


def test_global_local_finds_the_arkit_weights(default: FaceModel, local: FaceModel) -> None:
    code = np.zeros(default.size)
    at = default.block("expression").start + default.expression_names.index("jawOpen")
    code[at] = 0.8 / default.expression_scale[default.expression_names.index("jawOpen")]
    weights = local.arkit(local.code(default.instance(code)))
    assert weights.shape == (53,)
    assert abs(weights[default.expression_names.index("jawOpen")] - 0.8) < 0.05
    assert np.delete(weights, default.expression_names.index("jawOpen")).max() < 0.15


def test_digest_follows_the_arrays(small: FaceModel) -> None:
    from dataclasses import replace

    assert replace(small).digest == small.digest
    assert replace(small, mean=small.mean + 1e-9).digest != small.digest
    assert replace(small, expression_names=("a", "b", "c")).digest != small.digest
