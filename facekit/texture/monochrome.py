"""Black-and-white photos: what is invented must have no colour either."""

from __future__ import annotations

import numpy as np

from facekit.records import BoolArray, ByteArray

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
ENOUGH = 2**20  # pixels to tell by
SPREAD, SHARE = 3, 0.999  # steps of 255 between channels that compression makes; pixels that must be as near


def is_monochrome(picture: ByteArray, where: BoolArray) -> bool:
    """Whether the pixels ``where`` (H, W) of a picture (H, W, 3) uint8 have no colour; False where there are
    none. Of a large picture some pixels are looked at.
    """
    step = max(1, round((where.size / ENOUGH) ** 0.5))
    pixels = picture[::step, ::step][where[::step, ::step]]
    return bool(len(pixels)) and float(np.mean(np.ptp(pixels, axis=1) <= SPREAD)) >= SHARE


def remove_colour(picture: ByteArray, where: BoolArray) -> None:
    """Make the pixels ``where`` (...) of a picture (..., 3) uint8 grey, in place."""
    picture[where] = np.rint(picture[where] @ LUMA).astype(np.uint8)[:, None]
