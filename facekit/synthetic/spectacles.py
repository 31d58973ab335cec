"""Drawn glasses of any frame and lens, clear ones too; those built as surfaces are in ``glasses``."""

from __future__ import annotations

import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between
from facekit.synthetic.drawn import Drawn, Setting, any_colour, smooth, stack
from facekit.synthetic.layout import Layout, curve

HIDING = 0.45  # opacity from which a lens hides the eye


def spectacles(setting: Setting, rng: np.random.Generator) -> Drawn:
    """Glasses with clear, tinted, mirroring or black lenses."""
    layout = setting.layout
    wide, high = between(rng, 0.17, 0.30), between(rng, 0.11, 0.26)
    apart, level = max(between(rng, 0.25, 0.31), wide + 0.02), between(rng, -0.06, 0.06)
    power, lean = between(rng, 1.8, 6.0), between(rng, -0.3, 0.3)
    width = float(np.exp(rng.uniform(np.log(0.010), np.log(0.06))))
    frame = any_colour(rng) * setting.brightness
    clear = rng.random() < 0.5
    opacity = between(rng, 0.0, 0.22) if clear else between(rng, 0.7, 1.0)
    lens = _lens(layout, clear, rng) * setting.brightness
    parts, rimless = [], rng.random() < 0.12
    for side in (-1.0, 1.0):
        rim = _rim(side, (wide, high), power, lean) + np.array([side * apart, level])
        parts.append(Drawn(layout.fill(rim) * np.float32(opacity), lens))
        if not rimless:
            parts.append(_wire(layout, rim, width, frame, closed=True))
        ear = np.array([side * between(rng, 0.68, 0.8), level + between(rng, -0.12, 0.12)])
        hinge = np.array([side * (apart + wide), level - 0.3 * high])
        parts.append(_wire(layout, np.stack([hinge, ear]), 1.2 * width, frame))
    gap = apart - wide
    arch = level - between(rng, 0.0, 0.5) * high
    bridge = curve([(-gap, arch), (0.0, arch - 0.02), (gap, arch)], 4)
    return stack([*parts, _wire(layout, bridge, width, frame)])


def _rim(side: float, half: tuple[float, float], power: float, lean: float) -> FloatArray:
    """A super-ellipse that is lower towards the temple where ``lean`` is positive."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = half[0] * np.sign(c) * np.abs(c) ** (2 / power)
    y = half[1] * np.sign(s) * np.abs(s) ** (2 / power)
    return np.stack([x, y * (1 + lean * side * x / half[0])], axis=1)


def _lens(layout: Layout, clear: bool, rng: np.random.Generator) -> FloatArray:
    """Colour (H, W, 3) of the lenses: a pale reflection, or dark and coloured ones with a gradient."""
    x, y = layout.coordinates()
    if clear:
        pale = 0.5 + 0.4 * smooth(layout.shape, 4, rng)
        return np.repeat(np.clip(pale, 0, 1)[..., None], 3, axis=2).astype(np.float32)
    tone = any_colour(rng) * (0.1 if rng.random() < 0.7 else 0.6)
    fade = 1 + between(rng, 0, 3) * np.clip(y + 0.2, 0, 0.5)
    glint = np.exp(
        -(((x * between(rng, -1, 1) + y - between(rng, -0.3, 0.3)) / between(rng, 0.02, 0.15)) ** 2)
    )
    return np.asarray(tone * fade[..., None] + between(rng, 0, 0.3) * glint[..., None], np.float32)


def _wire(layout: Layout, path: FloatArray, width: float, tone: FloatArray, closed: bool = False) -> Drawn:
    cover = layout.line(path, width, closed)
    shade = 1 + 0.2 * smooth(layout.shape, 12, np.random.default_rng(0))
    return Drawn(cover, (shade[..., None] * tone).astype(np.float32))
