"""Flat things with the look of bodies: a cover, a colour, patterns and shading. Linear RGB."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between, one_of
from facekit.synthetic.layout import Layout

WEAVES = {"plain": 2.0, "stripes": 1.0, "checks": 0.8, "clouds": 1.0, "dots": 0.7, "knit": 0.8, "noise": 0.6}


@dataclass(frozen=True)
class Drawn:
    """Something before the picture."""

    cover: FloatArray  # (H, W) float32 0..1, its opacity
    colour: FloatArray  # (H, W, 3) float32 linear RGB


@dataclass(frozen=True)
class Setting:
    """What an occluder has to fit to."""

    layout: Layout
    skin: FloatArray  # (3,) linear RGB, the face's mean colour in the picture
    light: FloatArray  # (2,) towards the light, in the picture

    @staticmethod
    def of(linear: FloatArray, landmarks: FloatArray, rng: np.random.Generator) -> Setting:
        """That of a picture (H, W, 3) with a face at landmarks (68, 2) px."""
        layout = Layout.of(landmarks, linear.shape)
        middle = layout.fill(np.array([(-0.3, 0.1), (0.3, 0.1), (0.25, 0.6), (-0.25, 0.6)])) > 0.5
        skin = linear[middle].mean(axis=0) if middle.any() else np.full(3, 0.25)
        turn = between(rng, -np.pi, 0)
        return Setting(layout, np.asarray(skin, np.float32), np.array([np.cos(turn), np.sin(turn)]))

    @property
    def brightness(self) -> float:
        """Of light on the face, relative to skin of middle tone in plain light."""
        return float(np.clip(self.skin.mean() / 0.3, 0.25, 2.0))


def over(linear: FloatArray, drawn: Drawn) -> FloatArray:
    """The picture (H, W, 3) with something drawn over it."""
    opacity = drawn.cover[..., None]
    return np.asarray(linear * (1 - opacity) + drawn.colour * opacity, np.float32)


def stack(parts: list[Drawn]) -> Drawn:
    """Several things as one, the last one on top."""
    cover, colour = parts[0].cover, parts[0].colour * parts[0].cover[..., None]
    for part in parts[1:]:
        colour = over(colour, part)
        cover = cover * (1 - part.cover) + part.cover
    return Drawn(cover, np.asarray(colour / np.maximum(cover, 1e-3)[..., None], np.float32))


def any_colour(rng: np.random.Generator) -> FloatArray:
    """A random colour (3,) of things, linear RGB: white, grey, black and coloured."""
    grey = float(np.exp(rng.uniform(np.log(0.008), np.log(0.85))))
    colour = np.clip(grey * np.exp(rng.choice([0.05, 0.4, 0.9]) * rng.standard_normal(3)), 0.004, 0.92)
    return np.asarray(colour, np.float32)


def relief(cover: FloatArray, depth: float, light: FloatArray, round_over: float) -> FloatArray:
    """Shading factor (H, W) of a body that rises over ``round_over`` px inside its outline."""
    inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    t = np.clip(inside / max(round_over, 1.0), 0, 1)
    height = cv2.GaussianBlur(np.sqrt(1 - (1 - t) ** 2), (0, 0), max(0.6, 0.15 * round_over))
    return slope(height * round_over, depth, light)


def slope(height: FloatArray, depth: float, light: FloatArray) -> FloatArray:
    """Shading factor (H, W) of a height field (px), lit from ``light`` (2,)."""
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.clip(1.0 - depth * (light[0] * dx + light[1] * dy), 0.3, 1.7).astype(np.float32)


def smooth(shape: tuple[int, int], cells: float, rng: np.random.Generator) -> FloatArray:
    """Smooth noise (H, W) float32 of unit variance with about ``cells`` features along a side."""
    count = max(2, round(cells))
    grid = rng.standard_normal((count + 1, count + 1)).astype(np.float32)
    return np.asarray(cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def weave(
    layout: Layout, rng: np.random.Generator, kind: str | None = None, base: FloatArray | None = None
) -> FloatArray:
    """A cloth or print (H, W, 3) of one or two colours, lying along the face."""
    kind = kind or one_of(rng, WEAVES)
    first = any_colour(rng) if base is None else base
    second = any_colour(rng)
    x, y = layout.coordinates()
    turn, pitch = between(rng, 0, np.pi), between(rng, 0.05, 0.3)
    u = (x * np.cos(turn) + y * np.sin(turn)) / pitch
    v = (-x * np.sin(turn) + y * np.cos(turn)) / pitch
    wave, across = np.sin(2 * np.pi * u), np.sin(2 * np.pi * v)
    shares = {
        "stripes": lambda: 0.5 + 3 * wave,
        "checks": lambda: 0.5 + 3 * wave * across if rng.random() < 0.5 else 0.5 + 0.25 * (wave + across),
        "clouds": lambda: 0.5 + 0.7 * smooth(layout.shape, between(rng, 3, 16), rng),
        "dots": lambda: 4 * (wave * across - between(rng, 0.2, 0.7)),
        "knit": lambda: 0.3 + 0.3 * np.sin(12 * np.pi * u) * np.sin(6 * np.pi * v),
        "noise": lambda: 0.5 + 0.5 * rng.standard_normal(layout.shape).astype(np.float32),
    }
    t = np.clip(shares[kind](), 0, 1)[..., None] if kind in shares else np.zeros((*layout.shape, 1))
    grain = 1 + 0.06 * smooth(layout.shape, 40, rng)[..., None]
    return np.asarray((first * (1 - t) + second * t) * grain, np.float32)
