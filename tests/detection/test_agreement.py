"""The robust mean of readings and the set of perturbations."""

import numpy as np

from facekit.detection.agreement import PERTURBATIONS, perturbed, robust_mean
from facekit.detection.crops import Placement


def test_spread_is_the_standard_deviation_of_a_reading() -> None:
    rng = np.random.default_rng(0)
    true = np.array([1.0, 2.0, 0.5])
    mean, spread = robust_mean(rng.normal(size=(4000, 3, 2)) * true[None, :, None])
    assert np.abs(mean).max() < 0.1
    np.testing.assert_allclose(spread / true, spread[0], rtol=0.05)
    assert 0.6 < spread[0] < 1.05  # Cauchy weights make it a little small


def test_one_wild_reading_counts_little() -> None:
    rng = np.random.default_rng(1)
    readings = rng.normal(size=(8, 5, 3)) * 0.1
    readings[3] += 50
    mean, _ = robust_mean(readings)
    assert np.abs(mean).max() < 0.5
    assert np.abs(readings.mean(axis=0)).max() > 5  # where the plain mean fails


def test_equal_readings_have_no_spread() -> None:
    mean, spread = robust_mean(np.ones((8, 4, 3)))
    assert (mean == 1).all()
    assert (spread == 0).all()


def test_perturbations_cancel() -> None:
    shifts = np.array([p[0] for p in PERTURBATIONS])
    np.testing.assert_allclose(shifts.sum(axis=0), 0, atol=1e-9)
    assert abs(sum(p[2] for p in PERTURBATIONS)) < 1e-9
    assert abs(sum(np.log(p[1]) for p in PERTURBATIONS)) < 0.02
    assert sum(p[3] for p in PERTURBATIONS) == len(PERTURBATIONS) / 2
    first, second = perturbed(Placement(np.zeros(2), 10.0), 2)
    assert first[0].side == 10
    assert (first[1], second[1]) == (False, True)
