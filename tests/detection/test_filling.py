"""Filling leaves seen pixels alone and hidden ones plausible."""

import numpy as np

from facekit.detection.filling import brighten, dilate, smooth_fill


def test_dilation_grows_by_the_radius() -> None:
    mask = np.zeros((21, 21), bool)
    mask[10, 10] = True
    grown = dilate(mask, 3)
    assert grown[10, 7:14].all()
    assert not grown[10, [6, 14]].any()
    assert dilate(mask, 0.4) is mask


def test_filling_keeps_what_is_seen_and_bridges_what_is_not() -> None:
    x = np.linspace(50, 200, 160)
    photo = np.repeat(np.tile(x, (120, 1))[..., None], 3, axis=2).astype(np.uint8)
    hidden = np.zeros((120, 160), bool)
    hidden[40:80, 60:100] = True
    spoiled = np.where(hidden[..., None], np.uint8(255), photo)
    filled = smooth_fill(spoiled, hidden)
    far = ~dilate(hidden, 2)
    assert (filled[far] == photo[far]).all()
    assert np.abs(filled[hidden].astype(int) - photo[hidden].astype(int)).max() < 20
    assert np.abs(spoiled[hidden].astype(int) - photo[hidden].astype(int)).max() > 50


def test_a_constant_photo_stays_constant() -> None:
    photo = np.full((64, 48, 3), (200, 120, 90), np.uint8)
    hidden = np.random.default_rng(0).random((64, 48)) < 0.5
    assert np.abs(smooth_fill(photo, hidden, side=40).astype(int) - photo).max() <= 1


def test_nothing_or_everything_hidden_changes_nothing() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for share in (False, True):
        assert (smooth_fill(photo, np.full((20, 30), share)) == photo).all()


def test_dark_photos_become_bright() -> None:
    dark = np.random.default_rng(0).integers(0, 20, (64, 64, 3), np.uint8)
    assert np.median(brighten(dark)) > 90
