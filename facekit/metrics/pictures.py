"""How near a picture comes to the true one: PSNR and SSIM within a part of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]

LEAST = 1e-6  # mean squared error, of 255²; caps the PSNR of equal pictures at 108 dB
WINDOW = 1.5  # px, deviation of SSIM's Gaussian window (Wang et al. 2004)


def psnr(picture: Bytes, truth: Bytes, where: Bools) -> float:
    """Peak signal-to-noise ratio in dB of pictures (H, W, 3) uint8 over the pixels (H, W) of ``where``.

    Raises ValueError where the pictures differ in size, or nothing is to be measured.
    """
    _check(picture, truth, where)
    gap = picture[where].astype(np.float64) - truth[where]
    return float(10 * np.log10(255.0**2 / max(float((gap**2).mean()), LEAST)))


def ssim(picture: Bytes, truth: Bytes, where: Bools) -> float:
    """Mean structural similarity of pictures (H, W, 3) uint8 over the pixels (H, W) of ``where``.

    Its windows also look at pixels around them. Raises ValueError as ``psnr``.
    """
    _check(picture, truth, where)
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    margin = 16  # px, beyond the reach of the window
    box = tuple(slice(max(index[0] - margin, 0), index[-1] + 1 + margin) for index in (rows, columns))
    _, each = structural_similarity(
        truth[box].astype(np.float64),
        picture[box].astype(np.float64),
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        sigma=WINDOW,
        use_sample_covariance=False,
        full=True,
    )
    return float(each.mean(2)[where[box]].mean())


def _check(picture: Bytes, truth: Bytes, where: Bools) -> None:
    if picture.shape != truth.shape or picture.shape[:2] != where.shape:
        raise ValueError("the pictures and the part to be measured are of different sizes")
    if not where.any():
        raise ValueError("there are no pixels to be measured")
