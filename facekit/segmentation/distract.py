"""Changes of a picture that hide nothing, so that the segmenter learns not to mind them: beards, shadows,
make-up, hats, things behind the head. Linear RGB.
"""

from __future__ import annotations

import numpy as np

from facekit.records import BoolArray, FloatArray
from facekit.synthetic.chance import between
from facekit.synthetic.drawn import Setting, any_colour, smooth, weave
from facekit.synthetic.layout import curve
from facekit.synthetic.strands import hair_colour

BEARD = ((-0.58, 0.15), (-0.42, 0.55), (-0.20, 0.50), (0.0, 0.47), (0.20, 0.50), (0.42, 0.55), (0.58, 0.15),
         (0.62, 0.6), (0.35, 1.05), (0.0, 1.22), (-0.35, 1.05), (-0.62, 0.6))  # fmt: skip
MOUSTACHE = ((-0.28, 0.66), (-0.12, 0.49), (0.0, 0.47), (0.12, 0.49), (0.28, 0.66), (0.1, 0.58), (0.0, 0.57),
             (-0.1, 0.58))  # fmt: skip
WALRUS = ((-0.34, 0.62), (-0.26, 0.50), (-0.1, 0.44), (0.1, 0.44), (0.26, 0.50), (0.34, 0.62), (0.30, 0.72),
          (0.12, 0.64), (0.0, 0.62), (-0.12, 0.64), (-0.30, 0.72))  # fmt: skip
CHIN = ((-0.2, 0.72), (0.0, 0.70), (0.2, 0.72), (0.24, 0.95), (0.0, 1.25), (-0.24, 0.95))
MOUTH = ((-0.2, 0.63), (0.0, 0.58), (0.2, 0.63), (0.0, 0.71))


def beard(linear: FloatArray, setting: Setting, rng: np.random.Generator) -> FloatArray:
    """Stubble, a moustache, a goatee or a full beard; all of it counts as face."""
    layout = setting.layout
    shapes: list[tuple[tuple[float, float], ...]] = [BEARD] if rng.random() < 0.6 else []
    if rng.random() < 0.7 or not shapes:
        shapes.append(WALRUS if rng.random() < 0.35 else MOUSTACHE)
    shapes += [CHIN] if rng.random() < 0.4 else []
    grown = np.zeros(layout.shape, np.float32)
    for shape in shapes:
        points = np.array(shape) * (1, between(rng, 0.92, 1.1)) + rng.normal(0, 0.02, (len(shape), 2))
        grown = np.maximum(grown, layout.fill(curve(points, 5, closed=True)))
    if rng.random() < 0.8:
        grown *= 1 - layout.fill(curve(np.array(MOUTH), 5, closed=True))
    x, y = layout.coordinates()
    lean = between(rng, -0.4, 0.4)
    comb = np.sin((x + lean * y) * 2 * np.pi * between(rng, 10, 30) + 2 * smooth(layout.shape, 12, rng))
    grain = comb + rng.standard_normal(layout.shape).astype(np.float32)
    edge = _soft(grown, 0.03 * layout.unit) * (1 + 0.4 * smooth(layout.shape, 30, rng))
    opacity = np.clip(1.6 * edge - 0.3, 0, 1) * between(rng, 0.25, 1.0) * np.clip(0.8 + 0.25 * grain, 0, 1)
    tone = hair_colour(rng) * setting.brightness * np.clip(1 + 0.35 * grain, 0.2, 2)[..., None]
    return _mixed(linear, tone, opacity)


def shadow(linear: FloatArray, setting: Setting, rng: np.random.Generator) -> FloatArray:
    """A cast shadow or a bright patch with a soft or a hard edge, or light that falls off to one side, now
    and then so much that half of the face is nearly black, or white.
    """
    x, y = setting.layout.coordinates()
    turn = between(rng, 0, 2 * np.pi)
    along = x * np.cos(turn) + y * np.sin(turn) + 0.15 * smooth(setting.layout.shape, 5, rng)
    hard = np.exp(rng.uniform(np.log(0.02), np.log(1.0)))
    t = 1 / (1 + np.exp(np.clip(-(along - between(rng, -0.4, 0.6)) / hard, -30, 30)))
    if rng.random() < 0.4:  # bars, leaves
        t = np.clip(0.5 + smooth(setting.layout.shape, between(rng, 3, 10), rng) / (4 * hard), 0, 1)
    deep = between(rng, 0.02, 0.1) if rng.random() < 0.25 else between(rng, 0.1, 0.8)
    bright = np.exp(between(rng, 0.0, 0.8)) if rng.random() < 0.25 else 1.0
    return np.asarray(linear * (bright * (deep + (1 - deep) * t))[..., None], np.float32)


def paint(linear: FloatArray, setting: Setting, rng: np.random.Generator) -> FloatArray:
    """A tint with soft borders: make-up, blush, sunburn, coloured light."""
    t = np.clip(0.5 + smooth(setting.layout.shape, between(rng, 2, 6), rng), 0, 1) * between(rng, 0.1, 0.6)
    tint = np.exp(rng.normal(0, 0.35, 3))
    return np.asarray(linear * (1 - t[..., None] + t[..., None] * tint), np.float32)


def hat(
    linear: FloatArray, setting: Setting, free: BoolArray, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray]:
    """A hat, a band, a hood or a veil around the face: the picture and where the thing lies (H, W), which
    counts as background. ``free`` (H, W): pixels that a hood may cover, beside the face.
    """
    layout = setting.layout
    level = between(rng, -0.62, -0.38)
    x = np.linspace(-1.1, 1.1, 7)
    lower = level + between(rng, -0.2, 0.15) * x**2 + between(rng, -0.1, 0.1) * x
    top = lower - between(rng, 0.1, 0.9)
    outline = np.concatenate([np.stack([x, lower], 1), np.stack([x, top], 1)[::-1]])
    cover = layout.fill(curve(outline, 5, closed=True))
    if rng.random() < 0.4:  # falls down beside the face
        cover = np.maximum(cover, (free & (np.abs(layout.coordinates()[0]) < between(rng, 0.8, 1.3))) * 1.0)
    colour = weave(layout, rng) * setting.brightness * (1 + 0.3 * smooth(layout.shape, 6, rng))[..., None]
    return _mixed(linear, np.asarray(colour, np.float32), cover), cover > 0.5


def behind(linear: FloatArray, setting: Setting, free: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Another background (H, W) bool, ``free``, of prints that occluders wear too."""
    print_ = weave(setting.layout.upright, rng)
    if rng.random() < 0.5:
        x, y = setting.layout.upright.coordinates()
        half = x * np.cos(between(rng, 0, 6)) + y * np.sin(between(rng, 0, 6)) > between(rng, -0.5, 0.5)
        print_ = np.where(half[..., None], print_, any_colour(rng))
    return _mixed(linear, print_, free.astype(np.float32))


def _mixed(linear: FloatArray, colour: FloatArray, opacity: FloatArray) -> FloatArray:
    part = opacity[..., None]
    return np.asarray(linear * (1 - part) + colour * part, np.float32)


def _soft(cover: FloatArray, sigma: float) -> FloatArray:
    import cv2

    return np.asarray(cv2.GaussianBlur(cover, (0, 0), max(sigma, 0.5)), np.float32)
