"""From a photo without a mask to the mask of what hides the face."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from skimage.data import astronaut

from facekit.cli.main import cli
from facekit.cli.options import AUTO, NONE
from facekit.cli.pairing import pair, pair_masks
from facekit.errors import ModelUnavailableError
from facekit.files.images import read_mask, write_image
from facekit.files.npz import read_record
from facekit.records import Landmarks
from facekit.segmentation.align import aligned
from facekit.stages import segment
from facekit.stages.detect import detect
from facekit.stages.segment import moved_much, propose, proposed

BAR = (slice(110, 145), slice(195, 260))  # nose and mouth of the astronaut


class Green(torch.nn.Module):
    """Calls green pixels an occluder."""

    side = 64

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        green = ((crops[:, 1] > 0.5) & (crops[:, 0] < -0.5)).float() * 20
        return torch.stack([10 - green, green, torch.zeros_like(green)], 1)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    picture = astronaut().copy()
    picture[BAR] = (0, 255, 0)
    return picture


@pytest.fixture(scope="module")
def landmarks() -> Landmarks:
    return detect(astronaut(), scheme="ibug68")[0]


@pytest.fixture
def _green(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "shipped_segmenter", Green)


@pytest.mark.usefixtures("_green")
def test_what_is_before_the_face_is_proposed(photo: np.ndarray, landmarks: Landmarks) -> None:
    found = propose(photo, landmarks)
    truth = np.zeros(photo.shape[:2], bool)
    truth[BAR] = True
    assert (found.hidden & truth).sum() / (found.hidden | truth).sum() > 0.8
    assert 0.1 < found.share < 0.6
    assert "of the face is hidden" in found.told
    bare = propose(astronaut(), landmarks)
    assert not bare.hidden.any()
    assert bare.share == 0
    assert bare.told == "nothing hides the face"


@pytest.mark.usefixtures("_green")
def test_an_arm_is_followed_beyond_the_square_around_the_face(landmarks: Landmarks) -> None:
    square = aligned(landmarks.points.astype(np.float64))
    x, y = (int(v) for v in square.centre)
    picture, arm = astronaut().copy(), np.zeros((512, 512), bool)
    arm[y : y + 20, x : x + int(0.7 * square.side)] = True
    picture[arm] = (0, 255, 0)
    found = propose(picture, landmarks).hidden
    assert arm[:, x + int(0.5 * square.side) + 1 :].sum() > 500  # so much of it lies beside the square
    assert (found & arm).sum() > 0.9 * arm.sum()
    assert (found & ~arm).sum() < 0.4 * arm.sum()  # the rim, and little else


def test_patches_beside_the_face_and_crumbs_are_left_out(landmarks: Landmarks) -> None:
    points, chance = landmarks.points.astype(np.float64), np.zeros((512, 512), np.float32)
    chance[10:60, 400:480] = 1.0  # far from the face
    assert not proposed(chance, points).hidden.any()
    chance[100:103, 220:223] = 1.0  # a crumb
    assert not proposed(chance, points).hidden.any()
    chance[110:140, 200:250] = 1.0
    hidden = proposed(chance, points).hidden
    assert hidden[120, 220]
    assert not hidden[30, 440]


def test_landmarks_that_moved(photo: np.ndarray, landmarks: Landmarks) -> None:
    found = proposed(np.zeros((512, 512), np.float32), landmarks.points.astype(np.float64))
    assert not moved_much(found, landmarks)
    assert moved_much(found, replace(landmarks, points=landmarks.points + 20))


def test_without_a_network_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    segment.shipped_segmenter.cache_clear()
    monkeypatch.setattr(segment, "has_asset", lambda name: False)
    with pytest.raises(ModelUnavailableError, match="--occlusion MASK"):
        segment.shipped_segmenter()
    segment.shipped_segmenter.cache_clear()


def test_words_instead_of_masks() -> None:
    photos = [Path("a.jpg"), Path("b.jpg")]
    assert pair_masks(photos, []) == [AUTO, AUTO]
    assert pair_masks(photos, [NONE]) == [NONE, NONE]
    assert pair_masks(photos, [Path("m.png"), Path("n.png")]) == [Path("m.png"), Path("n.png")]
    assert pair(photos[:1], [], None)[photos[0]].mask == AUTO


@pytest.mark.usefixtures("_green")
def test_detect_writes_the_mask(photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image("a.png", photo)
    result = type_in("detect a.png --occlusion-mask mask.png")
    assert result.exit_code == 0, result.stderr
    assert "of the face is hidden" in result.stderr
    hidden = read_mask("mask.png", photo.shape)
    assert hidden[BAR].mean() > 0.9
    found = read_record("a.landmarks.npz", Landmarks)
    assert found.hidden.any()
    assert found.sigma[found.hidden].min() > 5 * np.median(found.sigma[~found.hidden])
    assert type_in("detect a.png --occlusion-mask mask.png").exit_code == 2  # it is there already
    both = type_in("detect a.png --occlusion mask.png --occlusion-mask other.png")
    assert both.exit_code == 2
    assert "one of them" in both.stderr
    assert type_in("detect a.png --occlusion-mask mask.xyz --force").exit_code == 2


def type_in(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())
