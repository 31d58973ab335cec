"""Crops and their matrices: what is seen at a crop pixel is what stands in the photo there."""

import numpy as np
import pytest

from facekit.detection.crops import PhotoPyramid, Placement, scale_of, transform


def ramp(width: int, height: int) -> np.ndarray:
    """A photo whose red is x and whose green is y of the pixel centre, 0 to 255."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return (255 * np.stack([x, y, 0 * x], axis=-1)).round().astype(np.uint8)


def test_matrix_maps_the_corners_of_an_upright_crop() -> None:
    matrix = Placement(np.array([50.0, 40.0]), 20.0).matrix(10)
    corners = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [5.0, 5.0]])
    np.testing.assert_allclose(transform(matrix, corners), [[40, 30], [60, 30], [60, 50], [50, 40]])
    assert scale_of(matrix) == pytest.approx(2)


def test_a_flipped_crop_has_the_same_centre_and_mirrored_sides() -> None:
    place = Placement(np.array([50.0, 40.0]), 20.0, 0.4)
    points = np.array([[5.0, 5.0], [0.0, 3.0]])
    mirrored = points * [-1, 1] + [10, 0]
    np.testing.assert_allclose(
        transform(place.matrix(10, flip=True), points), transform(place.matrix(10), mirrored)
    )
    assert np.linalg.det(place.matrix(10, flip=True)) < 0


def test_positive_angle_turns_x_towards_y() -> None:
    matrix = Placement(np.zeros(2), 2.0, np.pi / 2).matrix(2)
    np.testing.assert_allclose(transform(matrix, np.array([[2.0, 1.0]])), [[0, 1]], atol=1e-12)


@pytest.mark.parametrize("side", [40.0, 100.0, 330.0])
@pytest.mark.parametrize("angle", [0.0, 0.5])
@pytest.mark.parametrize("flip", [False, True])
def test_crop_shows_what_its_matrix_says(side: float, angle: float, flip: bool) -> None:
    size = 32
    matrix = Placement(np.array([330.0, 260.0]), side, angle).matrix(size, flip)
    crop = PhotoPyramid(ramp(640, 512)).crop(matrix, size)
    x, y = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    where = transform(matrix, np.stack([x.ravel(), y.ravel()], axis=1))
    expected = 255 * where / [640, 512]
    found = crop.reshape(-1, 3)[:, :2]
    assert np.abs(found - expected).max() < 1.5  # rounding of the ramp, twice
    shifted = 255 * (where + np.array([8, 0])) / [640, 512]
    assert np.abs(found - shifted).max() > 2  # the comparison can fail


def test_outside_of_the_photo_is_black() -> None:
    crop = PhotoPyramid(np.full((50, 50, 3), 200, np.uint8)).crop(Placement(np.zeros(2), 40.0).matrix(20), 20)
    assert (crop[:9] == 0).all()
    assert (crop[11:, 11:] == 200).all()


def test_small_crops_of_large_photos_are_not_aliased() -> None:
    checker = np.indices((512, 512)).sum(axis=0) % 2 * np.uint8(255)
    photo = np.repeat(checker[..., None], 3, axis=2).astype(np.uint8)
    crop = PhotoPyramid(photo).crop(Placement(np.array([256.0, 256.0]), 500.0).matrix(50), 50)
    assert np.abs(crop.astype(int) - 127).max() < 3
