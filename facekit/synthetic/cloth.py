"""Cloth before the face: scarves, face masks of many cuts and prints, veils."""

from __future__ import annotations

import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between
from facekit.synthetic.drawn import Drawn, Setting, any_colour, relief, slope, smooth, stack, weave
from facekit.synthetic.layout import curve


def scarf(setting: Setting, rng: np.random.Generator) -> Drawn:
    """A scarf or a collar over the lower face, from below the eyes or below the mouth, down out of the
    picture or to a lower edge; with folds.
    """
    layout = setting.layout
    top = between(rng, 0.12, 0.85)
    sag = between(rng, -0.12, 0.2)
    x = np.linspace(-1.6, 1.6, 9)
    tilt = between(rng, -0.15, 0.15)
    upper = top + sag * (1 - (x / 0.8) ** 2).clip(-1, 1) + tilt * x + rng.normal(0, 0.03, len(x))
    low = upper + between(rng, 0.45, 2.5) + rng.normal(0, 0.05, len(x))
    edge = curve(np.stack([x, upper], axis=1), 6)
    back = curve(np.stack([x, low], axis=1)[::-1], 6)
    cover = layout.fill(np.concatenate([edge, back]))
    colour = weave(layout, rng) * setting.brightness * _folds(setting, rng)[..., None]
    return Drawn(cover, colour.astype(np.float32))


def cloth_mask(setting: Setting, rng: np.random.Generator) -> Drawn:
    """A face mask: over nose, mouth and chin, by a random cut, often with loops to the ears."""
    layout = setting.layout
    top, side_top = between(rng, 0.10, 0.48), between(rng, 0.12, 0.55)
    wide, side_low = between(rng, 0.42, 0.66), between(rng, 0.6, 0.95)
    low = between(rng, 0.95, 1.2)
    peak = top - between(rng, 0.0, 0.1)
    shape = [
        (-wide, side_top), (-0.2, top), (0.0, peak), (0.2, top), (wide, side_top), (0.97 * wide, side_low),
        (0.45 * wide, low - 0.06), (0.0, low), (-0.45 * wide, low - 0.06), (-0.97 * wide, side_low),
    ]  # fmt: skip
    points = np.array(shape) + rng.normal(0, 0.012, (len(shape), 2))
    cover = layout.fill(curve(points, 6, closed=True))
    bright = rng.uniform(0.5, 0.85, 3) * np.array([0.9, 1.0, 1.05])
    base = bright.astype(np.float32) if rng.random() < 0.4 else any_colour(rng)
    colour = weave(layout, rng, "plain" if rng.random() < 0.5 else None, base) * setting.brightness
    factor = relief(cover, 0.6, setting.light, 0.3 * layout.unit)
    if rng.random() < 0.5:
        factor = factor * _pleats(setting, rng)
    parts = [Drawn(cover, (colour * factor[..., None]).astype(np.float32))]
    if rng.random() < 0.7:
        parts = _loops(setting, points, rng) + parts
    return stack(parts)


def _loops(setting: Setting, points: FloatArray, rng: np.random.Generator) -> list[Drawn]:
    tone = np.full(3, between(rng, 0.05, 0.8), np.float32) * setting.brightness
    found, width = [], between(rng, 0.012, 0.03)
    for corner in (points[0], points[4], points[5], points[9]):
        away = np.array([np.sign(corner[0]) * between(rng, 0.72, 0.9), between(rng, -0.05, 0.3)])
        cover = setting.layout.line(np.stack([corner, away]), width)
        found.append(Drawn(cover, np.broadcast_to(tone, (*cover.shape, 3)).astype(np.float32)))
    return found


def _pleats(setting: Setting, rng: np.random.Generator) -> FloatArray:
    _, y = setting.layout.coordinates()
    return np.asarray(1 + between(rng, 0.05, 0.2) * np.sin(2 * np.pi * y * between(rng, 3, 7)), np.float32)


def _folds(setting: Setting, rng: np.random.Generator) -> FloatArray:
    """Shading (H, W) of folds that run across."""
    layout = setting.layout
    x, y = layout.coordinates()
    bend = 0.3 * smooth(layout.shape, 4, rng)
    phase = 2 * np.pi * between(rng, 0.8, 3.0) * (y + between(rng, -0.6, 0.6) * x + bend)
    height = np.sin(phase) + 0.5 * smooth(layout.shape, 7, rng)
    return slope(np.asarray(height * 0.08 * layout.unit, np.float32), 2.0, setting.light)
