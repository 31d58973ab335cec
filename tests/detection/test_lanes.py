"""Looks side by side give what looks one after the other give."""

import threading

import numpy as np
import pytest
from skimage.data import astronaut

from facekit.detection import lanes
from facekit.detection.crops import PhotoPyramid, Placement
from facekit.detection.facemesh import FaceMesh
from facekit.detection.lanes import side_by_side
from facekit.detection.reading import read_face


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_keep_their_order(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "thread_count", lambda: threads)
    assert side_by_side(lambda x, lane: x * x, range(20)) == [x * x for x in range(20)]
    assert side_by_side(lambda x, lane: x, []) == []


def test_no_two_threads_share_a_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "thread_count", lambda: 5)
    busy, clashes = [threading.Lock() for _ in range(2)], []

    def look(x: int, lane: int) -> int:
        if not busy[lane].acquire(blocking=False):
            clashes.append(x)
        else:
            np.linalg.inv(np.eye(60) + x)
            busy[lane].release()
        return lane

    assert set(side_by_side(look, range(200))) <= {0, 1}
    assert not clashes


def test_an_error_in_one_look_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "thread_count", lambda: 2)

    def look(x: int, lane: int) -> int:
        if x == 3:
            raise ValueError("no face here")
        return x

    with pytest.raises(ValueError, match="no face here"):
        side_by_side(look, range(8))


def test_a_face_is_read_alike_on_one_thread_and_on_two(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, face = PhotoPyramid(astronaut()), Placement(np.array([226.0, 125.0]), 160.0)
    readings = []
    for threads in (1, 2):
        monkeypatch.setattr(lanes, "thread_count", lambda count=threads: count)
        readings.append(read_face(FaceMesh(), [photo], face))
    assert (readings[0].points == readings[1].points).all()
    assert (readings[0].spread == readings[1].spread).all()
