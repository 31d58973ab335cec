"""Masks that cannot be meant are refused or doubted."""

from pathlib import Path

import numpy as np
import pytest

from facekit.cli.inputs import read_photo_and_mask
from facekit.errors import UsageError
from facekit.files.images import write_image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_image(tmp_path / "photo.png", np.zeros((40, 60, 3), np.uint8))
    return tmp_path / "photo.png"


def mask_of(photo: Path, values: np.ndarray) -> Path:
    path = photo.with_name("mask.png")
    write_image(path, values.astype(np.uint8), force=True)
    return path


def test_no_mask_hides_nothing(photo: Path) -> None:
    assert read_photo_and_mask(photo, None)[1] is None


@pytest.mark.parametrize("brightest", [0, 1, 127])
def test_a_mask_without_white_is_refused(photo: Path, brightest: int) -> None:
    path = mask_of(photo, np.full((40, 60), brightest))
    with pytest.raises(UsageError, match=rf"mask.png hides nothing: .* pixel is {brightest}; paint"):
        read_photo_and_mask(photo, path)


def test_a_white_mask_is_refused(photo: Path) -> None:
    with pytest.raises(UsageError, match="hides the whole photo"):
        read_photo_and_mask(photo, mask_of(photo, np.full((40, 60), 255)))


@pytest.mark.parametrize("inverted", [False, True])
def test_a_mask_that_may_be_inverted_is_doubted(
    photo: Path, inverted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = np.zeros((40, 60), bool)
    hidden[20:, 15:45] = True
    hidden[10:12] = True  # glasses with arms, from border to border
    hidden[-1] = False
    read, found = read_photo_and_mask(photo, mask_of(photo, 255 * (hidden ^ inverted)))
    assert found is not None
    np.testing.assert_array_equal(found, hidden ^ inverted)
    assert read.pixels.shape == (40, 60, 3)
    assert ("invert the mask" in capsys.readouterr().err) == inverted


def test_a_photo_in_place_of_the_mask_is_doubted(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3))
    read_photo_and_mask(photo, mask_of(photo, noise))
    assert "looks like a photo" in capsys.readouterr().err
    mask_of(photo, np.clip(np.linspace(-400, 600, 60), 0, 255) * np.ones((40, 1)))  # a soft border
    read_photo_and_mask(photo, photo.with_name("mask.png"))
    assert "looks like" not in capsys.readouterr().err
