"""Things held or put before the face: phones, cups, microphones, cards, and patches of anything."""

from __future__ import annotations

import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between, one_of
from facekit.synthetic.drawn import Drawn, Setting, any_colour, relief, smooth, stack, weave
from facekit.synthetic.hand import hand
from facekit.synthetic.layout import Layout, curve

PATCHES = {"box": 1.0, "ellipse": 0.6, "polygon": 0.8, "blob": 1.6, "band": 0.7}


def phone(setting: Setting, rng: np.random.Generator) -> Drawn:
    """A phone or another flat box, often in a hand."""
    half = np.array([between(rng, 0.22, 0.36), between(rng, 0.42, 0.75)])
    own = _held(setting, rng, 0.5)
    case = own.fill(_rounded(half, between(rng, 0.02, 0.12)))
    tone = any_colour(rng) * setting.brightness
    sheen = 1 + 0.25 * smooth(own.shape, 3, rng)
    parts = [Drawn(case, (sheen[..., None] * tone).astype(np.float32))]
    if rng.random() < 0.4:
        screen = own.fill(_rounded(half * 0.92, 0.03))
        parts.append(Drawn(screen, weave(own, rng)))
    else:
        for _ in range(int(rng.integers(1, 5))):
            spot = np.array([0.65 * half[0], -0.8 * half[1]]) + rng.uniform(-0.07, 0.07, 2)
            ring = spot + between(rng, 0.02, 0.05) * _circle(12)
            parts.append(_plain(own, ring, any_colour(rng) * 0.3))
    return stack([hand(setting, rng), *parts] if rng.random() < 0.4 else parts)


def cup(setting: Setting, rng: np.random.Generator) -> Drawn:
    """A cup, a glass or a can before the mouth."""
    own = _held(setting, rng, 0.25, np.array([between(rng, -0.2, 0.2), between(rng, 0.75, 1.3)]))
    top, foot = between(rng, 0.22, 0.42), between(rng, 0.15, 0.36)
    high = between(rng, 0.25, 0.5)
    lip, rim = np.linspace(0, np.pi, 12), between(rng, 0.02, 0.12)
    front = np.stack([foot * np.cos(lip), high + rim * np.sin(lip)], axis=1)
    back = np.stack([-top * np.cos(lip), -high - rim * np.sin(lip)], axis=1)
    cover = own.fill(np.concatenate([front, back]))
    x, _ = own.coordinates()
    round_side = 1 - 0.5 * np.clip(x / top - 0.4 * np.sign(setting.light[0]), -1.2, 1.2) ** 2
    colour = weave(own, rng, None if rng.random() < 0.4 else "plain") * setting.brightness
    parts = [Drawn(cover, (colour * round_side[..., None]).astype(np.float32))]
    inner = np.stack([0.9 * top * np.cos(2 * lip), -high + 0.8 * rim * np.sin(2 * lip)], axis=1)
    parts.append(_plain(own, inner, any_colour(rng) * 0.5))
    return stack([*parts, hand(setting, rng)] if rng.random() < 0.5 else parts)


def microphone(setting: Setting, rng: np.random.Generator) -> Drawn:
    """A microphone from below: a grille on a handle."""
    head = np.array([between(rng, -0.35, 0.35), between(rng, 0.5, 1.0)])
    turn, radius = between(rng, 0.8, 2.3), between(rng, 0.10, 0.22)
    along = np.array([np.cos(turn), np.sin(turn)])
    layout = setting.layout.upright
    handle = layout.line(np.stack([head, head + 3 * along]), 1.1 * radius)
    ball = layout.fill(head + radius * _circle(24) * np.array([1.0, between(rng, 0.9, 1.5)]))
    tone = any_colour(rng) * 0.4 * setting.brightness
    grille = weave(layout, rng, "knit") if rng.random() < 0.6 else np.full((*layout.shape, 3), 0.04)
    shade = relief(ball, 1.2, setting.light, radius * layout.unit)[..., None]
    side = relief(handle, 1.2, setting.light, 0.5 * radius * layout.unit)[..., None]
    return stack([Drawn(handle, (side * tone).astype(np.float32)),
                  Drawn(ball, (grille * shade).astype(np.float32))])  # fmt: skip


def patch(setting: Setting, rng: np.random.Generator) -> Drawn:
    """A patch of any outline and any print, flat or rounded."""
    layout, kind = setting.layout.upright, one_of(rng, PATCHES)
    middle = np.array([between(rng, -0.55, 0.55), between(rng, -0.45, 1.1)])
    half = np.exp(rng.uniform(np.log(0.10), np.log(0.6), 2))
    turn = between(rng, 0, np.pi) if rng.random() < 0.5 else 0.0
    if kind == "box":
        outline = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    elif kind == "ellipse":
        outline = _circle(32) * half
    elif kind == "polygon":
        angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * half
    elif kind == "band":
        outline = np.array([(-3, -1), (3, -1), (3, 1), (-3, 1)]) * np.array([1, between(rng, 0.04, 0.25)])
    else:
        angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        ragged = np.exp(0.35 * rng.standard_normal(10))
        outline = curve(np.stack([np.cos(angle), np.sin(angle)], 1) * half * ragged[:, None], 5, closed=True)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    cover = layout.fill(middle + outline @ spin)
    base = setting.skin * np.exp(rng.normal(0, 0.2, 3)) if rng.random() < 0.2 else None
    colour = weave(layout, rng, None, None if base is None else base.astype(np.float32))
    if rng.random() < 0.6:
        body = relief(cover, between(rng, 0.3, 1.2), setting.light, between(rng, 0.02, 0.4) * layout.unit)
        colour = colour * body[..., None] * setting.brightness
    return Drawn(cover, np.asarray(colour, np.float32))


def _held(setting: Setting, rng: np.random.Generator, tilt: float, place: FloatArray | None = None) -> Layout:
    """Coordinates of a thing at a place before the face, tilted."""
    layout = setting.layout.upright
    if place is None:
        place = np.array([between(rng, -0.7, 0.7), between(rng, -0.2, 1.0)])
    turn = rng.normal(0, tilt)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return Layout(layout.shape, np.c_[layout.matrix[:, :2] @ spin, layout.pixels(place[None])[0]])


def _plain(layout: Layout, outline: FloatArray, tone: FloatArray) -> Drawn:
    cover = layout.fill(outline)
    return Drawn(cover, np.broadcast_to(tone, (*cover.shape, 3)).astype(np.float32))


def _rounded(half: FloatArray, radius: float) -> FloatArray:
    corner = radius * _circle(24)
    return np.asarray(corner + np.sign(corner + 1e-9) * (half - radius))


def _circle(count: int) -> FloatArray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
