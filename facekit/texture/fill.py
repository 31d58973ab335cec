"""Filling of hidden background, hair and clothes: a smooth base from the surroundings, with their own grain
on top.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from facekit.records import BoolArray, FloatArray
from facekit.texture.membrane import membrane

DETAIL = 0.3  # of the reflected detail: enough for a likely grain, more is further from the truth


def fill(picture: FloatArray, hidden: BoolArray, source: BoolArray, scale: float) -> FloatArray:
    """Continue ``source`` pixels into ``hidden`` ones.

    The base is the membrane over the hidden pixels, held where a source pixel touches them; what is finer
    than ``scale`` px (strands, weave, grain) is the surroundings reflected at the border of the hidden part,
    so that it goes on without a break. picture (H, W, 3) float; hidden, source (H, W) bool, disjoint. Returns
    (H, W, 3) float32, equal to the picture where not hidden. Without any source pixel the base is the mean of
    what is not hidden.
    """
    picture = picture.astype(np.float32)
    if not hidden.any():
        return picture
    known = source if source.any() else ~hidden
    if not known.any():
        return picture
    coarse = normalised_blur(picture, known, scale)
    border = normalised_blur(picture, known, max(1.0, scale / 4))
    outside = ~hidden & ~known
    base = membrane(hidden | outside, border, known.astype(np.float32), 1e-6, towards=_far(picture, known))
    detail = DETAIL * _reflected(_texture(picture - coarse, known, scale), hidden, known)
    return np.where(hidden[..., None], base + detail, picture).astype(np.float32)


def _far(picture: FloatArray, known: BoolArray) -> FloatArray:
    return np.broadcast_to(picture[known].mean(0), picture.shape).astype(np.float32)


def normalised_blur(picture: FloatArray, known: BoolArray, sigma: float) -> FloatArray:
    """Gaussian mean of the known pixels around each pixel (normalised convolution); far from all, 0."""
    weight = known.astype(np.float32)
    total = cv2.GaussianBlur(picture * weight[..., None], (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    share = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return total / np.maximum(share, 1e-4)[..., None]


def _texture(detail: FloatArray, known: BoolArray, scale: float) -> FloatArray:
    """Detail cut at twice its mean size around, so that lone edges are not repeated as tatters."""
    usual = normalised_blur(np.abs(detail), known, 2 * scale)
    return np.clip(detail, -2 * usual, 2 * usual)


def _reflected(detail: FloatArray, hidden: BoolArray, known: BoolArray) -> FloatArray:
    """Detail of the known pixel that mirrors each hidden one at its nearest known pixel; 0 where there is
    none.
    """
    height, width = hidden.shape
    _, nearest = distance_transform_edt(~known, return_indices=True)
    y, x = np.nonzero(hidden)
    qy, qx = nearest[0][y, x], nearest[1][y, x]
    ry, rx = 2 * qy - y, 2 * qx - x
    good = (ry >= 0) & (rx >= 0) & (ry < height) & (rx < width)
    ry, rx = np.clip(ry, 0, height - 1), np.clip(rx, 0, width - 1)
    good &= known[ry, rx]
    result = np.zeros_like(detail)
    result[y, x] = np.where(good[:, None], detail[ry, rx], 0)
    return result
