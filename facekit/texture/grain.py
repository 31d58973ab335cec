"""Grain and pores: what invented skin lacks of the fine detail that the visible skin has."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import torch

from facekit.records import BoolArray, FloatArray

BANDS = (0.7, 1.4)  # px at a face 200 px wide, standard deviation of the Gaussian that ends each band
BODY = 200  # px, width of the face for which BANDS stand
STRONGEST = 0.02  # sRGB, standard deviation of a band; more than that is no grain


def add_grain(
    picture: FloatArray,
    visible: BoolArray,
    invented: FloatArray,
    face_width: float,
    generator: torch.Generator,
) -> FloatArray:
    """Add Gaussian noise so that the invented skin varies, band by band, as much as the visible skin does.

    Each band is a difference of Gaussians; its 3 x 3 colour covariance is measured robustly on visible skin
    and on invented skin, and the part that is missing is added. picture (H, W, 3) float, sRGB 0 to 1; visible
    (H, W) bool, plain visible skin; invented (H, W) float 0 to 1, how much of each pixel is invented skin;
    face_width px. Returns (H, W, 3) float32, unchanged where ``invented`` is 0 or where there is too little
    visible skin to measure.
    """
    picture = picture.astype(np.float32)
    target = invented > 0.5
    if np.count_nonzero(visible) < 200 or np.count_nonzero(target) < 50:
        return picture
    result = picture.copy()
    white = torch.randn(picture.shape, generator=generator).numpy()
    for sigma, band, noise in zip(
        _sigmas(face_width), _bands(picture, face_width), _bands(white, face_width), strict=True
    ):
        inner_visible, inner_target = _inside(visible, sigma), _inside(target, sigma)
        if np.count_nonzero(inner_visible) < 200 or np.count_nonzero(inner_target) < 50:
            continue
        missing = _covariance(band[inner_visible]) - _covariance(band[inner_target])
        values, vectors = np.linalg.eigh(missing)
        root = vectors * np.sqrt(np.clip(values, 0, STRONGEST**2))
        unit = noise / max(float(noise.std()), 1e-6)
        result += invented[..., None].astype(np.float32) * (unit @ root.T.astype(np.float32))
    return result


def _sigmas(face_width: float) -> list[float]:
    return [max(0.5, s * face_width / BODY) for s in BANDS]


def _bands(picture: FloatArray, face_width: float) -> list[FloatArray]:
    levels = [
        picture,
        *(np.asarray(cv2.GaussianBlur(picture, (0, 0), s), np.float32) for s in _sigmas(face_width)),
    ]
    return [upper - lower for upper, lower in pairwise(levels)]


def _inside(region: BoolArray, sigma: float) -> BoolArray:
    size = 2 * int(np.ceil(2 * sigma)) + 1
    return cv2.erode(region.astype(np.uint8), np.ones((size, size), np.uint8), borderValue=[0.0]) > 0


def _covariance(samples: FloatArray) -> FloatArray:
    """Covariance (3, 3) of zero-mean samples (M, 3), scaled to the median size of their grey part.

    Edges, hairs and spots are few and strong: they raise the covariance, and hardly the median.
    """
    grey = samples.mean(1)
    spread = 1.4826 * float(np.median(np.abs(grey)))
    return samples.T @ samples / len(samples) * min(1.0, spread**2 / max(float(grey.var()), 1e-12))
