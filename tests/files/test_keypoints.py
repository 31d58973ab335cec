"""Tracks of keypoints: written and read, and what is no track."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facekit.errors import UnreadableError, WrongKindError
from facekit.files.keypoints import KeypointTrack, read_keypoints, write_keypoints


def test_written_and_read(tmp_path: Path) -> None:
    points = np.random.default_rng(0).random((4, 3, 2)).astype(np.float32)
    points[1, 2] = np.nan
    write_keypoints(tmp_path / "a.npz", KeypointTrack(points, np.array([3, 1, 2], np.int32), 25.0))
    back = read_keypoints(tmp_path / "a.npz")
    np.testing.assert_array_equal(back.points, points)
    assert (back.index.tolist(), back.fps) == ([3, 1, 2], 25.0)
    np.savez(tmp_path / "b.npz", points=points)
    assert (len(read_keypoints(tmp_path / "b.npz").index), read_keypoints(tmp_path / "b.npz").fps) == (
        0,
        30.0,
    )


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"other": np.zeros(3)}, "no keypoints"),
        ({"points": np.zeros((4, 3))}, "no keypoints"),
        ({"points": np.zeros((4, 3, 2)), "index": np.arange(5)}, "index"),
        ({"points": np.zeros((4, 3, 2)), "fps": 0.0}, "fps"),
    ],
)
def test_no_track(tmp_path: Path, arrays: dict[str, np.ndarray], word: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(WrongKindError, match=word):
        read_keypoints(tmp_path / "a.npz")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="does not exist"):
        read_keypoints(tmp_path / "none.npz")
    (tmp_path / "b.npz").write_bytes(b"PK not a file")
    with pytest.raises(UnreadableError, match="damaged"):
        read_keypoints(tmp_path / "b.npz")
