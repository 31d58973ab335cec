"""face-alignment through its own loading code: without weights, with damaged ones, with a tiny network."""

import urllib.error
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from facekit.detection import fan
from facekit.detection.crops import Placement
from facekit.detection.reading import read_once
from facekit.errors import ModelUnavailableError, NoFaceError, UnreadableError, UsageError
from facekit.stages.detect import detect, make_detector

FILE = "2DFAN4-11f355bf06.pth.tar"
PLACES = torch.tensor(
    [[8 + 6 * (i % 9), 10 + 5 * (i // 9)] for i in range(68)]
)  # cells x, y of the 64² heat map


class Painter(torch.nn.Module):
    """Stands in for the 24 million parameter network: a heat map with one peak for each landmark."""

    def __init__(self, modules: int = 4) -> None:
        super().__init__()
        self.height = torch.nn.Parameter(torch.tensor(0.8))

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        assert pictures.shape[1:] == (3, 256, 256)
        maps = torch.zeros(len(pictures), 68, 64, 64)
        maps[:, torch.arange(68), PLACES[:, 1], PLACES[:, 0]] = self.height.detach()
        return [maps]


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of weights, and no network."""

    def offline(*args: object, **kwargs: object) -> None:
        raise urllib.error.URLError("no network in tests")

    import face_alignment.utils

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(face_alignment.utils, "download_url_to_file", offline)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    fan._load.cache_clear()
    yield folder
    fan._load.cache_clear()


@pytest.fixture
def painter(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of the stand-in, in a file of the real name."""
    import face_alignment.api

    for name, function in list(vars(face_alignment.utils).items()):
        if hasattr(function, "py_func"):  # numba would compile for ten seconds what takes a millisecond
            monkeypatch.setattr(face_alignment.utils, name, function.py_func)
    monkeypatch.setattr(face_alignment.api, "FAN", Painter)
    torch.save(Painter().state_dict(), checkpoints / FILE)


def test_absent_weights_are_named_with_size_and_place(checkpoints: Path) -> None:
    with pytest.raises(ModelUnavailableError) as error:
        make_detector("face-alignment")
    for part in (FILE, "96 MB", str(checkpoints), "--detector mediapipe"):
        assert part in str(error.value)


def test_damaged_weights(checkpoints: Path) -> None:
    (checkpoints / FILE).write_bytes(b"not a checkpoint")
    with pytest.raises(UnreadableError, match="damaged"):
        make_detector("face-alignment")


def test_weights_of_another_network(checkpoints: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, checkpoints / FILE)
    with pytest.raises(UnreadableError, match="not 2DFAN-4"):
        make_detector("face-alignment")


@pytest.mark.usefixtures("painter")
def test_peaks_come_back_as_points_of_the_crop() -> None:
    network = make_detector("face-alignment")
    reading = network.landmarks(np.full((256, 256, 3), 128, np.uint8))
    expected = (PLACES.numpy() + 0.5) * 4
    np.testing.assert_allclose(reading.points, expected, atol=2.0)  # half a cell of the heat map
    np.testing.assert_allclose(reading.confidence, 0.8, atol=1e-6)
    assert np.isnan(reading.depth).all()


@pytest.mark.usefixtures("painter")
def test_points_of_the_photo() -> None:
    from facekit.detection.crops import PhotoPyramid

    photo = PhotoPyramid(np.full((600, 600, 3), 128, np.uint8))
    read = read_once(make_detector("face-alignment"), photo, Placement(np.array([300.0, 200.0]), 512.0))
    np.testing.assert_allclose(read.points, (PLACES.numpy() + 0.5) * 8 + [44, -56], atol=4.0)


@pytest.mark.usefixtures("painter")
def test_nonsense_is_not_taken_for_a_face() -> None:
    from skimage.data import astronaut

    with pytest.raises(NoFaceError, match="--detector mediapipe"):
        detect(astronaut(), detector="face-alignment")


def test_the_mesh_scheme_is_refused_before_weights_are_looked_for(checkpoints: Path) -> None:
    with pytest.raises(UsageError, match="ibug68"):
        detect(np.zeros((64, 64, 3), np.uint8), detector="face-alignment", scheme="mediapipe478")
