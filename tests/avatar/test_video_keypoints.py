"""Keypoints from a filmed face: pose and identity go, expression stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facekit.avatar.capture import Keypoints, rest_keypoints
from facekit.avatar.keypoints import keypoints_of
from facekit.avatar.video_keypoints import (
    Followed,
    calm_of,
    drive_keypoints,
    follow_face,
    head_turns,
    hold,
    own_modes,
    resting,
)
from facekit.detection.schemes import LOWER_LIP, UPPER_LIP
from facekit.errors import NoFaceError, UsageError
from facekit.files.models import load_model
from facekit.fitting.landmark_model import landmark_model
from facekit.geometry.camera import project_points
from facekit.geometry.rotation import euler_to_matrix, matrix_to_euler
from facekit.morphable.model import FaceModel
from facekit.records import FloatArray, Landmarks
from facekit.synthetic.dome import front_camera

SIZE = np.array([640, 480], np.int32)
SHOWN = (
    {},
    {"jawOpen": 0.7},
    {"mouthSmile_L": 0.8, "mouthSmile_R": 0.8},
    {"eyeBlink_L": 1, "eyeBlink_R": 1},
    {},
)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model("default")


def person(model: FaceModel, seed: int) -> FloatArray:
    code = np.zeros(model.size)
    identity = model.block("identity").slice
    code[identity] = np.clip(np.random.default_rng(seed).standard_normal(100), -2, 2)
    return code


def meshes(model: FaceModel, code: FloatArray) -> list[FloatArray]:
    """The person at rest, with an open jaw, smiling, with closed eyes, and at rest again."""
    start, made = model.block("expression").start, []
    for weights in SHOWN:
        own = code.copy()
        for name, weight in weights.items():
            place = model.expression_names.index(name)
            own[start + place] = weight / model.expression_scale[place]
        made.append(model.instance(own))
    return made


def film(model: FaceModel, vertices: list[FloatArray]) -> list[Landmarks]:
    """What a detector without error finds of a head that turns, nods and comes nearer."""
    found = []
    for n, mesh in enumerate(vertices):
        R = np.diag([1.0, -1.0, -1.0]) @ euler_to_matrix(np.deg2rad([12.0 * n - 24, 5.0 * n - 8, 3.0 * n]))
        points = model.topology.embeddings["mediapipe478"].points(mesh) @ R.T + (
            0.02 * n,
            0.01,
            0.9 - 0.05 * n,
        )
        pixels = (900 * points[:, :2] / points[:, 2:] + (320, 240)).astype(np.float32)
        sigma = np.full(478, 0.5, np.float32)
        box = np.r_[pixels.min(0), pixels.max(0)].astype(np.float32)
        nothing = np.full(478, np.nan, np.float32)
        hidden = np.zeros(478, bool)
        marks = Landmarks(
            "mediapipe478", pixels, nothing, sigma, hidden, 1.0, box, np.eye(3), SIZE, "imported"
        )
        found.append(marks)
    return found


def avatar_points(model: FaceModel, neutral: FloatArray) -> Keypoints:
    points = keypoints_of(model.topology, front_camera(neutral.mean(axis=0)), 0)
    rest = np.einsum("lkc,lk->lc", neutral[points.corners], points.bary)
    return replace(points, rest=rest.astype(np.float32))


def seen(keypoints: Keypoints, mesh: FloatArray) -> FloatArray:
    places = np.einsum("lkc,lk->lc", mesh[keypoints.corners], keypoints.bary)
    return project_points(keypoints.camera, places)[:, :2] / keypoints.camera.image_size


@pytest.fixture(scope="module")
def followed(model: FaceModel) -> Followed:
    return follow_face(film(model, meshes(model, person(model, 1))), model)


def test_the_same_person(model: FaceModel, followed: Followed) -> None:
    """A film of the avatar's own person gives the keypoints of its meshes, whatever the head does."""
    shown = meshes(model, person(model, 1))
    keypoints = avatar_points(model, shown[0])
    found = drive_keypoints(followed, keypoints, smooth=0)
    truth = np.stack([seen(keypoints, mesh) for mesh in shown])
    moved = np.abs(truth - truth[0]).max(axis=(1, 2))
    off = np.sqrt(((found - truth) ** 2).sum(axis=2))
    assert moved[1:4].min() > 0.02
    assert np.median(off) < 0.0015
    assert off.mean(axis=1).max() < 0.25 * moved[1:4].min()


def test_another_person(model: FaceModel, followed: Followed) -> None:
    """The avatar's own face at rest where the film rests; jaw, smile and lids as in the film."""
    shown = meshes(model, person(model, 9))
    keypoints = avatar_points(model, shown[0])
    found = drive_keypoints(followed, keypoints, smooth=0)
    truth = np.stack([seen(keypoints, mesh) for mesh in shown])
    for n in range(5):
        off = np.sqrt(((found[n] - truth[n]) ** 2).sum(axis=1)).mean()
        others = [np.sqrt(((found[n] - truth[k]) ** 2).sum(axis=1)).mean() for k in range(4) if k != n % 4]
        assert off < 0.6 * min(others)


