"""Backgrounds: plain, gradient, noise, blurred discs and rectangles. Linear RGB."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between, one_of

KINDS = {"plain": 1.0, "gradient": 1.2, "noise": 1.2, "shapes": 1.6}


def sample_background(size: int, rng: np.random.Generator) -> FloatArray:
    """A random background (size, size, 3) float32, linear RGB."""
    kind = one_of(rng, KINDS)
    base = _colour(rng)
    if kind == "plain":
        return np.broadcast_to(base, (size, size, 3)).astype(np.float32).copy()
    if kind == "gradient":
        return _gradient(size, base, _colour(rng), rng)
    if kind == "noise":
        return _clouds(size, base, rng)
    return _shapes(size, base, rng)


def _colour(rng: np.random.Generator) -> FloatArray:
    return (
        (rng.uniform(0.03, 0.75) * np.exp(0.22 * rng.standard_normal(3))).clip(0.01, 1.0).astype(np.float32)
    )


def _gradient(size: int, first: FloatArray, second: FloatArray, rng: np.random.Generator) -> FloatArray:
    angle = between(rng, 0, 2 * np.pi)
    axis = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    t = np.clip(0.5 + axis[None, :] * np.cos(angle) + axis[:, None] * np.sin(angle), 0, 1)[..., None]
    return first * (1 - t) + second * t


def _clouds(size: int, base: FloatArray, rng: np.random.Generator) -> FloatArray:
    total = np.zeros((size, size, 3), np.float32)
    for octave in range(2, 6):
        grid = rng.standard_normal((2**octave, 2**octave, 3)).astype(np.float32)
        grid = 0.35 * grid + 0.65 * grid.mean(axis=-1, keepdims=True) * 1.7
        total += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) * 0.62 ** (octave - 2)
    return base * np.exp(between(rng, 0.1, 0.4) * total)


def _shapes(size: int, base: FloatArray, rng: np.random.Generator) -> FloatArray:
    small = 160
    canvas = np.broadcast_to(base, (small, small, 3)).astype(np.float32).copy()
    for _ in range(int(rng.integers(8, 40))):
        colour = tuple(float(c) for c in _colour(rng) * 0.6 + base * 0.4)
        x, y = (int(v) for v in rng.integers(0, small, 2))
        reach = int(rng.integers(4, 30))
        if rng.random() < 0.5:
            cv2.circle(canvas, (x, y), reach, colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(canvas, (x, y), (x + reach, y + int(rng.integers(4, 40))), colour, -1)
    soft = cv2.GaussianBlur(canvas, (0, 0), between(rng, 0.6, 5.0))
    return np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_CUBIC)).clip(0.0, 1.0)
