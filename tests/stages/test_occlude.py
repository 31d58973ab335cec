"""Things before the faces of photos."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.cli import synth_occlude
from facekit.errors import UsageError
from facekit.stages.occlude import KINDS, occlude

SIDE = 160


@pytest.fixture(scope="module")
def landmarks() -> np.ndarray:
    """68 points of which those that matter lie as on a frontal face."""
    points = np.full((68, 2), SIDE / 2)
    unit = 0.35 * SIDE
    places = {36: (-0.4, 0), 39: (-0.14, 0), 42: (0.14, 0), 45: (0.4, 0), 48: (-0.22, 0.63), 54: (0.22, 0.63)}
    for index, (x, y) in {**places, 33: (0, 0.42), 8: (0, 1)}.items():
        points[index] = SIDE * 0.5 + unit * x, SIDE * 0.4 + unit * y
    return points


def draw(landmarks: np.ndarray, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    photo = np.full((SIDE, SIDE, 3), (190, 140, 110), np.uint8)
    return occlude(photo, landmarks, kind, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_something_hides_a_part_of_the_face_and_the_rest_stays(landmarks: np.ndarray, kind: str) -> None:
    picture, hidden, drawn = draw(landmarks, kind, 1)
    assert drawn == kind
    assert (picture[~hidden] == (190, 140, 110)).all()
    assert 0.01 < hidden.mean() < 0.9
    apart = np.abs(picture.astype(int) - (190, 140, 110)).max(-1)
    assert (apart[hidden] > 8).mean() > 0.1
    again, same, _ = draw(landmarks, kind, 1)
    assert (again == picture).all()
    assert (same == hidden).all()
    assert (draw(landmarks, kind, 2)[1] != hidden).any()


def test_any_is_one_of_them_and_others_are_refused(landmarks: np.ndarray) -> None:
    assert {draw(landmarks, "any", seed)[2] for seed in range(6)} <= set(KINDS)
    with pytest.raises(UsageError, match="umbrella"):
        draw(landmarks, "umbrella", 1)
    assert synth_occlude.KINDS == KINDS
