"""From crops back to the photo, mirror names, uncertainty, and what the mask does to it."""

import numpy as np
import pytest
from seeing import SIZE, Seeing, face68, ramp

from facekit.detection.crops import PhotoPyramid, Placement
from facekit.detection.points import longer_side
from facekit.detection.reading import (
    FLOOR_SIGMA,
    HIDDEN_SIGMA,
    as_landmarks,
    cover,
    follow,
    place,
    read_face,
    read_once,
    under_mask,
)

PHOTO = PhotoPyramid(ramp())


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [0.0, -0.6, 2.5])
def test_points_come_back_to_photo_pixels(flip: bool, angle: float) -> None:
    truth = face68()
    read = read_once(Seeing(truth), PHOTO, Placement(np.array([330.0, 250.0]), 180.0, angle), flip)
    # 8-bit rounding of the ramp moves the answer by up to 0.6 px; half a pixel of the crop is 1.4 px
    np.testing.assert_allclose(read.points, truth, atol=0.8)


def test_follow_centres_the_crop_on_the_face() -> None:
    network = Seeing(face68(centre=(350, 230), width=120))
    placed = follow(network, [PHOTO], Placement(np.array([300.0, 260.0]), 300.0))
    low, high = network.truth.min(axis=0), network.truth.max(axis=0)
    np.testing.assert_allclose(placed.centre, (low + high) / 2, atol=0.8)
    assert placed.side == pytest.approx(1.5 * (high - low).max(), rel=0.01)
    assert abs(placed.angle) < 0.01


def test_place_is_upright_by_the_eyes_and_moves_down_by_the_shift() -> None:
    points = face68()
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    placed = place((points - points.mean(axis=0)) @ turn.T + points.mean(axis=0), "ibug68", 2.0)
    assert placed.angle == pytest.approx(0.5)
    lower = place(points, "ibug68", 2.0, shift=0.1)
    assert lower.centre[1] - place(points, "ibug68", 2.0).centre[1] == pytest.approx(lower.side / 2 * 0.1)


def test_sigma_follows_the_noise_of_the_network() -> None:
    noise = np.where(np.arange(68) < 34, 0.3, 4.0)
    network = Seeing(face68(), noise)
    start = place(network.truth, "ibug68", 1.5)
    read = read_face(network, [PHOTO, PHOTO], start)
    assert np.median(read.spread[34:]) > 6 * np.median(read.spread[:34])
    error = np.linalg.norm(read.points - network.truth, axis=1)
    once = np.linalg.norm(read_once(network, PHOTO, start).points - network.truth, axis=1)
    assert error[34:].mean() < 0.6 * once[34:].mean()
    sigma = as_landmarks(read, network, 0.9, None, SIZE).sigma
    assert (sigma >= np.float32(0.999 * FLOOR_SIGMA * 100)).all()
    assert np.median(sigma[34:]) > np.median(sigma[:34])


def test_hidden_and_outside_points_get_a_large_sigma() -> None:
    network = Seeing(face68(centre=(320, 20)))  # brows and more above the upper edge
    start = place(network.truth, "ibug68", 1.5)
    hidden = np.zeros((SIZE[1], SIZE[0]), bool)
    hidden[40:, :320] = True
    found = as_landmarks(read_face(network, [PHOTO], start), network, 0.9, hidden, SIZE)
    x, y = network.truth.T
    sure = (np.abs(x - 320) > 4) & (np.abs(y - 40) > 4)
    assert (found.hidden == ((x < 320) & (y > 40)))[sure].all()
    large = found.sigma > 0.99 * HIDDEN_SIGMA * longer_side(found.box)
    assert (large == (found.hidden | (found.points[:, 1] < 0))).all()
    assert not found.hidden[found.points[:, 1] < 0].any()


def test_points_at_the_rim_of_the_mask_count_as_hidden() -> None:
    hidden = np.zeros((50, 50), bool)
    hidden[:, 25:] = True
    points = np.array([[24.5, 10.0], [22.0, 10.0], [25.5, 10.0], [60.0, 10.0], [np.nan, 3.0]])
    assert list(under_mask(points, hidden)) == [False, False, True, False, False]
    assert list(under_mask(points, hidden, rim=2)) == [True, False, True, False, False]
    assert not under_mask(points, None).any()


def test_cover_without_a_mask_changes_nothing_that_is_inside() -> None:
    network = Seeing(face68())
    found = as_landmarks(
        read_face(network, [PHOTO], place(network.truth, "ibug68", 1.5)), network, 0.9, None, SIZE
    )
    again = cover(found, None)
    assert (again.sigma == found.sigma).all()
    assert not again.hidden.any()
