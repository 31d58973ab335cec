"""Photos with what is known of their faces: synth photos' folders, and 300W-LP's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files.images import write_image
from facekit.files.known_faces import find_known, read_known
from facekit.files.models import load_model
from facekit.files.truth import write_truth
from facekit.fitting.view import FRONTAL, View
from facekit.morphable.model import FaceModel
from facekit.networks.lp300 import rotation_of

SIZE = 90


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model()


def _photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)


def _annotated(folder: Path, model: FaceModel, pose: tuple[float, float, float], name: str = "a") -> View:
    """A photo as 300W-LP has it, of the mean face."""
    view = View(rotation_of(*pose), np.array([50.0, 40.0]), 300.0, 1e7, np.zeros(2))
    marks = view.project(model.topology.embeddings["ibug68"].points(model.mean))
    para = np.array([[*pose, 50.0, SIZE - 40.0, -60.0, 3e-4]])
    savemat(folder / f"{name}.mat", {"Pose_Para": para, "pt2d": marks.T, "Shape_Para": np.zeros((199, 1))})
    write_image(folder / f"{name}.jpg", _photo())
    return view


def test_an_annotation_becomes_a_view(tmp_path: Path, model: FaceModel) -> None:
    truth = _annotated(tmp_path, model, (-0.2, 0.5, 0.1))
    _annotated(tmp_path, model, (0.0, 0.0, 0.0), "a_Flip")
    (path,) = find_known(tmp_path)
    face = read_known(path, model)
    assert face.code is None  # of another face model
    assert face.view is not None
    assert np.allclose(face.view.rotation, truth.rotation)
    assert np.allclose(face.view.origin, truth.origin, atol=0.05)
    assert face.view.scale == pytest.approx(truth.scale, rel=1e-3)


def test_angles_turn_as_300w_lp_says() -> None:
    """As the picture shows it: x to the right, y down."""
    assert np.allclose(rotation_of(0, 0, 0), FRONTAL)
    nose = np.array([0.0, 0.0, 1.0])
    assert (rotation_of(0.3, 0, 0) @ nose)[1] < 0  # up in the picture
    assert (rotation_of(0, 0.3, 0) @ nose)[0] < 0  # left in the picture
    crown = np.array([0.0, 1.0, 0.0])
    assert (rotation_of(0, 0, 0.3) @ crown)[0] > 0  # clockwise in the picture


def test_landmarks_that_are_not_seen_are_left_out(tmp_path: Path, model: FaceModel) -> None:
    _annotated(tmp_path, model, (0.0, 0.2, 0.0))
    from scipy.io import loadmat

    arrays = loadmat(tmp_path / "a.mat")
    arrays["pt2d"][:, 20:25] = -1
    savemat(tmp_path / "a.mat", {name: arrays[name] for name in ("Pose_Para", "pt2d")})
    face = read_known(tmp_path / "a.mat", model)
    assert np.isnan(face.landmarks[20:25]).all()
    assert face.view is not None
    assert np.allclose(face.view.origin, [50.0, 40.0], atol=0.05)


def _synthetic(folder: Path, model: FaceModel, size: int) -> None:
    truth = {
        "code": np.full(size, 0.5, np.float32),
        "K": np.array([[200.0, 0, SIZE / 2], [0, 200.0, SIZE / 2], [0, 0, 1]]),
        "R": FRONTAL,
        "t": np.array([0.0, 0.0, 0.8]),
        "landmarks68_2d": np.random.default_rng(0).uniform(20, 70, (68, 2)).astype(np.float32),
    }
    write_truth(folder / "00000.truth.npz", truth)
    write_image(folder / "00000.png", _photo())
    write_image(folder / "00000.mask.png", np.zeros((SIZE, SIZE), np.uint8))


def test_a_synthetic_photo_tells_everything(tmp_path: Path, model: FaceModel) -> None:
    _synthetic(tmp_path, model, model.size)
    face = read_known(find_known(tmp_path)[0], model)
    assert np.array_equal(face.photo, _photo())
    assert face.code is not None
    assert face.occluder is not None
    assert face.view is not None
    assert face.view.scale == pytest.approx(250.0)


def test_other_files_are_told_from_these(tmp_path: Path, model: FaceModel) -> None:
    with pytest.raises(UnreadableError, match="is no folder"):
        find_known(tmp_path / "nothing")
    with pytest.raises(UsageError, match="holds no photo whose face is known"):
        find_known(tmp_path)
    _synthetic(tmp_path, model, 7)
    with pytest.raises(WrongKindError, match="another face model"):
        read_known(tmp_path / "00000.truth.npz", model)
    write_image(tmp_path / "b.jpg", _photo())
    (tmp_path / "b.mat").write_bytes(b"not a MATLAB file")
    with pytest.raises(UnreadableError, match="not a sound MATLAB file"):
        read_known(tmp_path / "b.mat", model)
    savemat(tmp_path / "b.mat", {"pt2d": np.zeros((2, 5))})
    with pytest.raises(WrongKindError, match="lacks Pose_Para"):
        read_known(tmp_path / "b.mat", model)
