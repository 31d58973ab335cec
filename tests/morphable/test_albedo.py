"""Laws of the albedo model, on a small one made here, and of the shipped one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.errors import NumericalError
from facekit.files.assets import read_asset_weights
from facekit.files.models import load_model
from facekit.morphable.albedo import AlbedoModel, chart_digest, from_arrays, to_arrays

SIZE, MODES = 16, 6


@pytest.fixture(scope="module")
def model() -> AlbedoModel:
    """Six modes, three symmetric and three antisymmetric, on a chart that does not fill its square."""
    rng = np.random.default_rng(0)
    half = rng.normal(size=(MODES, SIZE, SIZE // 2, 3)).astype(np.float32) * 0.05
    parity = np.array([1, -1, 1, -1, 1, -1], np.float32)
    basis = np.concatenate([half, half[:, :, ::-1] * parity[:, None, None, None]], axis=2)
    mask = np.ones((SIZE, SIZE), bool)
    mask[:3, :4] = mask[:3, -4:] = False
    left = rng.uniform(0.2, 0.6, (SIZE, SIZE // 2, 3)).astype(np.float32)
    mean = np.concatenate([left, left[:, ::-1]], axis=1)
    return AlbedoModel(mean * mask[..., None], basis * mask[..., None], mask)


def noisy(model: AlbedoModel, code: np.ndarray, noise: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    return model.instance(code) + noise * rng.standard_normal(model.mean.shape).astype(np.float32)


def test_code_inverts_instance(model: AlbedoModel) -> None:
    code = np.linspace(-2, 2, MODES)
    np.testing.assert_allclose(model.code(model.instance(code)), code, atol=1e-5)


def test_instance_of_several_codes_is_that_of_each(model: AlbedoModel) -> None:
    codes = np.eye(MODES)[:3]
    together = model.instance(codes)
    assert together.shape == (3, SIZE, SIZE, 3)
    np.testing.assert_array_equal(together[1], model.instance(codes[1]))
    with pytest.raises(ValueError, match="6 numbers"):
        model.instance(np.zeros(MODES + 1))


def test_posterior_recovers_a_code_from_half_the_texels(model: AlbedoModel) -> None:
    code = np.array([1.0, -0.5, 0.3, 1.5, -1.0, 0.2])
    seen = model.mask.copy()
    seen[:, SIZE // 2 :] = False
    found = model.posterior(seen, noisy(model, code, 0.001)[seen], 0.001)
    np.testing.assert_allclose(found.mean, code, atol=0.02)
    assert np.sqrt(np.diag(found.covariance)).max() < 0.02


def test_posterior_without_observations_is_the_prior(model: AlbedoModel) -> None:
    found = model.posterior(np.zeros_like(model.mask), np.zeros((0, 3)), 0.01)
    np.testing.assert_array_equal(found.mean, np.zeros(MODES))
    np.testing.assert_allclose(found.covariance, np.eye(MODES), atol=1e-12)


def test_missing_is_the_same_as_nan_and_as_infinite_noise(model: AlbedoModel) -> None:
    code = np.ones(MODES)
    few, all_texels = model.mask.copy(), model.mask.copy()
    few[SIZE // 2 :] = False
    truth = noisy(model, code, 0.01)
    absent = ~few[all_texels]
    blank = truth[all_texels].copy()
    blank[absent] = np.nan
    sigma = np.where(absent, np.inf, 0.01).astype(np.float32)
    expected = model.posterior(few, truth[few], 0.01).mean
    np.testing.assert_allclose(model.posterior(all_texels, blank, 0.01).mean, expected, atol=1e-5)
    np.testing.assert_allclose(
        model.posterior(all_texels, truth[all_texels], sigma).mean, expected, atol=1e-5
    )


def test_texels_outside_the_chart_do_not_count(model: AlbedoModel) -> None:
    everywhere = np.ones_like(model.mask)
    truth = noisy(model, np.ones(MODES), 0.01)
    wrong = truth.copy()
    wrong[~model.mask] = 7.0
    first = model.posterior(everywhere, truth[everywhere], 0.01).mean
    np.testing.assert_array_equal(first, model.posterior(everywhere, wrong[everywhere], 0.01).mean)


def test_the_robust_posterior_ignores_outliers_and_the_plain_one_does_not(model: AlbedoModel) -> None:
    code = np.array([0.5, 1.0, -1.0, 0.0, 0.5, -0.5])
    truth = noisy(model, code, 0.01)
    truth[4:7, 4:9] = 3.0  # a highlight
    seen = model.mask
    robust = model.posterior(seen, truth[seen], 0.01, robust=True).mean
    plain = model.posterior(seen, truth[seen], 0.01).mean
    assert np.abs(robust - code).max() < 0.1
    assert np.abs(plain - code).max() > 0.3


def test_samples_of_the_posterior_have_its_moments(model: AlbedoModel) -> None:
    seen = model.mask.copy()
    seen[2:] = False
    found = model.posterior(seen, noisy(model, np.ones(MODES), 0.2)[seen], 0.2)
    codes = found.sample(torch.Generator().manual_seed(0), 20000)
    np.testing.assert_allclose(codes.mean(axis=0), found.mean, atol=0.03)
    np.testing.assert_allclose(np.cov(codes.T), found.covariance, atol=0.03)
    again = found.sample(torch.Generator().manual_seed(0), 20000)
    np.testing.assert_array_equal(codes, again)


def test_noise_must_be_positive(model: AlbedoModel) -> None:
    with pytest.raises(NumericalError, match="positive"):
        model.posterior(model.mask, model.mean[model.mask], 0.0)


def test_arrays_bring_the_model_back(model: AlbedoModel) -> None:
    arrays, metadata = to_arrays(model)
    back = from_arrays(arrays, metadata)
    np.testing.assert_array_equal(back.mask, model.mask)
    np.testing.assert_allclose(back.mean, model.mean, atol=3e-4)
    step = np.abs(model.basis).max(axis=(1, 2, 3)) / 127
    assert (np.abs(back.basis - model.basis).max(axis=(1, 2, 3)) <= 0.51 * step).all()


def test_a_lopsided_model_is_refused(model: AlbedoModel) -> None:
    basis = model.basis.copy()
    basis[0, :, 0] += 1.0
    with pytest.raises(ValueError, match="symmetric"):
        to_arrays(AlbedoModel(model.mean, basis, np.ones_like(model.mask)))
    mask = model.mask.copy()
    mask[8, 0] = False
    with pytest.raises(ValueError, match="symmetric"):
        to_arrays(AlbedoModel(model.mean, model.basis, mask))


def test_other_arrays_are_refused(model: AlbedoModel) -> None:
    arrays, metadata = to_arrays(model)
    with pytest.raises(ValueError, match="albedo"):
        from_arrays(arrays, metadata | {"version": "2"})


def test_the_shipped_prior_belongs_to_the_default_chart() -> None:
    arrays, metadata = read_asset_weights("albedo.safetensors")
    assert metadata["chart"] == chart_digest(load_model("default").topology)
    shipped = from_arrays(arrays, metadata)
    np.testing.assert_array_equal(shipped.mean, shipped.mean[:, ::-1])
    np.testing.assert_array_equal(shipped.mask, shipped.mask[:, ::-1])
    assert 0.1 < shipped.mean[shipped.mask].mean() < 0.5
    assert (shipped.mean[shipped.mask] > 0).all()
    code = np.linspace(-1, 1, shipped.size)
    seen = shipped.mask.copy()
    seen[:, 128:] = False
    found = shipped.posterior(seen, shipped.instance(code)[seen], 0.001)
    symmetric = arrays["parity"] > 0
    np.testing.assert_allclose(found.mean[symmetric], code[symmetric], atol=0.1)
