"""Flat things before a face: where they are drawn and how they are laid over each other."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.synthetic.drawn import Drawn, any_colour, over, relief, slope, stack, weave
from facekit.synthetic.face import SyntheticFace
from facekit.synthetic.layout import Layout, curve
from facekit.synthetic.photo import SyntheticPhoto

SHAPE = (60, 80)
PLAIN = Layout(SHAPE, np.array([[20.0, 0, 40], [0, 20, 30]]))


def test_the_layout_of_a_face(model: FaceModel, face: SyntheticFace, photo: SyntheticPhoto) -> None:
    points = model.topology.embeddings["ibug68"].points(photo.vertices.astype(np.float64))
    marks = project_points(photo.camera, points)[:, :2]
    layout = Layout.of(marks, photo.image.shape)
    eyes, chin = layout.pixels(np.array([(0.0, 0.0), (0.0, 1.0)]))
    size = np.linalg.norm(marks[8] - marks[36:48].mean(axis=0))
    assert np.linalg.norm(eyes - marks[36:48].mean(axis=0)) < 0.12 * size
    assert np.linalg.norm(chin - marks[8]) < 0.12 * size
    assert layout.unit == pytest.approx(size, rel=0.15)
    x, y = layout.coordinates()
    row, column = np.floor(chin[::-1]).astype(int)
    assert abs(y[row, column] - 1) < 0.05
    assert abs(x[row, column]) < 0.05
    side, down = layout.upright.matrix[:, 0], layout.upright.matrix[:, 1]
    assert side @ down == pytest.approx(0)
    assert np.linalg.norm(side) == pytest.approx(np.linalg.norm(down))


def test_filling_and_lines() -> None:
    box = PLAIN.fill(np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]))
    assert box.sum() == pytest.approx(41 * 41, rel=0.05)
    assert box[30, 40] == 1
    line = PLAIN.line(np.array([(-1.0, 0), (1, 0)]), 0.2)
    assert line[30, 40] > 0.9
    assert line[20, 40] == 0
    assert PLAIN.line(np.array([(-1.0, 0), (1, 0)]), 0.02).max() < 0.6  # thinner than a pixel: fainter


def test_a_curve_goes_through_its_points() -> None:
    points = np.array([(0.0, 0.0), (1, 2), (3, 1), (4, 4)])
    path = curve(points, 5)
    for point in points:
        assert np.abs(path - point).sum(axis=1).min() < 1e-9
    closed = curve(points, 5, closed=True)
    assert len(closed) == 20
    assert np.linalg.norm(np.diff(closed, axis=0, append=closed[:1]), axis=1).max() < 2.0


def test_one_over_the_other() -> None:
    ground = np.full((4, 4, 3), 0.5, np.float32)
    half = np.full((4, 4), 0.5, np.float32)
    red = Drawn(half, np.broadcast_to(np.float32([1, 0, 0]), (4, 4, 3)))
    blue = Drawn(half, np.broadcast_to(np.float32([0, 0, 1]), (4, 4, 3)))
    both = stack([red, blue])
    np.testing.assert_allclose(over(ground, both), over(over(ground, red), blue), atol=1e-6)
    assert not np.allclose(over(ground, both), over(over(ground, blue), red))


def test_bodies_are_brighter_towards_the_light() -> None:
    ball = PLAIN.fill(np.stack([np.cos(np.linspace(0, 6.28, 40)), np.sin(np.linspace(0, 6.28, 40))], 1))
    lit = relief(ball, 1.0, np.array([-1.0, 0.0]), 15.0)
    assert lit[30, 25] > 1.1
    assert lit[30, 55] < 0.9
    flat = slope(np.zeros(SHAPE, np.float32), 1.0, np.array([1.0, 0.0]))
    np.testing.assert_allclose(flat, 1.0)


def test_colours_and_prints() -> None:
    rng = np.random.default_rng(0)
    colours = np.array([any_colour(rng) for _ in range(200)])
    assert colours.min() > 0
    assert colours.max() < 1
    assert colours.mean(axis=1).std() > 0.1
    for kind in ("plain", "stripes", "checks", "clouds", "dots", "knit", "noise"):
        print_ = weave(PLAIN, rng, kind)
        assert print_.shape == (*SHAPE, 3)
        assert np.isfinite(print_).all()
