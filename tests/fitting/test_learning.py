"""Detector statistics: what was put into invented detections comes out again, and it makes fits better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from invented_faces import CENTRE, IDENTITY, code, face_model, plain, view

from facekit.errors import NumericalError
from facekit.fitting import learning
from facekit.fitting.landmark_fit import fit_landmarks
from facekit.fitting.landmark_model import LandmarkModel, landmark_model
from facekit.fitting.learning import Example, gaps, learn, learn_factors, smooth_correlation
from facekit.fitting.problem import Observations
from facekit.fitting.statistics import DetectorStatistics, angle_terms

COUNT = 40  # landmarks


@pytest.fixture(scope="module")
def shape() -> LandmarkModel:
    return landmark_model(face_model(), "mediapipe478").at(np.arange(COUNT))


def examples(shape: LandmarkModel, count: int, seed: int) -> list[Example]:
    """Detections that lie 3 mm off, show only 60 % of a person's difference, and err together."""
    rng = np.random.default_rng(seed)
    offset = np.random.default_rng(9).normal(0, 3e-3, (COUNT, 3))
    wave = np.random.default_rng(8).normal(0, 1e-3, (2, COUNT, 2))
    out = []
    for n in range(count):
        seen, truth = (
            view(rng.uniform(-0.6, 0.6), rng.uniform(-0.2, 0.2), rng.normal(0, 0.2)),
            code(1000 * seed + n),
        )
        shown = truth.copy()
        shown[:IDENTITY] *= 0.6
        points = seen.project(shape.points(shown) + offset)
        error = np.tensordot(rng.standard_normal(2), wave, 1) + rng.normal(0, 3e-4, (COUNT, 2))
        out.append(Example(seen, truth, points + error * seen.scale, occluded=False))
    return out


@pytest.fixture(scope="module")
def learned(shape: LandmarkModel) -> DetectorStatistics:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "SHRINKAGE", 1.0)  # these errors are not smooth over the face
        return learn(examples(shape, 400, 1), shape, ridge=1.0, factors=4)


def test_offset_and_attenuation_are_found(shape: LandmarkModel, learned: DetectorStatistics) -> None:
    basis = shape.modes.transpose(2, 0, 1)[:IDENTITY]
    change = learned.change[:IDENTITY] / np.abs(basis).max()
    expected = -0.4 * basis / np.abs(basis).max()
    assert np.corrcoef(change.ravel(), expected.ravel())[0, 1] > 0.9
    offset = np.random.default_rng(9).normal(0, 3e-3, (COUNT, 3))
    assert np.abs(angle_terms(0.0, 0.0) @ learned.offset.reshape(6, -1) - offset.ravel()).mean() < 6e-4


def test_scatter_is_that_of_new_examples(shape: LandmarkModel, learned: DetectorStatistics) -> None:
    ratios, index = [], np.arange(COUNT)
    for e in examples(shape, 100, 2):
        noise = learned.clean.noise(e.view, index)
        one = replace(e, code=e.code)
        error = gaps([one], learned.model(shape, e.view, index))[0].ravel()
        covariance = np.diag(noise.variance) + noise.factors.T @ noise.factors
        ratios.append(error @ np.linalg.solve(covariance, error) / (2 * COUNT))
    assert 0.7 < np.mean(ratios) < 2.2  # few examples: the covariance is known to a factor of two


def test_fits_become_better(shape: LandmarkModel, learned: DetectorStatistics) -> None:
    index = np.arange(COUNT)
    naive, informed = [], []
    for e in examples(shape, 15, 3):
        known = Observations(
            e.points, lambda v: learned.model(shape, v, index), lambda v: learned.clean.noise(v, index)
        )
        for observations, errors in ((plain(e.points, shape, 3e-3), naive), (known, informed)):
            fit = fit_landmarks(observations, 1100.0, CENTRE)
            gap = shape.points(fit.code) - shape.points(e.code)
            errors.append(np.linalg.norm(gap - gap.mean(0), axis=1).mean())
    assert np.mean(informed) < 0.6 * np.mean(naive)


def test_stored_and_read_back(learned: DetectorStatistics) -> None:
    back = DetectorStatistics.from_arrays(learned.arrays())
    np.testing.assert_allclose(back.change, learned.change, atol=1e-6)
    np.testing.assert_allclose(back.clean.factors, learned.clean.factors, atol=1e-3)


def test_factors_of_data_with_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "SHRINKAGE", 0.0)
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.1, 0.1, (15, 3))
    loading = rng.normal(size=(2, 30)) * 0.6
    data = rng.standard_normal((6000, 2)) @ loading + 0.5 * rng.standard_normal((6000, 30))
    data[rng.random(data.shape) < 0.2] = np.nan
    unique, factors = learn_factors(data, 2, places)
    np.testing.assert_allclose(factors.T @ factors, loading.T @ loading, atol=0.25)
    np.testing.assert_allclose(unique, 0.25, atol=0.15)


def test_smooth_correlation_finds_its_length() -> None:
    places = np.random.default_rng(1).uniform(-0.1, 0.1, (40, 3))
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    truth = np.kron(0.7 * np.exp(-distance / 0.03) + 0.3 * np.eye(40), np.eye(2))
    np.testing.assert_allclose(smooth_correlation(places, truth), truth, atol=0.03)


def test_too_few_examples(shape: LandmarkModel) -> None:
    with pytest.raises(NumericalError, match="at least 30"):
        learn(examples(shape, 10, 1), shape)
