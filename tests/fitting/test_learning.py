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
from facekit.fitting.problem import CodePrior, Observations, Problem, State
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
        noise = learned.clean.at(index).noise(e.view)
        one = replace(e, code=e.code)
        error = gaps([one], learned.seen(shape, index).model(e.view))[0].ravel()
        covariance = np.diag(noise.variance) + noise.factors.T @ noise.factors
        ratios.append(error @ np.linalg.solve(covariance, error) / (2 * COUNT))
    assert 0.7 < np.mean(ratios) < 2.2  # few examples: the covariance is known to a factor of two


def test_fits_become_better(shape: LandmarkModel, learned: DetectorStatistics) -> None:
    index = np.arange(COUNT)
    naive, informed = [], []
    for e in examples(shape, 15, 3):
        seen = learned.seen(shape, index)
        known = Observations(e.points, seen.model, learned.clean.at(index).noise, seen.drift)
        for observations, errors in ((plain(e.points, shape, 3e-3), naive), (known, informed)):
            fit = fit_landmarks(observations, 1100.0, CENTRE)
            gap = shape.points(fit.code) - shape.points(e.code)
            errors.append(np.linalg.norm(gap - gap.mean(0), axis=1).mean())
    assert np.mean(informed) < 0.6 * np.mean(naive)


def test_one_optimum_from_wherever_the_descent_starts(
    shape: LandmarkModel, learned: DetectorStatistics
) -> None:
    """The points slide over the head as it turns; without their slopes the answer depends on the path."""
    offset = learned.offset.copy()
    offset[1:3] += np.random.default_rng(4).normal(0, 4e-3, (2, COUNT, 3))
    seen = replace(learned, offset=offset).seen(shape, np.arange(COUNT))
    truth, turned = code(5), view(0.5, -0.2, 0.1)
    noise = np.random.default_rng(6).normal(0, 0.5, (COUNT, 2))
    points = turned.project(seen.model(turned).points(truth)) + noise
    obs = Observations(points, seen.model, learned.clean.noise, seen.drift)
    first = fit_landmarks(obs, 1100.0, CENTRE, 60, 1e-6)
    far = replace(
        first, view=first.view.moved(np.r_[0.1, -0.2, 0.1, 5, -5, 0.1, 0.2]), code=np.zeros(shape.size)
    )
    second = fit_landmarks(obs, 1100.0, CENTRE, 60, 1e-6, start=far)
    assert first.converged
    assert second.converged
    np.testing.assert_allclose(first.code, second.code, atol=1e-3)
    np.testing.assert_allclose(first.view.rotation, second.view.rotation, atol=1e-4)
    loose = fit_landmarks(obs, 1100.0, CENTRE)
    np.testing.assert_allclose(loose.code, first.code, atol=0.2)
    blind = replace(obs, drift=None)  # steps that ignore the sliding stop elsewhere or do not settle
    lost = fit_landmarks(blind, 1100.0, CENTRE, 60, 1e-6, start=far)
    assert not lost.converged or np.abs(lost.code - first.code).max() > 0.01


def test_drift_matches_differences(shape: LandmarkModel, learned: DetectorStatistics) -> None:
    index = np.arange(COUNT)
    seen = replace(learned, offset=np.random.default_rng(1).normal(0, 4e-3, (6, COUNT, 3))).seen(shape, index)
    obs = Observations(np.zeros((COUNT, 2)), seen.model, learned.clean.noise, seen.drift)
    problem, start = Problem(obs, 1100.0, CodePrior.standard(shape.size)), view(0.3, 0.2, 0.1)
    state = State.at(obs, start, np.clip(code(), shape.lower, shape.upper), np.zeros(0))
    for k in range(7):
        step = np.zeros(7 + shape.size)
        step[k] = 1e-3 if k in (3, 4) else 1e-6
        ahead, back = (state.moved(s, np.zeros(0), obs) for s in (step, -step))
        number = (problem.residual(back, start) - problem.residual(ahead, start)) / (2 * step[k])
        np.testing.assert_allclose(problem.slopes(state).pose[:, :, k].ravel(), number, atol=1e-5, rtol=1e-4)


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
