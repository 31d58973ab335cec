"""Folders of occluded photos, in each of the layouts that are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files.cases import CaseFiles, find_cases, find_photos, read_pictures, read_truth
from facekit.files.images import write_image
from facekit.files.models import load_model
from facekit.files.truth import write_truth

PHOTO = np.zeros((40, 30, 3), np.uint8)
MASK = np.arange(40)[:, None] < np.full(30, 10)


def put(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write_image(name, MASK if "mask" in name else PHOTO)


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_synth_writes_also_in_folders_within() -> None:
    put("a/glasses/00000.png", "a/glasses/00000.occluded.png", "a/glasses/00000.mask.png")
    put("a/blob/00000.png", "a/blob/00000.occluded.png", "a/blob/00000.mask.png", "a/blob/00001.png")
    Path("a/.hidden").mkdir()
    Path("a/blob/00000.truth.npz").touch()
    found = find_cases([Path("a")])
    assert [case.name for case in found] == ["blob-00000", "glasses-00000"]
    assert all(case.photo.name == "00000.occluded.png" for case in found)
    assert [case.truth is not None for case in found] == [True, False]


def test_photos_with_masks_beside_them() -> None:
    put("a/anna_eyes.jpg", "a/anna_eyes.mask.png")
    (case,) = find_cases([Path("a")])
    assert case.photo.name == "anna_eyes.jpg"
    photo, hidden = read_pictures(case)
    assert photo.shape == (40, 30, 3)
    assert hidden.sum() == 300


def test_the_layout_of_a_bench() -> None:
    put("a/occ/s00_blob.png", "a/mask/s00_blob.png", "a/occ/s01_blob.png", "a/photo/s00.png")
    (case,) = find_cases([Path("a")])
    assert (case.name, case.truth) == ("s00_blob", None)


def test_several_folders_keep_their_names_apart() -> None:
    put("a/0.png", "a/0.mask.png", "b/0.png", "b/0.mask.png", "c/b/0.png", "c/b/0.mask.png")
    assert [case.name for case in find_cases([Path("a"), Path("b")])] == ["a-0", "b-0"]
    with pytest.raises(UsageError, match="same name"):
        find_cases([Path("b"), Path("c/b")])


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(UnreadableError, match="no folder"):
        find_cases([Path("nowhere")])
    put("a/0.png")
    with pytest.raises(UsageError, match="no photo with a mask"):
        find_cases([Path("a")])
    put("b/0.mask.png")
    with pytest.raises(UnreadableError, match="no photo beside"):
        find_cases([Path("b")])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("s00_blob", "blob"), ("glasses-00000", "00000"), ("photo", "other"), ("a_side", "side")],
)
def test_the_name_tells_what_hides_a_face_without_truth(name: str, kind: str) -> None:
    case = CaseFiles(name, Path("a.png"), Path("a.mask.png"), None)
    assert read_truth(case, load_model()) == (kind, None)


def test_truth_is_of_the_model_or_refused() -> None:
    model = load_model()
    truth = {
        "vertices": model.mean.astype(np.float32),
        "occluder": np.array("glasses"),
        "K": np.eye(3),
        "R": np.eye(3),
        "t": np.zeros(3),
        "image_size": np.array([30, 40], np.int32),
    }
    write_truth("a.truth.npz", truth)
    case = CaseFiles("a", Path("a.png"), Path("a.mask.png"), Path("a.truth.npz"))
    kind, known = read_truth(case, model)
    assert kind == "glasses"
    assert known is not None
    assert known.vertices.shape == model.mean.shape
    assert known.camera.image_size.tolist() == [30, 40]
    with pytest.raises(WrongKindError, match="--model it was made with"):
        read_truth(case, replace(model, mean=model.mean[:-1]))
    write_truth("b.truth.npz", {"vertices": model.mean})
    with pytest.raises(WrongKindError, match="not what facekit synth photos writes"):
        read_truth(replace(case, truth=Path("b.truth.npz")), model)


def test_the_whole_photo_of_each_layout() -> None:
    put("a/0.png", "a/0.occluded.png", "a/0.mask.png", "a/1.occluded.png", "a/1.mask.png")
    put("a/2.jpg", "a/2.mask.png")
    put("b/occ/s00_blob.png", "b/mask/s00_blob.png", "b/photo/s00.png")
    put("b/occ/s01_blob.png", "b/mask/s01_blob.png")
    whole = {case.name: case.whole and case.whole.name for case in find_cases([Path("a"), Path("b")])}
    expected = {"a-0": "0.png", "a-1": None, "a-2": "2.jpg", "b-s00_blob": "s00.png", "b-s01_blob": None}
    assert whole == expected


def test_whole_photos_alone() -> None:
    put("a/anna.jpg", "a/b/0.png", "a/b/0.occluded.png", "a/b/0.mask.png", "a/.c/1.png")
    Path("a/b/0.truth.npz").touch()
    Path("a/notes.txt").touch()
    found = find_photos([Path("a")])
    assert [(one.name, one.truth is not None) for one in found] == [("anna", False), ("b-0", True)]
    Path("empty").mkdir()
    with pytest.raises(UsageError, match="no photos"):
        find_photos([Path("empty")])
    with pytest.raises(UnreadableError):
        find_photos([Path("nowhere")])
    put("a/anna.png")
    with pytest.raises(UsageError, match="same name"):
        find_photos([Path("a")])
