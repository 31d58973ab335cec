"""Crossing triangles, lips that pass each other, distances from the average face."""

import numpy as np
import pytest

from facekit.files.models import load_model
from facekit.metrics import crossing_pairs, crossing_triangles, mahalanobis
from facekit.morphable.model import FaceModel

FLAT = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
TWO = np.array([[0, 1, 2], [3, 4, 5]])


@pytest.fixture(scope="module")
def head() -> FaceModel:
    return load_model()


def pierced(height: float, aside: float = 0.0) -> np.ndarray:
    """A level triangle, and an upright one that reaches from ``height`` below it to above it."""
    upright = np.array([[0.2, 0.2, -height], [0.3, 0.2, 1], [0.2, 0.3, 1]]) + np.array([aside, 0, 0])
    return np.concatenate([FLAT, upright])


def test_a_triangle_through_another_is_found() -> None:
    assert crossing_triangles(pierced(1.0), TWO).tolist() == [0, 1]


@pytest.mark.parametrize("shape", [pierced(-0.1), pierced(1.0, aside=2.0), pierced(1.0, aside=-1.0)])
def test_triangles_apart_are_not(shape: np.ndarray) -> None:
    assert crossing_triangles(shape, TWO).tolist() == []


def test_neighbours_do_not_count() -> None:
    """Triangles that share a corner always touch."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], float)
    assert crossing_triangles(vertices, np.array([[0, 1, 2], [0, 3, 4], [1, 2, 3]])).tolist() == []


def test_any_number_of_triangles_as_the_plain_loop() -> None:
    rng = np.random.default_rng(0)
    vertices = rng.uniform(size=(90, 3))
    faces = np.arange(90).reshape(30, 3)
    found = set(crossing_triangles(vertices, faces).tolist())
    pairs = [(i, j) for i in range(30) for j in range(i)]
    plain = {k for i, j in pairs if len(crossing_triangles(vertices, faces[[i, j]])) for k in (i, j)}
    assert found == plain
    assert 0 < len(found) <= 30


def test_no_triangles_no_crossings() -> None:
    assert crossing_triangles(FLAT, np.zeros((0, 3), int)).tolist() == []


def test_lips_and_lids_that_pass_are_counted() -> None:
    points = np.zeros((68, 3))
    points[[61, 62, 63, 37, 38, 43, 44], 1] = 0.01
    through = points.copy()
    through[[61, 37], 1] = -0.001
    assert crossing_pairs(np.stack([points, through])).tolist() == [0, 2]
    assert crossing_pairs(through, depth=0.002) == 0


def test_the_distance_is_one_for_a_code_of_ones(head: FaceModel) -> None:
    assert mahalanobis(head, head.mean) == pytest.approx(0, abs=1e-9)
    code = np.ones(head.size)
    assert mahalanobis(head, head.instance(code)) == pytest.approx(1, abs=1e-3)
    assert mahalanobis(head, np.stack([head.mean, head.instance(2 * code)]))[1] == pytest.approx(2, abs=2e-3)