def test_frames_without_a_face(model: FaceModel, followed: Followed) -> None:
    """They are NaN, do not spread to their neighbours, and can be held."""
    shown = meshes(model, person(model, 1))
    keypoints = avatar_points(model, shown[0])
    gone = replace(followed, moved=followed.moved.copy())
    gone.moved[2] = np.nan
    points = drive_keypoints(gone, keypoints)
    assert np.isnan(points[2]).all()
    assert np.isfinite(points[[0, 1, 3, 4]]).all()
    np.testing.assert_array_equal(hold(points)[2], points[1])
    assert drive_keypoints(followed, keypoints, 0.0)[1] == pytest.approx(
        drive_keypoints(followed, keypoints, 0.05)[1], abs=1e-6
    )
    with pytest.raises(NoFaceError, match="no face"):
        follow_face([None, None], model)


def test_head_turns(followed: Followed) -> None:
    """As the filmed head does, nods from the median of the film; frames without a face repeat another."""
    angles = np.rad2deg(matrix_to_euler(head_turns(followed, smooth=0)))
    expected = np.stack([(12.0 * n - 24, 5.0 * n - 10, 3.0 * n) for n in range(5)])
    assert np.abs(angles - expected).max() < 2
    gone = replace(followed, turns=followed.turns.copy())
    gone.turns[4] = np.nan
    turns = head_turns(gone, smooth=0)
    np.testing.assert_allclose(turns[4], turns[3])


def test_rest_of_a_film() -> None:
    """What a film comes back to most often, not what moves least; all frames of a short one."""
    rng = np.random.default_rng(0)
    track = rng.normal(scale=0.0002, size=(60, 5, 3))
    track[:36, 1, 1] += 0.003  # the face at rest, for the model a slight smile
    track[36:48] += np.linspace(0, 0.01, 12)[:, None, None]
    track[48:, 2, 1] -= 0.012  # held for a while
    assert set(resting(track)) <= set(range(36))
    assert len(resting(track)) == 9
    track[3] = np.nan
    assert 3 not in resting(track)
    np.testing.assert_array_equal(resting(track[:10]), [0, 1, 2, 4, 5, 6, 7, 8, 9])


def test_calm_lips_stay_closed() -> None:
    """What a face at rest moves is taken out within 3 mm; lips shift together, and noses do not."""
    moved = np.zeros((9, 478, 3))
    moved[:, 61, 1] = 0.002
    moved[:, LOWER_LIP, 1], moved[:, 1, 1] = -0.001, 0.002
    calm = calm_of(moved)
    np.testing.assert_allclose(calm[[61, 1], 1], [0.002, 0])
    np.testing.assert_allclose(calm[list(LOWER_LIP)], calm[list(UPPER_LIP)])
    np.testing.assert_allclose(calm[14, 1], -0.0005)
    assert np.linalg.norm(calm_of(10 * moved), axis=1).max() == pytest.approx(0.003)


def test_avatars_keep_the_places_of_their_points(model: FaceModel) -> None:
    """A point of the lower lip that an avatar has on the upper one moves as that does; others as ever."""
    shape = landmark_model(model, "mediapipe478")
    plain = own_modes(shape, model, None)
    points = avatar_points(model, model.mean)
    np.testing.assert_allclose(own_modes(shape, model, points), plain, atol=1e-9)
    corners, bary = points.corners.copy(), points.bary.copy()
    lower, upper = (int(np.flatnonzero(points.index == k)[0]) for k in (14, 13))
    corners[lower], bary[lower] = corners[upper], bary[upper]
    found = own_modes(shape, model, replace(points, corners=corners, bary=bary))
    np.testing.assert_allclose(found[14], plain[13], atol=1e-9)
    assert np.abs(plain[14] - plain[13]).max() > 0.005
    changed = np.abs(found - plain).max(axis=(1, 2)) > 1e-9
    assert np.flatnonzero(changed).tolist() == [14]


def test_avatars_that_cannot_be_driven_so(model: FaceModel, followed: Followed) -> None:
    keypoints = avatar_points(model, model.mean)
    with pytest.raises(UsageError, match="train it again"):
        drive_keypoints(followed, replace(keypoints, rest=None))
    with pytest.raises(UsageError, match="other keypoints"):
        drive_keypoints(followed, replace(keypoints, scheme=""))


def test_rest_is_the_calmest_frame() -> None:
    """By the weights where they are known, else by the median of the meshes."""
    from invented import capture

    made = capture()
    assert made.keypoints is not None
    still = rest_keypoints(made)
    frames = made.frames("training")
    corners = made.keypoints.corners
    away = [
        ((made.meshes[n] - np.median(made.meshes[frames], 0))[np.unique(corners)] ** 2).sum() for n in frames
    ]
    calm = made.meshes[frames[np.argmin(away)]][corners]
    np.testing.assert_allclose(still, np.einsum("lkc,lk->lc", calm, made.keypoints.bary), atol=1e-6)
    weights = np.ones((len(made), 1), np.float32)
    weights[5] = 0
    known = replace(made, expression_names=("jawOpen",), expression=weights)
    calm = made.meshes[5][corners]
    np.testing.assert_allclose(
        rest_keypoints(known), np.einsum("lkc,lk->lc", calm, made.keypoints.bary), atol=1e-6
    )
