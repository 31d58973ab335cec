"""The correction by what a fitted face does not explain."""

from __future__ import annotations

import numpy as np

from facekit.segmentation.residual import LARGEST, histogram, log_ratio, settled


def test_evidence_grows_with_what_is_unexplained() -> None:
    rng = np.random.default_rng(0)
    drawn = np.full((1000, 3), 0.6) + 0.02 * rng.standard_normal((1000, 3))
    seen, prior = drawn + 0.02 * rng.standard_normal((1000, 3)), np.full(1000, 0.05)
    seen[:200] = np.array([0.1, 0.4, 0.8]) + 0.02 * rng.standard_normal((200, 3))
    prior[:200] = 0.6
    ratio = log_ratio(seen, drawn, prior)
    assert (ratio[:200] > 1.0).mean() > 0.95
    assert (ratio[200:] < -0.5).mean() > 0.9
    assert np.abs(ratio).max() <= LARGEST


def test_the_histogram_is_a_density() -> None:
    rng = np.random.default_rng(1)
    colours = rng.uniform(0, 1, (4000, 3))
    flat = histogram(colours, np.ones(4000))
    assert abs(flat.mean() - 1) < 0.15
    red = np.tile([0.9, 0.1, 0.1], (100, 1))
    assert histogram(np.concatenate([red, colours]), np.r_[np.ones(100), np.zeros(4000)])[:100].min() > 20
    np.testing.assert_allclose(histogram(colours, np.zeros(4000)), 1.0)


def test_neighbours_agree_and_outside_nothing_changes() -> None:
    seen = np.full((40, 40, 3), 0.5, np.float32)
    seen[10:30, 10:30] = 0.2
    prior, evidence = np.full((40, 40), 0.3, np.float32), np.full((40, 40), -1.0)
    evidence[10:30, 10:30] = 3.0
    evidence[20, 20], evidence[5, 5] = -0.3, 1.5  # one pixel each against its neighbours
    where = np.ones((40, 40), bool)
    where[:, 35:] = False
    found = settled(prior, evidence, seen, where)
    assert (found[12:28, 12:28] > 0.5).all()
    assert found[5, 5] < 0.5
    assert settled(prior, evidence, seen * 0 + 0.5, where)[5, 5] < 0.5
    np.testing.assert_array_equal(found[:, 35:], prior[:, 35:])
