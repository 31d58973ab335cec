"""PSNR, SSIM and the perceptual distance on pictures whose differences are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from facekit.metrics.perceptual import by_features, perceptual_distance
from facekit.metrics.pictures import psnr, ssim

SIDE = 200
EVERYWHERE = np.ones((SIDE, SIDE), bool)
BOX = (0, 0, SIDE, SIDE)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """The face of a photo that ships with scikit-image."""
    return np.ascontiguousarray(astronaut()[20 : 20 + SIDE, 110 : 110 + SIDE, :3])


def blurred(photo: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(photo, (0, 0), sigma)


def noisy(photo: np.ndarray, spread: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, spread, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


def test_over_the_whole_picture_they_are_the_usual_ones(photo: np.ndarray) -> None:
    other = noisy(photo, 9)
    assert psnr(other, photo, EVERYWHERE) == pytest.approx(peak_signal_noise_ratio(photo, other), abs=1e-9)
    usual = structural_similarity(
        photo, other, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )[1].mean()
    assert ssim(other, photo, EVERYWHERE) == pytest.approx(usual, abs=1e-9)


def test_ten_levels_off_are_28_decibels(photo: np.ndarray) -> None:
    grey = np.full_like(photo, 100)
    assert psnr(grey + 10, grey, EVERYWHERE) == pytest.approx(28.1308, abs=1e-3)
    assert psnr(grey, grey, EVERYWHERE) > 100


def test_only_what_is_asked_for_counts(photo: np.ndarray) -> None:
    where = np.zeros_like(EVERYWHERE)
    where[40:60, 40:60] = True
    beside = photo.copy()
    beside[:20] = 0
    assert psnr(beside, photo, where) > 100
    assert ssim(beside, photo, where) == pytest.approx(1)
    assert (
        perceptual_distance(beside, photo, where, BOX)
        < 0.01
        < perceptual_distance(beside, photo, ~where, BOX)
    )
    inside = np.where(where[..., None], 0, photo).astype(np.uint8)  # must fail
    assert psnr(inside, photo, where) < 20
    assert ssim(inside, photo, where) < 0.5
    assert perceptual_distance(inside, photo, where, BOX) > 0.1


@pytest.mark.parametrize(
    ("size", "where"), [((SIDE, SIDE), np.zeros((SIDE, SIDE), bool)), ((64, 64), EVERYWHERE)]
)
def test_nothing_to_measure_is_refused(photo: np.ndarray, size: tuple[int, int], where: np.ndarray) -> None:
    for figure in (psnr, ssim):
        with pytest.raises(ValueError, match=r"pixels|sizes"):
            figure(photo[: size[0], : size[1]], photo, where)
    with pytest.raises(ValueError, match=r"pixels|sizes"):
        perceptual_distance(photo[: size[0], : size[1]], photo, where, BOX)


def test_more_blur_noise_and_shift_look_farther(photo: np.ndarray) -> None:
    def distance(picture: np.ndarray) -> float:
        return perceptual_distance(picture, photo, EVERYWHERE, BOX)

    assert distance(photo) == 0
    for worse in (
        [blurred(photo, s) for s in (0.6, 1.5, 3.0, 8.0)],
        [noisy(photo, s) for s in (2, 6, 15, 40)],
        [np.roll(photo, s, axis=1) for s in (1, 2, 4, 9)],
    ):
        distances = [distance(picture) for picture in worse]
        assert distances == sorted(distances)
        assert distances[-1] > 5 * distances[0] > 0


def test_it_looks_at_the_picture_where_psnr_counts_pixels(photo: np.ndarray) -> None:
    """A picture a pixel aside looks nearer than a blurred one of the same error; brighter, than noisy."""
    aside, soft = np.roll(photo, 1, axis=1), blurred(photo, 2.2)
    assert psnr(aside, photo, EVERYWHERE) < psnr(soft, photo, EVERYWHERE)
    distance = [perceptual_distance(p, photo, EVERYWHERE, BOX) for p in (aside, soft)]
    assert distance[0] < distance[1]
    grey = (photo // 2 + 40).astype(np.uint8)
    brighter, grainy = grey + np.uint8(15), noisy(grey, 15)
    distance = [perceptual_distance(p, grey, EVERYWHERE, BOX) for p in (brighter, grainy)]
    assert distance[0] < 0.5 * distance[1]


def test_other_features_can_look(photo: np.ndarray) -> None:
    """One minus the cosine, by hand: features at right angles are 1 apart, and a layer alike halves it."""

    def features(picture: np.ndarray) -> list[np.ndarray]:
        dark = float(picture.mean() < 100)
        one = np.broadcast_to(np.array([dark, 1 - dark], np.float32), (4, 4, 2))
        return [one, np.ones((2, 2, 3), np.float32)]

    by = by_features("by hand", features)
    dark, light = np.zeros_like(photo), np.full_like(photo, 200)
    assert perceptual_distance(dark, light, EVERYWHERE, BOX, by) == pytest.approx(0.5)
    assert perceptual_distance(dark, dark, EVERYWHERE, BOX, by) == 0
