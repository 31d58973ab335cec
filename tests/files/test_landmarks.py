"""Landmarks from every form of file, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekit.errors import FacekitError, UnreadableError, UsageError, WrongKindError
from facekit.files.landmarks import read_landmarks
from facekit.files.npz import write_record
from facekit.records import Landmarks, Record

SIZE = (480, 640)  # H, W
POINTS = np.random.default_rng(0).uniform(100, 300, (68, 2)).round(2)


def check(landmarks: Landmarks, points: np.ndarray = POINTS) -> None:
    np.testing.assert_allclose(landmarks.points, points, atol=1e-4)
    assert landmarks.points.dtype == np.float32
    assert landmarks.detector == "imported"
    assert list(landmarks.image_size) == [640, 480]
    assert landmarks.scheme == ("ibug68" if len(points) == 68 else "mediapipe478")


@pytest.mark.parametrize("key", [None, "points", "landmarks", "landmarks_2d"])
def test_json(key: str | None, tmp_path: Path) -> None:
    rows = POINTS.tolist()
    (tmp_path / "a.json").write_text(json.dumps(rows if key is None else {key: rows}))
    found = read_landmarks(tmp_path / "a.json", SIZE)
    check(found)
    side = np.ptp(POINTS, axis=0).max()
    np.testing.assert_allclose(found.sigma, 0.01 * side, rtol=1e-5)
    assert np.isnan(found.depth).all()


def test_json_with_missing_points_accuracy_and_depth(tmp_path: Path) -> None:
    rows: list[object] = [[*p, 3.5] for p in POINTS.tolist()]
    rows[5] = None
    table = {"points": rows, "sigma": [2.0] * 68, "hidden": [i > 60 for i in range(68)]}
    (tmp_path / "a.json").write_text(json.dumps(table))
    found = read_landmarks(tmp_path / "a.json", SIZE)
    assert np.isnan(found.points[5]).all()
    assert np.isinf(found.sigma[5])
    assert found.sigma[6] == 2
    assert found.depth[6] == 3.5
    assert list(np.flatnonzero(found.hidden)) == list(range(61, 68))
    write_record(tmp_path / "b.landmarks.npz", found)  # it is a valid record
    assert read_landmarks(tmp_path / "b.landmarks.npz", SIZE).sigma[6] == 2


def test_pts_counts_pixels_from_one(tmp_path: Path) -> None:
    lines = "\n".join(f"{x} {y}" for x, y in POINTS)
    (tmp_path / "a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n")
    check(read_landmarks(tmp_path / "a.pts", SIZE), POINTS - 0.5)


@pytest.mark.parametrize("separator", [" ", ",", ", ", "\t"])
def test_text(separator: str, tmp_path: Path) -> None:
    lines = "\n".join(separator.join(map(str, p)) for p in POINTS)
    (tmp_path / "a.txt").write_text(f"# x y\n{lines}\n")
    check(read_landmarks(tmp_path / "a.txt", SIZE))


def test_numpy_files(tmp_path: Path) -> None:
    mesh = np.random.default_rng(1).uniform(50, 400, (478, 3))
    np.save(tmp_path / "a.npy", mesh)
    found = read_landmarks(tmp_path / "a.npy", SIZE)
    check(found, mesh[:, :2])
    np.testing.assert_allclose(found.depth, mesh[:, 2], rtol=1e-6)
    np.savez(tmp_path / "a.npz", landmarks=POINTS, sigma=np.full(68, 1.5))
    check(read_landmarks(tmp_path / "a.npz", SIZE))


def test_a_record_must_belong_to_the_photo(tmp_path: Path, records: dict[str, Record]) -> None:
    record = records["landmarks"]
    assert isinstance(record, Landmarks)
    write_record(tmp_path / "a.npz", record)
    found = read_landmarks(tmp_path / "a.npz", SIZE)
    assert (found.points == record.points).all()
    write_record(tmp_path / "b.npz", replace(record, image_size=np.array([480, 640], np.int32)))
    with pytest.raises(UsageError, match="480×640"):
        read_landmarks(tmp_path / "b.npz", SIZE)
    write_record(tmp_path / "c.npz", records["camera"])
    with pytest.raises(WrongKindError, match="camera"):
        read_landmarks(tmp_path / "c.npz", SIZE)


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("[1, 2", UnreadableError, "JSON"),
        ("{}", WrongKindError, "no list named"),
        ('{"points": 3}', WrongKindError, "not a list"),
        ("[[1, 2], [3]]", UnreadableError, "two or three numbers"),
        (json.dumps(POINTS[:5].tolist()), WrongKindError, "5 points; expected 68 or 478"),
        (json.dumps([None] * 68), WrongKindError, "not missing"),
        (json.dumps((POINTS / 1000).tolist()), UsageError, "pixels"),
        (json.dumps((POINTS + 1000).tolist()), UsageError, "outside"),
        (json.dumps({"points": POINTS.tolist(), "sigma": [1]}), WrongKindError, "one value for each point"),
        (json.dumps({"points": POINTS.tolist(), "sigma": [0] * 68}), WrongKindError, "positive"),
    ],
)
def test_what_is_refused(content: str, error: type[FacekitError], words: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(error, match=words) as caught:
        read_landmarks(tmp_path / "a.json", SIZE)
    assert "a.json" in str(caught.value)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.pts").write_text("1 2\n3 4\n")
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 damaged")
    (tmp_path / "c.txt").write_text("I am a text.\n")
    for name in ("a.pts", "b.npz", "c.txt", "missing.json"):
        with pytest.raises(UnreadableError, match=name):
            read_landmarks(tmp_path / name, SIZE)
    (tmp_path / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    np.savez(tmp_path / "e.npz", other=POINTS)
    for name in ("d.png", "e.npz"):
        with pytest.raises(WrongKindError, match=name):
            read_landmarks(tmp_path / name, SIZE)
