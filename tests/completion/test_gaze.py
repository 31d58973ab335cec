"""Hidden eyes look where one pair of eyes would."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from facekit.completion.gaze import EYES, FARTHEST, Ball, one_gaze
from facekit.completion.limits import Pairs
from facekit.files.models import load_model
from facekit.morphable.model import FaceModel
from facekit.records import FloatArray

LEFT, RIGHT = np.array([0.1, 0.3, 0.0]), np.array([-0.2, -0.4, 0.0])


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model("default")


def squinting(model: FaceModel) -> FloatArray:
    """(1, V, 3) the mean face whose eyes look to different sides."""
    face = np.array(model.mean, np.float64)
    for name, looks in zip(EYES, (LEFT, RIGHT), strict=True):
        rows = model.topology.part(name)
        middle = (face[rows].min(axis=0) + face[rows].max(axis=0)) / 2
        face[rows] = middle + Rotation.from_rotvec(looks).apply(face[rows] - middle)
    return face[None]


def looks(model: FaceModel, face: FloatArray) -> list[FloatArray]:
    mean = np.asarray(model.mean, np.float64)
    return [Ball.of(face, mean, np.flatnonzero(model.topology.part(name))).looks for name in EYES]


def test_where_a_ball_looks_is_found(model: FaceModel) -> None:
    left, right = looks(model, squinting(model)[0])
    np.testing.assert_allclose(left, LEFT, atol=0.03)
    np.testing.assert_allclose(right, RIGHT, atol=0.03)


def test_hidden_eyes_look_one_way_and_not_far_aside(model: FaceModel) -> None:
    faces = squinting(model)
    made = one_gaze(faces, np.zeros(len(model.mean), bool), model)
    left, right = looks(model, made[0])
    np.testing.assert_allclose(left, right, atol=0.03)
    assert (np.abs(left) <= FARTHEST + 0.03).all()
    skin = model.topology.part("skin")
    np.testing.assert_array_equal(made[:, skin], faces[:, skin])


def test_a_hidden_eye_follows_the_seen_one(model: FaceModel) -> None:
    faces, visible = squinting(model), model.topology.part("left_eye")
    made = one_gaze(faces, visible, model)
    np.testing.assert_array_equal(made[:, visible], faces[:, visible])
    left, right = looks(model, made[0])
    np.testing.assert_allclose(right, left, atol=0.03)


def test_seen_eyes_stay(model: FaceModel) -> None:
    faces = squinting(model)
    np.testing.assert_array_equal(one_gaze(faces, np.ones(len(model.mean), bool), model), faces)


def test_a_hidden_eye_opens_like_the_seen_one(model: FaceModel) -> None:
    points = model.topology.embeddings["ibug68"]
    face = np.array(model.mean, np.float64)
    visible = face[:, 0] > 0  # the subject's left half
    for lid in (43, 44):
        corners = points.faces[lid]
        face[corners[visible[corners]], 1] += 0.002
    pairs = Pairs.of(model, face, visible)
    gaps, usual = pairs.gaps(np.stack([face, model.mean]))
    for here, other in ((3, 6), (4, 5)):
        wanted = gaps[other] / usual[other] * usual[here]
        assert gaps[here] < pairs.least[here] == pytest.approx(0.85 * wanted)
        assert pairs.most[here] == pytest.approx(1.15 * wanted)
    assert np.isinf(pairs.most[5:]).all()
