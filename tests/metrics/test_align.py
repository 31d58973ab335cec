"""Alignments: what each of them undoes, and what it leaves."""

import numpy as np
import pytest

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.metrics import ALIGNMENTS, align

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(30, 3))
TURN = axis_angle_to_matrix(np.array([0.4, 0.2, -0.3]))


def off(shape: np.ndarray) -> float:
    return float(np.abs(shape - TRUTH).max())


@pytest.mark.parametrize(
    ("how", "undoes_a_turn", "undoes_a_scale"),
    [("none", False, False), ("rigid", True, False), ("similarity", True, True)],
)
def test_what_is_undone(how: str, undoes_a_turn: bool, undoes_a_scale: bool) -> None:
    assert (off(align(TRUTH @ TURN.T + 5, TRUTH, how)) < 1e-9) == undoes_a_turn
    assert (off(align(1.2 * TRUTH, TRUTH, how)) < 1e-9) == undoes_a_scale


@pytest.mark.parametrize("how", ALIGNMENTS)
def test_the_truth_stays_where_it_is(how: str) -> None:
    assert off(align(TRUTH, TRUTH, how)) < 1e-9


@pytest.mark.parametrize("how", ["rigid", "similarity"])
def test_no_small_movement_is_nearer(how: str) -> None:
    shape = TRUTH @ TURN.T + RNG.normal(scale=0.2, size=TRUTH.shape)
    best = align(shape, TRUTH, how)
    cost = np.sum((best - TRUTH) ** 2)
    for _ in range(20):
        turn = axis_angle_to_matrix(RNG.normal(scale=0.02, size=3))
        scale = np.exp(RNG.normal(scale=0.02)) if how == "similarity" else 1.0
        other = scale * best @ turn.T + RNG.normal(scale=0.01, size=3)
        assert np.sum((other - TRUTH) ** 2) >= cost


def test_a_mirror_image_is_not_undone() -> None:
    assert off(align(TRUTH * [-1, 1, 1], TRUTH, "similarity")) > 0.1


def test_each_of_several_shapes_is_laid_on_the_truth_by_itself() -> None:
    shapes = np.stack([TRUTH + 1, 2 * TRUTH @ TURN.T])
    assert off(align(shapes, TRUTH, "similarity")) < 1e-9


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no alignment procrustes"):
        align(TRUTH, TRUTH, "procrustes")
    with pytest.raises(ValueError, match="at least 3"):
        align(TRUTH, TRUTH, "rigid", np.arange(30) < 2)
