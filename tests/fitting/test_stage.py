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
from facekit.morphable.local import body_of
from facekit.morphable.model import FaceModel
from facekit.raster.scene import Style, TextureMap, render_view
from facekit.records import Landmarks, Light
from facekit.stages.fit import fit_person, fit_photo, learned
from facekit.stages.train_prior import surface_error

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
        style=Style(Light(light)),
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


def test_pixels_refine_the_shape(model: FaceModel) -> None:
    photo, landmarks, vertices = drawn(model)
    before = fit_photo(photo, landmarks, model, refined=False)
    after = fit_photo(photo, landmarks, model)
    assert surface_error(model, after.vertices, vertices) < surface_error(model, before.vertices, vertices)
    assert len(after.code.local) > 0
    assert np.abs(after.code.local).max() > 0.01
    assert not len(before.code.local)
    assert json.loads(after.stats)["moved_by_pixels_mm"] > 0
    assert "shape refined" in after.outcome
    assert "shape refined" not in before.outcome


def test_a_fit_renders_again_from_its_code(model: FaceModel) -> None:
    photo, landmarks, _ = drawn(model)
    for fit in (fit_photo(photo, landmarks, model, refined=refined) for refined in (True, False)):
        body = body_of(model, fit.code)
        np.testing.assert_allclose(body.instance(body.join(fit.code)), fit.vertices, atol=1e-6)
        assert fit.model_sha256 == model.digest
    assert np.abs(model.instance(model.join(fit.code)) - fit.vertices).max() < 1e-6


def test_hidden_pixels_have_no_say(model: FaceModel) -> None:
    photo, landmarks, _ = drawn(model)
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[150:] = True
    covered = np.array([hidden[int(y), int(x)] for x, y in landmarks.points])
    other = photo.copy()
    other[hidden] = np.random.default_rng(0).integers(0, 256, (hidden.sum(), 3))
    marks = replace(landmarks, hidden=covered)
    one, two = (fit_photo(p, marks, model, hidden) for p in (photo, other))
    assert one.vertices.tobytes() == two.vertices.tobytes()
    assert one.light.sh.tobytes() == two.light.sh.tobytes()
    seen = fit_photo(other, marks, model)
    assert seen.vertices.tobytes() != one.vertices.tobytes()


def test_photos_of_one_person_keep_one_identity_when_refined(model: FaceModel) -> None:
    photo, landmarks, _ = drawn(model)
    dark = (photo * 0.8).astype(np.uint8)
    one, two = fit_person([photo, dark], [landmarks, landmarks], model, [None, None])
    np.testing.assert_allclose(one.code.identity, two.code.identity, atol=2e-3)
    assert json.loads(one.stats)["moved_by_pixels_mm"] > 0
    assert not len(one.code.local)


def test_what_was_learned_goes_with_the_global_local_form(model: FaceModel) -> None:
    both = load_model("default-global+local")
    marks = replace(drawn(model)[1], detector="mediapipe", scheme="mediapipe478")
    trained, carried = learned(model, marks), learned(both, marks)
    assert trained is not None
    assert carried is not None
    assert learned(both, marks) is carried
    code = 0.5 * np.random.default_rng(0).standard_normal(model.size)
    same = both.code(model.instance(code))  # the nearest code of the other form
    place = carried.shape(both).points(same) - trained.shape(model).points(code)
    assert np.abs(place).max() < 3e-4
    change = np.tensordot(code, trained.statistics.change, 1) - np.tensordot(
        same, carried.statistics.change, 1
    )
    assert np.abs(change).mean() < 0.1 * np.abs(np.tensordot(code, trained.statistics.change, 1)).mean()
    small = model.truncate(5)
    assert learned(small, marks) is None
