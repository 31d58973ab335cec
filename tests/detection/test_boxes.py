"""Windows over the photo, overlap and suppression."""

import numpy as np
import pytest

from facekit.detection.boxes import Box, _windows, intersection_over_union, suppress
from facekit.detection.crops import Placement


def box(x: float, y: float, side: float, score: float) -> Box:
    return Box(score, Placement(np.array([x, y]), side))


def test_overlap_against_counted_pixels() -> None:
    a, b = np.array([0, 0, 6, 4]), np.array([3, 1, 9, 8])
    grid = np.zeros((2, 10, 10), bool)
    for mask, (x0, y0, x1, y1) in zip(grid, (a, b), strict=True):
        mask[y0:y1, x0:x1] = True
    assert intersection_over_union(a, b) == pytest.approx(grid.all(axis=0).sum() / grid.any(axis=0).sum())
    assert intersection_over_union(a, b + 20) == 0


def test_the_best_of_overlapping_boxes_stays() -> None:
    near, far = box(10, 10, 10, 0.5), box(50, 10, 10, 0.4)
    best = box(11, 10, 10, 0.9)
    assert suppress([near, far, best]) == [best, far]


@pytest.mark.parametrize("size", [(512, 512), (1000, 400), (300, 900)])
@pytest.mark.parametrize("level", [0, 1])
def test_every_small_face_lies_whole_in_some_window(size: tuple[int, int], level: int) -> None:
    windows = _windows(size, level, 0.0)
    face = min(max(size) / 2**level / 2, 0.9 * min(size))
    for centre in np.random.default_rng(0).uniform([face / 2] * 2, np.array(size) - face / 2, (200, 2)):
        assert any((np.abs(w.centre - centre) <= (w.side - face) / 2 + 1e-6).all() for w in windows)


def test_no_windows_smaller_than_worth_it() -> None:
    assert _windows((300, 300), 2, 0.0) == []
