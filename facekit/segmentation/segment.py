"""A photo and the landmarks of a face in it to what each pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from facekit.detection.crops import PhotoPyramid, Placement
from facekit.records import BoolArray, ByteArray, FloatArray
from facekit.segmentation.align import aligned
from facekit.segmentation.losses import focal_posterior
from facekit.segmentation.network import Segmenter
from facekit.segmentation.training import as_input

FINER = 2  # the probabilities are brought to a cutting this much finer than the network's
REACH, FLOOR = 3, 2e-4  # of the guided filter: pixels, and variance of edges that it does not follow


@dataclass(frozen=True)
class Segmentation:
    """Probabilities that a pixel shows the face, something before it, or neither."""

    probabilities: FloatArray  # (3, S, S) float32, on a square cut out of the photo
    matrix: FloatArray  # (3, 3) float64, pixels of that square to pixels of the photo
    crop: ByteArray  # (S, S, 3) uint8, the square


def segment(photo: ByteArray, landmarks: FloatArray, network: Segmenter, scale: float = 1.0) -> Segmentation:
    """Segment the face with 68 landmarks (68, 2) px in a photo (H, W, 3) uint8 sRGB, in the square that the
    network learned from, or in one ``scale`` times as large.

    The network looks at the face and at its mirror image; the mean follows the edges of the photo.
    """
    placement = aligned(landmarks).moved((0.0, 0.0), scale, 0.0)
    pyramid, side = PhotoPyramid(photo), network.side
    crop = pyramid.crop(placement.matrix(side), side)
    with torch.inference_mode():
        logits = network(as_input([crop, crop[:, ::-1]]))
        both = focal_posterior(torch.softmax(logits, 1)).numpy()
    mean = (both[0] + both[1, :, :, ::-1]) / 2
    return refined(pyramid, placement, mean, side * FINER)


def refined(
    pyramid: PhotoPyramid, placement: Placement, probabilities: FloatArray, side: int
) -> Segmentation:
    """Probabilities (3, s, s) on a finer cutting of ``side`` px, moved to the edges of the photo there."""
    matrix = placement.matrix(side)
    crop = pyramid.crop(matrix, side)
    large = [cv2.resize(p, (side, side), interpolation=cv2.INTER_LINEAR) for p in probabilities]
    guide = crop.astype(np.float32).mean(axis=-1) / 255
    radius = max(1, round(REACH * side / 384))
    moved = np.clip([guided(guide, p, radius, FLOOR) for p in large], 1e-4, 1)
    return Segmentation((moved / moved.sum(axis=0)).astype(np.float32), matrix, crop)


def guided(guide: FloatArray, values: FloatArray, radius: int, floor: float) -> FloatArray:
    """Values (H, W) smoothed within ``radius`` px along the edges of a guide (H, W) in 0..1.

    He, Sun and Tang, "Guided Image Filtering", ECCV 2010, Eq. 5, 6 and 8; ``floor`` is their epsilon.
    """

    def mean(x: FloatArray) -> FloatArray:
        return np.asarray(cv2.blur(x, (2 * radius + 1, 2 * radius + 1)), np.float32)

    middle, level = mean(guide), mean(values)
    slope = (mean(guide * values) - middle * level) / (mean(guide * guide) - middle**2 + floor)
    offset = level - slope * middle
    return mean(slope) * guide + mean(offset)


def on_photo(
    values: FloatArray, matrix: FloatArray, shape: tuple[int, ...], outside: float = 0.0
) -> FloatArray:
    """Values (S, S) of a square on the photo (H, W), float32; ``outside`` where the square does not reach."""
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    forward = (np.linalg.inv(half) @ matrix @ half)[:2]
    return np.asarray(
        cv2.warpAffine(
            values.astype(np.float32), forward, (shape[1], shape[0]), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=(outside,),
        ),
        np.float32,
    )  # fmt: skip


def mask_of(chance: FloatArray, likely: float = 0.5, sure: float = 0.8) -> BoolArray:
    """(H, W) bool: pixels with a chance (H, W) above ``likely``, in patches that are ``sure`` somewhere."""
    count, patches = cv2.connectedComponents((chance > likely).astype(np.uint8), connectivity=8)
    peak = np.zeros(count, np.float32)
    np.maximum.at(peak, patches.ravel(), chance.ravel())
    peak[0] = 0.0
    return np.asarray(peak[patches] > sure)
