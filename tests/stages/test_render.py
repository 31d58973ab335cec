"""Pictures from any side."""

from __future__ import annotations

import numpy as np

from facekit.stages.render import BACKDROP, Subject, render, turntable, views


def subject() -> Subject:
    """A triangle in the plane z = 0 whose left half (subject's left, +x) is painted red."""
    vertices = np.array([[-0.1, -0.1, 0], [0.1, -0.1, 0], [0, 0.1, 0]])
    texture = np.zeros((4, 4, 3), np.uint8)
    texture[:, 2:] = (255, 0, 0)
    uv = np.array([[0, 0], [1, 0], [0.5, 1]])
    faces = np.array([[0, 1, 2]], np.int32)
    return Subject(vertices, faces, uv, faces, texture)


def test_texture_stands_where_it_should() -> None:
    picture = render(subject(), 0.0, 0.0, 64)
    assert picture.shape == (64, 64, 3)
    assert picture[40, 40, 0] > 100  # +x is on the right of a frontal picture
    assert picture[40, 24].max() < 60
    assert tuple(picture[2, 2]) == BACKDROP


def test_clay_has_no_colour() -> None:
    one = subject()
    picture = render(Subject(one.vertices, one.faces), 0.3, 0.1, 64)
    red, green, blue = picture[36, 32].astype(int)
    assert max(red, green, blue) - min(red, green, blue) < 3


def test_turntable_turns_and_returns() -> None:
    frames = list(turntable(subject(), 0.0, 48, 8))
    assert len(frames) == 8
    assert (frames[0] == render(subject(), 0.0, 0.0, 48)).all()
    assert (frames[2] != frames[6]).any()
    assert (frames[0] == frames[4]).all()


def test_views_stand_side_by_side_from_one_side_to_the_other() -> None:
    row = views(subject(), 5, 0.0, 32)
    assert row.shape == (32, 160, 3)
    assert (row[:, 64:96] == render(subject(), 0.0, 0.0, 32)).all()
    assert (row[:, :32] == render(subject(), -np.pi / 3, 0.0, 32)).all()
    assert (row[:, :32] != row[:, 128:]).any()
