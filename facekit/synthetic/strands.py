"""Hair that falls over the face: locks of many strands, and single ones."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between
from facekit.synthetic.drawn import Drawn, Setting, stack
from facekit.synthetic.layout import FINE, Layout, curve
from facekit.synthetic.tone import decode_srgb

COLOURS = ((24, 18, 15), (52, 34, 24), (84, 56, 36), (128, 92, 58), (196, 160, 108), (110, 44, 24),
           (150, 146, 142), (222, 218, 210))  # fmt: skip


def hair_colour(rng: np.random.Generator) -> FloatArray:
    """A random colour of hair (3,), linear RGB; seldom a dyed one."""
    if rng.random() < 0.08:
        return np.asarray(rng.uniform(0.01, 0.6, 3), np.float32)
    base = np.array(COLOURS[int(rng.integers(len(COLOURS)))], np.float64)
    return (decode_srgb(base) * np.exp(rng.normal(0, 0.25))).astype(np.float32)


def strands(setting: Setting, rng: np.random.Generator) -> Drawn:
    """One to four locks, from the hairline across forehead, eyes or a cheek."""
    tone = hair_colour(rng) * setting.brightness
    return stack([_lock(setting, tone, rng) for _ in range(int(rng.integers(1, 5)))])


def _lock(setting: Setting, tone: FloatArray, rng: np.random.Generator) -> Drawn:
    side = 1.0 if rng.random() < 0.5 else -1.0
    start = np.array([side * between(rng, -0.5, 0.75), between(rng, -1.0, -0.5)])
    end = np.array([side * between(rng, -0.5, 0.8), between(rng, 0.0, 1.5)])
    sway = between(rng, -0.45, 0.45)
    middle = (start + end) / 2 + np.array([sway, between(rng, -0.15, 0.15)])
    spine = curve(np.stack([start, middle, end]), 8)
    width = between(rng, 0.01, 0.22)
    count = int(np.clip(width * between(rng, 120, 420), 3, 60))
    t = np.linspace(0, 1, len(spine))
    wave, phase = between(rng, 0.0, 0.05), between(rng, 0, 2 * np.pi)
    curl = wave * np.sin(2 * np.pi * between(rng, 0.5, 3) * t + phase)
    narrow = np.interp(t, [0, 0.3, 1], [0.8, 1.0, between(rng, 0.1, 0.7)])
    paths = []
    for offset in rng.normal(0, 0.5, count):
        stray = offset * width * narrow + curl + 0.012 * rng.standard_normal() * t
        paths.append(spine + np.stack([stray, 0.02 * rng.standard_normal() * t], axis=1))
    return _brush(setting.layout, paths, tone, setting.light, rng)


def _brush(
    layout: Layout, paths: list[FloatArray], tone: FloatArray, light: FloatArray, rng: np.random.Generator
) -> Drawn:
    """Strands of varying brightness, drawn one over the other; brighter where the hair shines."""
    cover, bright = np.zeros(layout.shape, np.uint8), np.zeros(layout.shape, np.uint8)
    thick = max(1, round(layout.unit * between(rng, 0.006, 0.022)))
    for path in paths:
        fixed = [np.rint((layout.pixels(path) - 0.5) * 2**FINE).astype(np.int32)]
        cv2.polylines(cover, fixed, False, (255,), thick, cv2.LINE_AA, FINE)
        cv2.polylines(bright, fixed, False, (int(rng.uniform(60, 200)),), thick, cv2.LINE_AA, FINE)
    x, y = layout.coordinates()
    shine = 1 + between(rng, 0, 1.2) * np.exp(-(((y - between(rng, -0.8, 0.8)) / 0.15) ** 2)) + 0 * x
    factor = bright.astype(np.float32) / 128 * shine * (1 + 0.2 * light[0] * np.sign(x))
    return Drawn(cover.astype(np.float32) / 255, (factor[..., None] * tone).astype(np.float32))
