"""detect on real photos: all faces, one face, none; dark, turned, small, masked."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut, chelsea

from facekit.detection.schemes import to_ibug68
from facekit.errors import NoFaceError, UsageError
from facekit.records import Landmarks
from facekit.stages.detect import adopt, detect, detect_masked, redetect

FACE_WIDTH = 95.0  # px, of the face in the photo


@pytest.fixture(scope="module")
def truth() -> Landmarks:
    """Landmarks of the photo as it is, checked by eye."""
    return detect(astronaut())[0]


def distance(found: Landmarks, points: np.ndarray) -> float:
    """Mean distance in parts of the face's width."""
    return float(np.linalg.norm(found.points - points, axis=1).mean() / FACE_WIDTH)


def test_the_record(truth: Landmarks) -> None:
    assert truth.scheme == "mediapipe478"
    assert truth.detector == "mediapipe"
    assert truth.points.shape == (478, 2)
    assert list(truth.image_size) == [512, 512]
    assert 0.7 < truth.score <= 1
    assert not truth.hidden.any()
    assert (truth.sigma > 0).all()
    assert np.median(truth.sigma) < 0.015 * FACE_WIDTH
    small = to_ibug68(truth)
    np.testing.assert_allclose(small.points[[36, 45]].mean(axis=0), [226, 102], atol=4)  # between the eyes
    assert small.points[8, 1] > small.points[57, 1] > small.points[33, 1] > small.points[27, 1]
    corners = np.array([[0, 0, 1], [192, 192, 1]]) @ truth.crop[:2].T
    low, high = corners.min(axis=0), corners.max(axis=0)
    assert ((truth.points > low) & (truth.points < high)).all()


def test_the_same_photo_gives_the_same_landmarks(truth: Landmarks) -> None:
    again = detect(astronaut())[0]
    assert (again.points == truth.points).all()
    assert (again.sigma == truth.sigma).all()


