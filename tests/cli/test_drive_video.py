"""From a film to what drives an avatar; the detector is replaced by one that knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from facekit.avatar.keypoints import keypoints_of
from facekit.cli.drive_video import video_source
from facekit.errors import NoFaceError, UnreadableError, UsageError
from facekit.files.models import load_model
from facekit.files.video import write_video
from facekit.records import Landmarks
from facekit.synthetic.dome import front_camera

AVATAR = SimpleNamespace(signal="kpt")
SIZE = np.array([64, 48], np.int32)


@pytest.fixture
def subject() -> SimpleNamespace:
    """Somebody with the model's mean face."""
    model = load_model("default")
    points = keypoints_of(model.topology, front_camera(model.mean.mean(axis=0)), 0)
    rest = np.einsum("lkc,lk->lc", model.mean[points.corners], points.bary).astype(np.float32)
    return SimpleNamespace(keypoints=replace(points, rest=rest), mesh=model.topology)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    write_video(tmp_path / "film.mp4", [np.full((48, 64, 3), 60 * i, np.uint8) for i in range(4)], fps=10)
    return tmp_path / "film.mp4"


def detector(faces: Iterator[bool]) -> object:
    """Finds the model's mean face from the front, or no face, as told."""
    model = load_model("default")

    def detect(frame: np.ndarray) -> list[Landmarks]:
        if not next(faces):
            raise NoFaceError("no face found")
        points = model.topology.embeddings["mediapipe478"].points(model.mean) * (1, -1, -1) + (0, 0, 0.8)
        pixels = (120 * points[:, :2] / points[:, 2:] + (32, 24)).astype(np.float32)
        none, sigma = np.full(478, np.nan, np.float32), np.full(478, 0.1, np.float32)
        box = np.r_[pixels.min(0), pixels.max(0)].astype(np.float32)
        hidden = np.zeros(478, bool)
        return [Landmarks("mediapipe478", pixels, none, sigma, hidden, 1.0, box, np.eye(3), SIZE, "imported")]

    return detect


def test_a_film(subject: SimpleNamespace, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean face filmed drives the mean face to rest; a frame without a face is held."""
    monkeypatch.setattr("facekit.stages.detect.detect", detector(iter([True, False, True, True])))
    source = video_source(AVATAR, subject, film)  # type: ignore[arg-type]
    assert (source.count, source.fps) == (4, 10)
    assert source.seen is not None
    assert source.seen.shape == (4, 192, 256, 3)
    assert source.turns is not None
    np.testing.assert_allclose(source.turns, np.tile(np.eye(3), (4, 1, 1)), atol=0.02)
    points = source.signal(np.arange(4))
    assert points is not None
    np.testing.assert_array_equal(points[1], points[0])
    camera = subject.keypoints.camera
    at_rest = (subject.keypoints.rest * (1, -1, -1)) @ np.eye(3) + camera.t
    expected = (camera.K[0, 0] * at_rest[:, :2] / at_rest[:, 2:] + camera.K[:2, 2]) / camera.image_size
    assert np.abs(points.numpy() - expected).max() < 0.01


def test_what_cannot_drive(
    subject: SimpleNamespace, film: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="headset's pictures"):
        video_source(SimpleNamespace(signal="hmc"), subject, film)  # type: ignore[arg-type]
    old = SimpleNamespace(keypoints=replace(subject.keypoints, rest=None))
    with pytest.raises(UsageError, match="train it again"):
        video_source(AVATAR, old, film)  # type: ignore[arg-type]
    monkeypatch.setattr("facekit.stages.detect.detect", detector(iter([False] * 4)))
    with pytest.raises(NoFaceError, match=r"no face was found in .*film\.mp4"):
        video_source(AVATAR, subject, film)  # type: ignore[arg-type]
    with pytest.raises(UnreadableError, match="does not exist"):
        video_source(AVATAR, subject, tmp_path / "none.mp4")  # type: ignore[arg-type]
