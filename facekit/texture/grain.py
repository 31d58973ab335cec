"""Grain and pores: what invented skin lacks of the fine detail that the visible skin has."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch

from facekit.records import BoolArray, FloatArray

BANDS = (0.7, 1.4)  # px at a face 200 px wide, standard deviation of the Gaussian that ends each band
BODY = 200  # px, width of the face for which BANDS stand
TILE = 512  # px, side of the patch of noise that is repeated; measured on no more than twice that
STRONGEST = 0.012  # sRGB, standard deviation of a band; more than that is no grain


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
    visible skin to measure; a float32 picture is changed in place, to spare memory.
    """
    target = invented > 0.5
    if np.count_nonzero(visible) < 200 or np.count_nonzero(target) < 50:
        return picture
    sigmas = _sigmas(face_width)
    shown, asked = _around(visible), _around(target)
    measured = zip(
        _spreads(picture[shown], visible[shown], sigmas),
        _spreads(picture[asked], target[asked], sigmas),
        strict=True,
    )
    white = torch.randn(TILE, TILE, 3, generator=generator).numpy()
    grain = np.zeros_like(white)
    for (there, here), noise in zip(measured, _bands(white, sigmas), strict=True):
        if there is None or here is None:
            continue
        values, vectors = np.linalg.eigh(there - here)
        root = vectors * np.sqrt(np.clip(values, 0, STRONGEST**2))
        grain += (noise / max(float(noise.std()), 1e-6)) @ root.T.astype(np.float32)
    result = np.asarray(picture, np.float32)
    for y in range(0, result.shape[0], TILE):
        for x in range(0, result.shape[1], TILE):
            part = result[y : y + TILE, x : x + TILE]
            part += invented[y : y + TILE, x : x + TILE, None] * grain[: part.shape[0], : part.shape[1]]
    return result


def _around(region: BoolArray) -> tuple[slice, slice]:
    """At most 2 TILE pixels a side around the middle of a region: enough to measure it."""
    box = []
    for axis in (0, 1):
        middle = int(np.median(np.flatnonzero(region.any(1 - axis))))
        box.append(slice(max(0, middle - TILE), middle + TILE))
    return box[0], box[1]


def _spreads(picture: FloatArray, region: BoolArray, sigmas: list[float]) -> Iterator[FloatArray | None]:
    """Colour covariance (3, 3) of each band inside a region; None where too little of it is far from its
    border.
    """
    for sigma, band in zip(sigmas, _bands(np.asarray(picture, np.float32), sigmas), strict=True):
        inner = _inside(region, sigma)
        yield _covariance(band[inner]) if np.count_nonzero(inner) >= 50 else None


def _sigmas(face_width: float) -> list[float]:
    return [max(0.5, s * face_width / BODY) for s in BANDS]


def _bands(picture: FloatArray, sigmas: list[float]) -> Iterator[FloatArray]:
    """What lies between a picture and its Gaussian blur, between that and the next, one at a time."""
    upper = picture
    for sigma in sigmas:
        lower = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
        yield upper - lower
        upper = lower


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