@pytest.mark.parametrize("degrees", [35, 90, 140, 180])
def test_turned_photos(degrees: int, truth: Landmarks) -> None:
    turn = cv2.getRotationMatrix2D((226, 130), degrees, 1)
    turn[:, 2] += [30, 126]
    photo = np.asarray(cv2.warpAffine(astronaut(), turn, (512, 512), borderMode=cv2.BORDER_REPLICATE))
    expected = (truth.points - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    assert distance(detect(photo)[0], expected) < 0.02


def test_the_mirrored_photo_exchanges_sides(truth: Landmarks) -> None:
    from facekit.detection.schemes import MIRROR_478

    found = detect(np.ascontiguousarray(astronaut()[:, ::-1]))[0]
    mirrored = (truth.points * [-1, 1] + [512, 0])[MIRROR_478]
    assert distance(found, mirrored) < 0.02
    assert distance(found, mirrored[MIRROR_478]) > 0.1


def test_dark_and_grey_photos(truth: Landmarks) -> None:
    dark = (astronaut() * 0.05).astype(np.uint8)
    assert distance(detect(dark)[0], truth.points) < 0.03
    grey = np.repeat(astronaut().mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    assert distance(detect(grey)[0], truth.points) < 0.02


def test_a_small_face_in_a_large_photo(truth: Landmarks) -> None:
    photo = np.full((1600, 2400, 3), 120, np.uint8)
    photo[900:1156, 1700:1956] = cv2.resize(astronaut(), (256, 256), interpolation=cv2.INTER_AREA)
    found = detect(photo)[0]
    assert distance(found, truth.points / 2 + [1700, 900]) < 0.02


def test_two_faces_by_falling_size(truth: Landmarks) -> None:
    photo = np.full((512, 900, 3), 60, np.uint8)
    photo[:, :512] = astronaut()
    photo[60:444, 516:] = cv2.resize(astronaut(), (384, 384), interpolation=cv2.INTER_AREA)
    faces = detect(photo, face="all")
    assert len(faces) == 2
    assert distance(faces[0], truth.points) < 0.02
    assert distance(faces[1], truth.points * 0.75 + [516, 60]) < 0.02
    assert (detect(photo, face=1)[0].points == faces[1].points).all()
    with pytest.raises(NoFaceError, match="no face 2: 2 faces"):
        detect(photo, face=2)


def test_a_box_says_which_face(truth: Landmarks) -> None:
    assert distance(detect(astronaut(), box=(175, 75, 275, 180))[0], truth.points) < 0.02
    assert np.isnan(detect(astronaut(), box=(175, 75, 275, 180))[0].score)
    with pytest.raises(NoFaceError, match="box"):
        detect(astronaut(), box=(10, 300, 100, 400))
    for box in ((100, 100, 50, 150), (600, 0, 700, 50)):
        with pytest.raises(UsageError, match="512×512"):
            detect(astronaut(), box=box)


@pytest.mark.parametrize("name", ["chelsea", "noise", "flat"])
def test_no_face(name: str) -> None:
    photo = {
        "chelsea": chelsea(),  # a cat
        "noise": np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8),
        "flat": np.full((200, 300, 3), 180, np.uint8),
    }[name]
    with pytest.raises(NoFaceError, match="--box"):
        detect(photo)


def mouth_mask() -> np.ndarray:
    y, x = np.mgrid[:512, :512]
    return np.asarray(((x - 226) / 40) ** 2 + ((y - 160) / 26) ** 2 < 1)


@pytest.mark.parametrize("colour", [(20, 20, 20), (250, 60, 200), None])
def test_hidden_points_are_marked_and_visible_ones_stay(colour: object, truth: Landmarks) -> None:
    photo, hidden = astronaut(), mouth_mask()
    rng = np.random.default_rng(0)
    photo[hidden] = rng.integers(0, 256, (hidden.sum(), 3)) if colour is None else colour
    found = detect(photo, hidden)[0]
    inside = hidden[truth.points[:, 1].astype(int), truth.points[:, 0].astype(int)]
    assert (found.hidden == inside).mean() > 0.9
    assert found.hidden.sum() > 100
    seen = ~found.hidden
    assert found.sigma[found.hidden].min() > 0.2 * FACE_WIDTH > 3 * np.median(found.sigma[seen])
    error = np.linalg.norm(found.points - truth.points, axis=1)[seen].mean() / FACE_WIDTH
    assert error < 0.05


def test_a_second_look_at_the_completed_photo(truth: Landmarks) -> None:
    photo, hidden = astronaut(), mouth_mask()
    photo[hidden] = 20
    first = detect(photo, hidden)[0]
    again = redetect(astronaut(), first, hidden)
    assert distance(again, truth.points) < distance(first, truth.points)
    assert (again.hidden >= first.hidden).all()
    assert again.sigma[again.hidden].min() > 0.2 * FACE_WIDTH
    nothing = redetect(np.full_like(photo, 90), first, hidden)
    assert nothing is first
    with pytest.raises(UsageError, match="same size"):
        redetect(photo[:100], first)


def test_landmarks_from_elsewhere_meet_the_mask(truth: Landmarks) -> None:
    given = replace(truth, detector="imported", sigma=np.ones(478, np.float32))
    marked = adopt(given, mouth_mask(), "ibug68")
    assert marked.scheme == "ibug68"
    assert marked.hidden[48:].all()
    assert not marked.hidden[36:48].any()
    assert (marked.sigma[36:48] == 1).all()


def test_wrong_requests() -> None:
    photo = astronaut()
    with pytest.raises(UsageError, match="one size"):
        detect(photo, np.zeros((100, 100), bool))
    with pytest.raises(UsageError, match="largest, all or a number"):
        detect(photo, face="biggest")
    with pytest.raises(UsageError, match="unknown detector"):
        detect(photo, detector="dlib")
    with pytest.raises(UsageError, match="unknown landmark scheme"):
        detect(photo, scheme="wflw98")
    with pytest.raises(NoFaceError, match="31×40"):
        detect(photo[:40, :31])
    with pytest.raises(NoFaceError, match="whole photo"):
        detect(photo, np.ones((512, 512), bool))


@pytest.mark.parametrize("occluder", ["photo", "glasses", "mask", "blob"])
def test_rendered_faces_with_known_landmarks(occluder: str, shared: Path) -> None:
    from facekit.files.images import read_mask, read_photo

    bench, errors = shared / "bench" / "dev", []
    for name in ("s00", "s07", "s13", "s21"):
        file = (
            bench / "photo" / f"{name}.png"
            if occluder == "photo"
            else bench / "occ" / f"{name}_{occluder}.png"
        )
        photo, gt = read_photo(file).pixels, np.load(bench / "gt" / f"{name}.npz")
        hidden = (
            None if occluder == "photo" else read_mask(bench / "mask" / f"{name}_{occluder}.png", photo.shape)
        )
        found = to_ibug68(detect(photo, hidden)[0])
        use = gt["lmk_vis"] & ~found.hidden & (np.arange(68) >= 17)
        errors.append(np.linalg.norm(found.points - gt["lmk2d"], axis=1)[use].mean() / gt["iod_px"])
    assert np.mean(errors) < {"photo": 0.042, "glasses": 0.06, "mask": 0.042, "blob": 0.052}[occluder]


@pytest.mark.parametrize("side", [0, 1])
def test_of_two_faces_the_masked_one_is_meant(side: int) -> None:
    face = cv2.resize(astronaut()[20:260, 110:350], (160, 160), interpolation=cv2.INTER_AREA)
    photo = np.hstack([face, face[:, ::-1]]).astype(np.uint8)
    hidden = np.zeros((160, 320), bool)
    hidden[80:112, 60 + 140 * side : 120 + 140 * side] = True
    found = detect_masked(photo, hidden)
    assert found.hidden.any()
    assert (found.points[:, 0].mean() > 160) == bool(side)


def test_where_the_mask_covers_no_face_the_largest_is_meant() -> None:
    photo = np.ascontiguousarray(astronaut()[20:260, 110:350])
    hidden = np.zeros(photo.shape[:2], bool)
    assert (detect_masked(photo, hidden).points == detect_masked(photo).points).all()
    hidden[:4, :4] = True
    assert not detect_masked(photo, hidden).hidden.any()
