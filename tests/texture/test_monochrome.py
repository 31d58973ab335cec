"""Black-and-white photos."""

from __future__ import annotations

import numpy as np

from facekit.texture.monochrome import is_monochrome, remove_colour


def test_grey_photos_are_known_by_what_is_visible() -> None:
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.integers(0, 256, (40, 50, 1), dtype=np.uint8), 3, axis=2)
    visible = np.ones((40, 50), bool)
    visible[10:20, 10:20] = False
    picture[~visible] = (200, 30, 30)
    assert is_monochrome(picture, visible)
    assert not is_monochrome(picture, np.ones_like(visible))
    assert not is_monochrome(picture, np.zeros_like(visible))
    picture[0, :5] = (90, 80, 70)
    assert not is_monochrome(picture, visible)


def test_colour_goes_and_the_rest_stays() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[...] = (200, 100, 50)
    before = picture.copy()
    where = np.array([[True, False], [False, False]])
    remove_colour(picture, where)
    assert len(set(picture[0, 0].tolist())) == 1
    assert abs(int(picture[0, 0, 0]) - (0.2126 * 200 + 0.7152 * 100 + 0.0722 * 50)) < 1
    np.testing.assert_array_equal(picture[~where], before[~where])
