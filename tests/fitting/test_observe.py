"""How far detected landmarks are trusted."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.files.models import load_model
from facekit.fitting.observe import EYES, GUESSED, MESH, observe
from facekit.fitting.view import View
from facekit.morphable.model import FaceModel
from facekit.records import Landmarks
from facekit.stages.fit import learned

BROW, CHIN = 105, 152  # of MediaPipe's points


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model("default")


def marks(hidden: np.ndarray) -> Landmarks:
    points = np.random.default_rng(0).uniform(100, 400, (478, 2)).astype(np.float32)
    return Landmarks(
        "mediapipe478", points, np.zeros(478, np.float32), np.full(478, 0.5, np.float32), hidden, 1.0,
        np.array([100, 100, 400, 400], np.float32), np.eye(3), np.array([512, 512], np.int32), MESH,
    )  # fmt: skip


def variance(model: FaceModel, eyes: int, *more: int) -> np.ndarray:
    """(478, 2) m² of each point alone, NaN where hidden: the first ``eyes`` of the eyes' points
    and ``more`` hidden.
    """
    hidden = np.zeros(478, bool)
    hidden[EYES[:eyes]] = True
    hidden[list(more)] = True
    landmarks = marks(hidden)
    noise = observe(landmarks, model, learned(model, landmarks)).noise(View.frontal())
    out = np.full((478, 2), np.nan)
    out[~hidden] = noise.variance.reshape(-1, 2)
    return out


def test_brows_are_guessed_where_the_eyes_are_hidden_and_the_chin_is_not(model: FaceModel) -> None:
    seen = variance(model, 0, 4)  # the tip of the nose, so that both are behind something
    for eyes in (len(EYES) // 2, len(EYES)):
        more = variance(model, eyes, 4) - seen
        assert np.allclose(more[BROW], (GUESSED * eyes / len(EYES)) ** 2, rtol=1e-6)
        assert np.allclose(more[CHIN], 0.0)
