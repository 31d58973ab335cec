"""Labelled photos: the layout of CelebAMask-HQ and that of synth photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facekit.errors import UnreadableError, UsageError
from facekit.files.images import write_image
from facekit.files.labelled import labelled_faces, read_labelled
from facekit.files.truth import write_truth

SIDE = 16


def square(low: int, high: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[low:high, low:high] = True
    return mask


@pytest.fixture
def celeb(tmp_path: Path) -> Path:
    pictures, parts = tmp_path / "CelebA-HQ-img", tmp_path / "CelebAMask-HQ-mask-anno"
    for number, folder in ((0, "0"), (2001, "1")):
        (parts / folder).mkdir(parents=True)
        pictures.mkdir(exist_ok=True)
        write_image(pictures / f"{number}.jpg", np.full((2 * SIDE, 2 * SIDE, 3), 120, np.uint8))
        masks = {"skin": square(2, 12), "nose": square(12, 14), "hair": square(0, 16), "eye_g": square(4, 6)}
        for name, mask in masks.items():
            if name != "eye_g" or number:
                write_image(parts / folder / f"{number:05d}_{name}.png", mask)
    return tmp_path


def test_celebamask(celeb: Path) -> None:
    photos = labelled_faces(celeb)
    assert [(path.name, is_celeb) for path, is_celeb in photos] == [("0.jpg", True), ("2001.jpg", True)]
    (bare,), (worn,) = (list(read_labelled(*photo)) for photo in photos)
    assert bare.image.shape == (SIDE, SIDE, 3)  # as large as the masks
    np.testing.assert_array_equal(bare.face, square(2, 12) | square(12, 14))  # no hair
    assert bare.occluder is None
    assert bare.landmarks is None
    assert worn.occluder is not None
    np.testing.assert_array_equal(worn.occluder, square(4, 6))
    assert not (worn.face & worn.occluder).any()


def test_a_photo_without_masks_is_named(celeb: Path) -> None:
    for path in (celeb / "CelebAMask-HQ-mask-anno" / "0").iterdir():
        path.unlink()
    with pytest.raises(UnreadableError, match=r"0\.jpg"):
        list(read_labelled(*labelled_faces(celeb)[0]))


def test_synthetic_photos(tmp_path: Path) -> None:
    image = np.full((SIDE, SIDE, 3), 120, np.uint8)
    for name, array in (("00000", image), ("00000.occluded", image // 2), ("00000.mask", square(3, 9))):
        write_image(tmp_path / f"{name}.png", array)
    write_image(tmp_path / "00000.face.png", square(2, 12))
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    write_truth(tmp_path / "00000.truth.npz", {"landmarks68_2d": points})
    bare, hidden = read_labelled(*labelled_faces(tmp_path)[0])
    assert bare.occluder is None
    assert bare.landmarks is not None
    np.testing.assert_array_equal(bare.landmarks, points)
    np.testing.assert_array_equal(hidden.face, square(2, 12) & ~square(3, 9))
    assert hidden.image.max() == 60


def test_folders_without_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--face-mask"):
        labelled_faces(tmp_path)
    with pytest.raises(UnreadableError, match="no folder"):
        labelled_faces(tmp_path / "nowhere")
