"""Eyeballs: sclera, veins, iris with its rings, pupil; as colour over the angle from the eye's axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.morphable.topology import PARTS
from facekit.records import FloatArray
from facekit.synthetic.atlas import Atlas
from facekit.synthetic.chance import between, one_of
from facekit.synthetic.noise import noise_at, smoothstep
from facekit.synthetic.tone import decode_srgb

IRIS = {
    "dark brown": (52, 32, 22),
    "brown": (92, 58, 34),
    "hazel": (116, 92, 52),
    "green": (98, 108, 72),
    "blue": (88, 122, 152),
    "grey": (120, 128, 132),
}


@dataclass(frozen=True)
class Eyes:
    """How the eyes look. Lengths in mm, colours linear RGB."""

    iris: tuple[float, float, float]
    inner: tuple[float, float, float]  # colour of the ring around the pupil
    sclera: tuple[float, float, float]
    iris_radius: float
    pupil_radius: float
    limbus: float  # 0..1 darkness of the outer ring
    veins: float  # 0..1


def sample_eyes(melanin: float, rng: np.random.Generator) -> Eyes:
    """Random eyes; light irises come with light skin."""
    fair = float(np.clip(1 - melanin / 3.5, 0, 1))
    name = one_of(
        rng,
        {
            "dark brown": 0.5 + 0.3 * melanin,
            "brown": 0.8,
            "hazel": 0.1 + 0.4 * fair,
            "green": 0.35 * fair,
            "blue": 0.8 * fair,
            "grey": 0.25 * fair,
        },
    )
    iris = decode_srgb(np.array(IRIS[name])) * np.exp(0.15 * rng.standard_normal())
    warm = np.array([1.35, 1.05, 0.75]) ** between(rng, 0.0, 1.6)
    white = (
        decode_srgb(np.array([226, 218, 211]))
        * between(rng, 0.82, 1.06)
        * np.array([1, 1, between(rng, 0.9, 1.02)])
    )
    return Eyes(
        tuple(iris.tolist()),
        tuple((iris * warm * between(rng, 0.9, 1.5)).tolist()),
        tuple(white.tolist()),
        iris_radius=between(rng, 5.6, 6.4),
        pupil_radius=between(rng, 1.5, 3.1),
        limbus=between(rng, 0.35, 0.85),
        veins=between(rng, 0.0, 0.5),
    )


def eye_colour(atlas: Atlas, eyes: Eyes, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Rows (M,) of the eyeball texels of an atlas and their linear RGB (M, 3) float32."""
    rows, colours = [], []
    for ball, name in zip(atlas.eyes, ("left_eye", "right_eye"), strict=True):
        texels = np.flatnonzero(atlas.part == PARTS.index(name))
        offset = atlas.position[texels] - ball[:3]
        rows.append(texels)
        colours.append(_ball(offset, float(ball[3]), eyes, rng))
    return np.concatenate(rows), np.concatenate(colours).astype(np.float32)


def _ball(offset: FloatArray, radius: float, eyes: Eyes, rng: np.random.Generator) -> FloatArray:
    r = np.hypot(offset[:, 0], offset[:, 1])
    r = np.where(offset[:, 2] > 0, r, 2 * radius)  # the back of the ball is all sclera
    angle = np.arctan2(offset[:, 1], offset[:, 0])
    ring = np.stack([np.cos(angle) * 9, np.sin(angle) * 9, r * 0.35], axis=1)
    radial = noise_at(ring, 1.0, rng)
    iris = np.array(eyes.iris) * (1 + 0.22 * radial)[:, None]
    inner = np.array(eyes.inner) * (1 + 0.22 * radial)[:, None]
    t = smoothstep(r, eyes.pupil_radius + 0.3, eyes.pupil_radius + 2.2)[:, None]
    colour = inner * (1 - t) + iris * t
    limbus = smoothstep(r, eyes.iris_radius - 1.3, eyes.iris_radius)
    colour *= (1 - eyes.limbus * limbus)[:, None]
    pupil = smoothstep(r, eyes.pupil_radius + 0.25, eyes.pupil_radius - 0.25)[:, None]
    colour = colour * (1 - pupil) + 0.004 * pupil
    white = smoothstep(r, eyes.iris_radius - 0.35, eyes.iris_radius + 0.45)[:, None]
    return colour * (1 - white) + _sclera(offset, radius, eyes, rng) * white


def _sclera(offset: FloatArray, radius: float, eyes: Eyes, rng: np.random.Generator) -> FloatArray:
    side = np.abs(offset[:, 0]) / radius
    vein = noise_at(offset, (2.2, 0.45, 2.2), rng)
    red = 0.10 * smoothstep(side, 0.35, 0.95) + eyes.veins * 0.25 * np.clip(vein - 0.9, 0, 1) * smoothstep(
        side, 0.3, 0.7
    )
    return np.array(eyes.sclera) * np.exp(-red[:, None] * np.array([0.25, 1.6, 1.6]))
