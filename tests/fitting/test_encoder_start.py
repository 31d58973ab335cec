"""A fit that begins with what a trained encoder says, or expects it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facekit.errors import NumericalError
from facekit.files.models import load_model
from facekit.fitting.encoder_start import Encoded
from facekit.fitting.view import FRONTAL, View
from facekit.records import BoolArray, ByteArray, Landmarks
from facekit.stages.fit import fit_photo

SIZE = 120


@pytest.fixture(scope="module")
def scene() -> tuple[View, np.ndarray, Landmarks]:
    """The mean face from the front, with exact landmarks."""
    model = load_model()
    view = View(FRONTAL, np.array([60.0, 65.0]), 420.0, 240.0, np.full(2, SIZE / 2))
    points = view.project(model.topology.embeddings["ibug68"].points(model.mean))
    landmarks = Landmarks(
        scheme="ibug68",
        points=points.astype(np.float32),
        depth=np.zeros(68, np.float32),
        sigma=np.ones(68, np.float32),
        hidden=np.zeros(68, bool),
        score=1.0,
        box=np.array([0, 0, SIZE, SIZE], np.float32),
        crop=np.eye(3),
        image_size=np.array([SIZE, SIZE], np.int32),
        detector="imported",
    )
    return view, np.full((SIZE, SIZE, 3), 128, np.uint8), landmarks


def _saying(view: View, mean: float, variance: float) -> Encoded:
    size = load_model().size
    return Encoded(view, np.full(size, mean), np.full(size, variance), np.full(7, 0.1))


def test_a_fit_without_landmarks_is_what_the_encoder_says(scene: tuple[View, np.ndarray, Landmarks]) -> None:
    view, photo, landmarks = scene
    model = load_model()
    none = replace(landmarks, hidden=np.ones(68, bool))
    with pytest.raises(NumericalError, match="at least 6"):
        fit_photo(photo, none, model, photometric=False)
    fit = fit_photo(photo, none, model, first_look=lambda *_: _saying(view, 0.4, 0.5), photometric=False)
    assert np.allclose(fit.camera.t, view.translation())
    assert np.allclose(fit.code.identity, 0.4, atol=1e-6)
    assert "begun by the encoder" in fit.outcome
    assert "null" in fit.stats
    pixels = fit_photo(photo, none, model, first_look=lambda *_: _saying(view, 0.4, 0.5))
    assert np.isfinite(pixels.vertices).all()


def test_landmarks_and_encoder_decide_together(scene: tuple[View, np.ndarray, Landmarks]) -> None:
    """An encoder that says what is believed anyway changes nothing, a surer one more than a less sure one."""
    view, photo, landmarks = scene
    model = load_model()

    def shape(variance: float, mean: float = 1.0) -> np.ndarray:
        def look(picture: ByteArray, marks: Landmarks, hidden: BoolArray | None) -> Encoded:
            assert marks is landmarks
            return _saying(view, mean, variance)

        return fit_photo(photo, landmarks, model, first_look=look, photometric=False).code.identity

    plain = fit_photo(photo, landmarks, model, photometric=False).code.identity
    assert np.allclose(shape(1.0, 0.0), plain)
    assert np.abs(shape(0.5).mean() - plain.mean()) < np.abs(shape(0.05).mean() - plain.mean())
    assert shape(0.01).mean() > 0.8
