"""The MediaPipe networks on a real photo."""

import subprocess
import sys

import numpy as np
from skimage.data import astronaut

from facekit.detection.crops import PhotoPyramid, Placement
from facekit.detection.facemesh import FaceMesh, raw_boxes
from facekit.detection.reading import read_once
from facekit.detection.schemes import MIRROR_478, OUTLINE

FACE = Placement(np.array([226.0, 125.0]), 160.0)


def test_boxes_of_a_real_face() -> None:
    photo = astronaut()
    for full_range, picture in ((False, photo[:256, 100:356]), (True, photo)):
        best = max(raw_boxes(picture, full_range), key=lambda b: b.score)
        offset = [100, 0] if not full_range else [0, 0]
        assert np.linalg.norm(best.centre + offset - FACE.centre) < 20
        assert 60 < best.side < 130
        assert abs(best.angle) < 0.2
    assert raw_boxes(np.full((128, 128, 3), 90, np.uint8), False) == []


def test_the_mirror_table_is_what_the_network_does() -> None:
    """Read upright and mirrored, each point must be nearest to itself after the names are exchanged."""
    photo, network = PhotoPyramid(astronaut()), FaceMesh()
    plain = read_once(network, photo, FACE).points
    mirrored = read_once(network, photo, FACE, flip=True).points
    assert np.linalg.norm(plain - mirrored, axis=1).mean() < 1.5  # px of a face of 100 px
    unnamed = mirrored[MIRROR_478]
    assert np.linalg.norm(plain - unnamed, axis=1)[OUTLINE["mediapipe478"]].mean() > 20


def test_presence_tells_a_face_from_a_wall() -> None:
    photo, network = PhotoPyramid(astronaut()), FaceMesh()
    assert read_once(network, photo, FACE).confidence[0] > 0.95
    assert read_once(network, photo, Placement(np.array([60.0, 330.0]), 160.0)).confidence[0] < 0.7


def test_reading_is_repeatable() -> None:
    crop = PhotoPyramid(astronaut()).crop(FACE.matrix(192), 192)
    first, second = FaceMesh().landmarks(crop), FaceMesh().landmarks(crop)
    assert (first.points == second.points).all()
    assert first.points.shape == (478, 2)
    assert np.isfinite(first.depth).all()


def test_nothing_is_said_on_stderr() -> None:
    code = (
        "import numpy as np\n"
        "from facekit.detection.facemesh import FaceMesh, raw_boxes\n"
        "FaceMesh().landmarks(np.zeros((192, 192, 3), np.uint8))\n"
        "raw_boxes(np.zeros((128, 128, 3), np.uint8), True)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    assert run.stdout == ""
