"""fit_photo on the default model: a drawn face comes back, and what is asked wrongly is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from facekit.errors import UsageError
from facekit.files.models import load_model
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.view import FRONTAL, View
from facekit.morphable.model import FaceModel
from facekit.raster.scene import TextureMap, render_view
from facekit.records import Landmarks, Light
from facekit.stages.fit import fit_person, fit_photo

SIZE = 256
CENTRE = np.full(2, SIZE / 2)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model()


def drawn(model: FaceModel, seed: int = 0) -> tuple[np.ndarray, Landmarks, np.ndarray]:
    """A photo of a random face, its true landmarks as if imported, and its vertices."""
    rng = np.random.default_rng(seed)
    code = np.clip(0.7 * rng.standard_normal(model.size), model.lower, model.upper)
    vertices = model.instance(code)
    view = View(FRONTAL, CENTRE, 800.0, 700.0, CENTRE)
    light = np.zeros((9, 3), np.float32)
    light[0], light[3] = 3.0, 0.8
    texture, topology = model.albedo, model.topology
    assert texture is not None
    colours = TextureMap(np.clip(texture.mean, 0, 1), topology.uv, topology.uv_faces)
    photo = render_view(
        vertices,
        topology.faces,
        view.camera(np.array([SIZE, SIZE])),
        colours=colours,
        light=Light(light),
        background=np.full((SIZE, SIZE, 3), 90, np.uint8),
    )
    points = view.project(landmark_model(model, "ibug68").points(code)).astype(np.float32)
    landmarks = Landmarks(
        scheme="ibug68",
        points=points,
        depth=np.full(68, np.nan, np.float32),
        sigma=np.ones(68, np.float32),
        hidden=np.zeros(68, bool),
        score=float("nan"),
        box=np.array([*points.min(0), *points.max(0)], np.float32),
        crop=np.eye(3),
        image_size=np.array([SIZE, SIZE], np.int32),
        detector="imported",
    )
    return photo, landmarks, vertices


def test_a_drawn_face_comes_back(model: FaceModel) -> None:
    photo, landmarks, vertices = drawn(model)
    fit = fit_photo(photo, landmarks, model)
    error = np.linalg.norm(fit.landmarks68_2d - landmarks.points, axis=1)
    assert error[17:].mean() < 1.5
    narrow = model.topology.regions["narrow_face"] > 0.5
    before = np.abs(model.mean - vertices)[narrow].mean()
    moved = fit.vertices[narrow] - (fit.vertices - vertices)[narrow].mean(0)
    assert np.abs(moved - vertices[narrow]).mean() < before
    assert 0.2 < fit.visible[narrow].mean() <= 1.0
    assert fit.light.sh[3].mean() > 0.3  # the lamp stands on the subject's left
    assert np.linalg.norm(fit.code.albedo) < 4.0
    assert json.loads(fit.stats)["converged"]
    assert fit.covariance.shape == (model.size, model.size)
    assert (np.linalg.eigvalsh(fit.covariance) > 0).all()


def test_hidden_part_is_wider(model: FaceModel) -> None:
    photo, landmarks, _ = drawn(model)
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[150:] = True
    covered = np.array([hidden[int(y), int(x)] for x, y in landmarks.points])
    fit = fit_photo(photo, replace(landmarks, hidden=covered), model, hidden)
    whole = fit_photo(photo, landmarks, model)
    assert np.trace(fit.covariance) > np.trace(whole.covariance)
    assert fit.visible.sum() < whole.visible.sum()
    assert "left out" in fit.outcome


def test_without_pixels(model: FaceModel) -> None:
    photo, landmarks, _ = drawn(model)
    fit = fit_photo(photo, landmarks, model, photometric=False)
    assert not fit.code.albedo.any()
    assert not fit.light.sh[1:].any()


def test_two_photos_of_one_person(model: FaceModel) -> None:
    photo, landmarks, _ = drawn(model)
    one, two = fit_person([photo, photo], [landmarks, landmarks], model, [None, None], photometric=False)
    np.testing.assert_allclose(one.code.identity, two.code.identity, atol=1e-3)


def test_sizes_must_agree(model: FaceModel) -> None:
    photo, landmarks, _ = drawn(model)
    with pytest.raises(UsageError, match="run detect on this photo"):
        fit_photo(photo[:100], landmarks, model)
    with pytest.raises(UsageError, match="make them equal"):
        fit_photo(photo, landmarks, model, np.zeros((10, 10), bool))
