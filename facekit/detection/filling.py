"""Fills hidden pixels from what surrounds them, so that an occluder's look does not pull the landmarks."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.records import BoolArray, ByteArray, FloatArray


def dilate(mask: BoolArray, radius: float) -> BoolArray:
    """The mask grown by ``radius`` px (rounded) with an elliptic brush; unchanged below half a pixel."""
    r = round(radius)
    if r < 1:
        return mask
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), brush) > 0)


def smooth_fill(photo: ByteArray, hidden: BoolArray, side: int = 512) -> ByteArray:
    """The photo with its hidden pixels filled smoothly from their surroundings; other pixels unchanged.

    Push-pull interpolation (Gortler et al. 1996): average the known pixels over ever coarser grids, then fill
    from coarse to fine. It works on a copy of at most ``side`` px: a smooth filling needs no more.

    Args: photo (H, W, 3) uint8; hidden (H, W) bool. Returns (H, W, 3) uint8.
    """
    if not hidden.any() or hidden.all():
        return photo
    height, width = hidden.shape
    shrink = min(1.0, side / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    share = _resize(hidden.astype(np.uint8) * np.uint8(255), size, cv2.INTER_AREA)
    grown = dilate(share > 0, 0.005 * max(size))  # the rim of a mask often still shows the occluder
    seen = _resize(photo, size, cv2.INTER_AREA)
    seen[grown] = 0
    smooth = _around(seen, np.where(grown, np.float32(0), np.float32(1)))
    if shrink < 1:
        smooth[~grown] = seen[~grown]
        smooth = _resize(smooth.clip(0, 255).astype(np.uint8), (width, height), cv2.INTER_LINEAR)
        grown = cv2.resize(grown.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    result, holes = photo.copy(), grown | hidden
    result[holes] = smooth[holes].clip(0, 255).astype(np.uint8)
    return result


def _push_pull(colour: FloatArray, weight: FloatArray) -> FloatArray:
    """Fill a (h, w, 3) picture of colour × weight, where weight (h, w) is 0 in holes and at most 1."""
    return np.asarray(colour + (1 - weight[..., None]) * _around(colour, weight), dtype=np.float32)


def _around(colour: FloatArray, weight: FloatArray) -> FloatArray:
    """What the surroundings say of every pixel, from half the resolution; arguments as above."""
    height, width = weight.shape
    if min(height, width) <= 2:
        total = max(float(weight.sum()), 1e-6)
        mean = colour.sum(axis=(0, 1)) / total
        return np.broadcast_to(mean, colour.shape).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    sums = _resize(colour, half, cv2.INTER_AREA)
    weights = _resize(weight, half, cv2.INTER_AREA)
    boost = 1 / np.maximum(weights, 0.25)  # a block that is a quarter full counts as full
    filled = _push_pull(sums * boost[..., None], weights * boost)
    return _resize(filled, (width, height), cv2.INTER_LINEAR)


def _resize(picture: FloatArray | ByteArray, size: tuple[int, int], interpolation: int) -> FloatArray:
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.float32)


def brighten(photo: ByteArray) -> ByteArray:
    """A dark or flat photo made easier to read: median lightness to mid grey by gamma, then CLAHE."""
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)
    median = np.clip(np.median(lab[..., 0]) / 255, 0.004, 0.996)
    gamma = np.clip(np.log(0.5) / np.log(median), 0.25, 2.0)
    curve = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    lab[..., 0] = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(curve[lab[..., 0]])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), dtype=np.uint8)
