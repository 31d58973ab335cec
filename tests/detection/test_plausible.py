"""What counts as a face."""

from dataclasses import replace

import numpy as np
import pytest
from seeing import face68

from facekit.detection.crops import Placement
from facekit.detection.plausible import implausible, matches_box, tolerance
from facekit.detection.points import Points

SIZE = (640, 512)


def read(points: np.ndarray) -> Points:
    n = len(points)
    return Points(points, np.zeros(n), np.ones(n), np.full(n, 0.3), Placement(np.zeros(2), 1.0))


def verdict(points: Points, hidden: np.ndarray | None = None) -> str | None:
    return implausible(points, "ibug68", SIZE, np.zeros(68, bool) if hidden is None else hidden, 0.02)


def test_a_face_passes_at_every_angle() -> None:
    points = face68()
    for angle in np.linspace(0, 2 * np.pi, 9):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert verdict(read((points - [320, 256]) @ turn.T + [320, 256])) is None


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (face68() * [-1, 1] + [640, 0], "mirrored"),
        (face68() * [0.1, 1] + [300, 0], "collapsed"),
        (face68(width=10), "pixels high"),
        (face68(centre=(650, 500)), "outside"),
        (face68() + np.nan, "not finite"),
    ],
)
def test_what_is_no_face(points: np.ndarray, reason: str) -> None:
    assert reason in str(verdict(read(points)))


def test_disagreement_counts_where_the_face_is_seen() -> None:
    spread = np.where(np.arange(68) < 40, 10.0, 0.3)
    shaky = replace(read(face68()), spread=spread)
    assert "agree" in str(verdict(shaky))
    assert verdict(shaky, np.arange(68) < 40) is None
    assert "whole face" in str(verdict(shaky, np.ones(68, bool)))


def test_a_network_that_sees_no_face_is_believed() -> None:
    assert "does not see" in str(verdict(replace(read(face68()), confidence=np.zeros(68))))


def test_unsure_boxes_are_judged_more_strictly() -> None:
    assert tolerance(0.5, masked=False) < tolerance(0.9, masked=False) < tolerance(0.9, masked=True)
    assert tolerance(float("nan"), masked=False) == tolerance(0.9, masked=False)


def test_mesh_and_box_must_meet() -> None:
    points = face68()
    centre, side = np.array([320.0, 270.0]), 100.0
    assert matches_box(points, centre, side)
    assert not matches_box(points, centre + np.array([80, 0]), side)
    assert not matches_box(points, centre, 3 * side)
