"""The landmark fit finds what the picture was made from, keeps its bounds, and shrugs off outliers."""

from __future__ import annotations

import numpy as np
import pytest
from invented_faces import CENTRE, IDENTITY, code, face_model, plain, view

from facekit.errors import NumericalError
from facekit.fitting.landmark_fit import first_view, fit_landmarks
from facekit.fitting.landmark_model import LandmarkModel, landmark_model


@pytest.fixture(scope="module")
def shape() -> LandmarkModel:
    return landmark_model(face_model(), "mediapipe478")


@pytest.mark.parametrize(
    ("yaw", "roll", "focal"), [(0.0, 0.0, 900.0), (0.6, 0.3, 1500.0), (-0.5, -0.6, 700.0)]
)
def test_recovers_the_truth_from_noiseless_landmarks(
    shape: LandmarkModel, yaw: float, roll: float, focal: float
) -> None:
    truth, seen = code(1), view(yaw, 0.1, roll, focal)
    fit = fit_landmarks(plain(seen.project(shape.points(truth)), shape, 1e-5), 1030.0, CENTRE, 60, 1e-5)
    assert fit.converged
    np.testing.assert_allclose(fit.code, truth, atol=2e-3)
    np.testing.assert_allclose(fit.view.rotation, seen.rotation, atol=1e-4)
    assert fit.view.focal == pytest.approx(focal, rel=2e-3)
    assert np.abs(fit.residual).max() < 0.01


def test_noise_and_prior_balance(shape: LandmarkModel) -> None:
    """Averaged over faces, the spread of the error is what the covariance says, not half or twice that."""
    ratios = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = code(seed)
        points = view().project(shape.points(truth)) + rng.normal(0, 1.5e-3 * 1500, (478, 2))
        fit = fit_landmarks(plain(points, shape, 1.5e-3), 1100.0, CENTRE)
        gap = (fit.code - truth)[:IDENTITY]
        ratios.append(gap @ np.linalg.solve(fit.covariance[:IDENTITY, :IDENTITY], gap) / IDENTITY)
    assert 0.5 < np.mean(ratios) < 2.0


def test_bounds_hold_and_are_reported(shape: LandmarkModel) -> None:
    truth = code(2)
    truth[IDENTITY:] = [-1.0, 4.0, 1.0, 0.5]  # outside, outside, inside, inside
    fit = fit_landmarks(plain(view().project(shape.points(truth)), shape, 3e-4), 1100.0, CENTRE)
    expressions = fit.code[IDENTITY:]
    assert expressions[0] == 0.0
    assert expressions[1] == 2.5
    np.testing.assert_array_equal(fit.at_bound[IDENTITY:], [True, True, False, False])


def test_outliers_do_not_matter_much(shape: LandmarkModel) -> None:
    truth = code(3)
    points = view().project(shape.points(truth)) + np.random.default_rng(0).normal(0, 0.75, (478, 2))
    clean = fit_landmarks(plain(points, shape, 5e-4), 1100.0, CENTRE)
    points[::12] += 40.0
    spoiled = fit_landmarks(plain(points, shape, 5e-4), 1100.0, CENTRE)
    before = np.linalg.norm(shape.points(clean.code) - shape.points(truth), axis=1).mean()
    after = np.linalg.norm(shape.points(spoiled.code) - shape.points(truth), axis=1).mean()
    assert after < 2 * before
    assert spoiled.weights[::12].max() < 0.05


def test_first_view_is_exact_for_a_distant_camera(shape: LandmarkModel) -> None:
    seen = view(0.4, -0.2, 0.5, focal=1e7)
    start = first_view(seen.project(shape.mean), shape.mean, 1e7, CENTRE)
    np.testing.assert_allclose(start.rotation, seen.rotation, atol=1e-4)
    assert start.scale == pytest.approx(seen.scale, rel=1e-4)


def test_too_few_landmarks(shape: LandmarkModel) -> None:
    five = shape.at(np.arange(5))
    with pytest.raises(NumericalError, match="only 5 landmarks"):
        fit_landmarks(plain(view().project(five.mean), five, 1e-3), 1100.0, CENTRE)


def test_landmarks_in_one_point(shape: LandmarkModel) -> None:
    with pytest.raises(NumericalError, match="point or a line"):
        fit_landmarks(plain(np.full((478, 2), 200.0), shape, 1e-3), 1100.0, CENTRE)
