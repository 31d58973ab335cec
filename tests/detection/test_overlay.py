"""Overlays show points where they are, in the colour of their state."""

from dataclasses import replace

import numpy as np

from facekit.detection.overlay import HIDDEN, draw_landmarks
from facekit.records import Landmarks, Record


def test_points_are_drawn_at_their_place(records: dict[str, Record]) -> None:
    record = records["landmarks"]
    assert isinstance(record, Landmarks)
    points = np.full((68, 2), np.nan, np.float32)
    points[0] = (40.5, 30.5)
    points[20] = (70.5, 60.5)
    face = replace(record, points=points, sigma=np.full(68, 0.1, np.float32), hidden=np.arange(68) < 10)
    photo = np.zeros((100, 120, 3), np.uint8)
    drawn = draw_landmarks(photo, [face])
    assert drawn.shape == photo.shape
    assert (photo == 0).all()
    touched = np.argwhere(drawn.any(axis=-1))
    assert touched[:, 0].min() > 22
    assert touched[:, 0].max() < 68
    red = drawn[22:40, 32:50].reshape(-1, 3).max(axis=0)
    assert tuple(red) == HIDDEN
    assert drawn[60, 70, 1] > drawn[60, 70, 0]  # a sure point is green
    assert (draw_landmarks(photo, []) == photo).all()
