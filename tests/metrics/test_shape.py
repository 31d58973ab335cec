"""The papers' figures on shapes whose answers are known."""

import numpy as np
import pytest

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.metrics import (
    average_self_distance,
    closest_sample_error,
    mean_shape_error,
    rms_distance,
    self_distances,
)

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(40, 3))
HIDDEN = np.arange(40) < 15


def test_a_shift_is_its_own_length():
    shift = np.array([0.3, -0.4, 0.0])
    assert rms_distance(TRUTH, TRUTH + shift) == pytest.approx(0.5)
    assert mean_shape_error(TRUTH + shift, TRUTH) == pytest.approx(0.5)


def test_mean_and_rms_differ_for_uneven_errors():
    moved = TRUTH.copy()
    moved[0, 0] += 4.0
    assert mean_shape_error(moved, TRUTH) == pytest.approx(0.1)
    assert rms_distance(moved, TRUTH) == pytest.approx(4.0 / np.sqrt(40))


def test_closest_sample_is_the_nearest_in_the_region():
    near, far = TRUTH.copy(), TRUTH.copy()
    near[HIDDEN] += [0.1, 0, 0]
    far[~HIDDEN] += [0.2, 0, 0]
    shapes = np.stack([near, far])
    assert closest_sample_error(shapes, TRUTH, HIDDEN) == pytest.approx(0.0)
    assert closest_sample_error(shapes, TRUTH, ~HIDDEN) == pytest.approx(0.0)
    assert closest_sample_error(shapes[:1], TRUTH, HIDDEN) == pytest.approx(0.1)
    assert closest_sample_error(shapes, TRUTH) == pytest.approx(0.1 * np.sqrt(15 / 40))


def test_self_distance_uses_the_nearest_other_sample():
    """Hidden part at 0, 1 and 3 mm: nearest distances 1, 1, 2."""
    shapes = np.stack([TRUTH + HIDDEN[:, None] * np.array([x, 0, 0]) for x in (0.0, 1.0, 3.0)])
    assert average_self_distance(shapes, HIDDEN) == pytest.approx(4 / 3)
    assert average_self_distance(shapes, ~HIDDEN) == pytest.approx(0.0, abs=1e-7)
    between = self_distances(shapes, HIDDEN)
    np.testing.assert_allclose(between, [[0, 1, 3], [1, 0, 2], [3, 2, 0]], atol=1e-7)


def test_self_distances_equal_the_plain_loop():
    shapes = RNG.normal(size=(6, 40, 3))
    between = self_distances(shapes)
    for i in range(6):
        for j in range(6):
            assert between[i, j] == pytest.approx(rms_distance(shapes[i], shapes[j]), abs=1e-9)


def test_an_empty_region_is_refused():
    nobody = np.zeros(40, bool)
    for measure in (mean_shape_error, closest_sample_error):
        with pytest.raises(ValueError, match="no vertex"):
            measure(np.stack([TRUTH, TRUTH]), TRUTH, nobody)
    with pytest.raises(ValueError, match="no vertex"):
        average_self_distance(np.stack([TRUTH, TRUTH]), nobody)


def test_errors_are_taken_after_the_alignment_that_is_asked_for():
    turn = axis_angle_to_matrix(np.array([0.1, -0.3, 0.2]))
    moved = 1.5 * TRUTH @ turn.T + [1.0, 2.0, 3.0]
    assert mean_shape_error(moved, TRUTH, how="similarity") == pytest.approx(0, abs=1e-9)
    assert closest_sample_error(moved[None], TRUTH, how="similarity") == pytest.approx(0, abs=1e-9)
    assert mean_shape_error(moved, TRUTH, how="rigid") > 0.1
    assert mean_shape_error(moved, TRUTH) > 3


def test_the_alignment_looks_at_its_own_vertices_alone():
    """Where only the hidden part moved, an alignment on the visible part leaves that movement as it is."""
    moved = TRUTH + HIDDEN[:, None] * np.array([2.0, 0, 0])
    assert mean_shape_error(moved, TRUTH, HIDDEN, "rigid", ~HIDDEN) == pytest.approx(2.0)
    assert mean_shape_error(moved, TRUTH, HIDDEN, "rigid") < 1.9


def test_one_sample_has_no_self_distance():
    with pytest.raises(ValueError, match="two"):
        average_self_distance(TRUTH[None])
