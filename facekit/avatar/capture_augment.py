"""Captured signals made as varied as those of daily use: light and background of headset pictures, errors of
a landmark detector. NumPy, for the loading of minibatches."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.records import BoolArray, FloatArray

CELLS = 4  # a background is this many blotches across


def augment_hmc(
    images: FloatArray, masks: BoolArray, rng: np.random.Generator, strength: float = 1.0
) -> FloatArray:
    """Headset pictures (..., h, w) float32 0..1 under other light, before other backgrounds.

    Each picture gets its own gain, contrast and a lamp at one side, and blotches where ``masks`` (..., h, w)
    is false. ``strength`` 0 leaves them as they are, 1 is what training uses.
    """
    if strength <= 0:
        return images
    height, width = images.shape[-2:]
    flat, seen = images.reshape(-1, height, width), masks.reshape(-1, height, width)
    draws = rng.standard_normal((len(flat), 5)) * strength
    gain = np.exp(0.18 * draws[:, 0])[:, None, None]
    contrast = np.exp(0.12 * draws[:, 1])[:, None, None]
    across = np.linspace(-1, 1, width)[None, None, :] * draws[:, 2, None, None]
    down = np.linspace(-1, 1, height)[None, :, None] * draws[:, 3, None, None]
    face = gain * np.maximum(flat, 1e-4) ** contrast * np.exp(0.15 * (across + down))
    grain = 0.008 * strength * rng.standard_normal(flat.shape)
    made = np.where(seen, face + 0.02 * draws[:, 4, None, None], _backgrounds(flat.shape, rng) * strength)
    return np.clip(made + grain, 0, 1).astype(np.float32).reshape(images.shape)


def _backgrounds(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    count, height, width = shape
    coarse = rng.random((count, CELLS, CELLS), dtype=np.float32) * rng.random((count, 1, 1), dtype=np.float32)
    return np.stack([cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in coarse])


def disturb_keypoints(
    points: FloatArray, rng: np.random.Generator, sigma: float = 0.003, drop: float = 0.0
) -> FloatArray:
    """Keypoints (..., L, 2) 0..1 as a detector would give them, float32.

    ``sigma``: standard deviation of the error, of which a third is common to all points of a frame; ``drop``:
    share of points that go missing (NaN).
    """
    own = rng.standard_normal(points.shape)
    common = rng.standard_normal((*points.shape[:-2], 1, 2))
    moved = points + sigma * (np.sqrt(2 / 3) * own + np.sqrt(1 / 3) * common)
    if drop > 0:
        moved[rng.random(points.shape[:-1]) < drop] = np.nan
    return moved.astype(np.float32)
