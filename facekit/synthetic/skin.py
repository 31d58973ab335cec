"""Skin as pigments over the face: a person's albedo texture in the model's UV chart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.morphable.topology import PARTS
from facekit.records import BoolArray, FloatArray
from facekit.synthetic.atlas import Atlas, closed_curve, frontal, gaussian, signed_distance
from facekit.synthetic.brows import Brows, brow_cover, sample_brows
from facekit.synthetic.chance import between
from facekit.synthetic.eyes import Eyes, eye_colour, sample_eyes
from facekit.synthetic.hairline import Hairline, hair_height, sample_hairline
from facekit.synthetic.noise import noise_at, smoothstep
from facekit.synthetic.tone import hair_colour, hair_weights, skin_colour

# redness by place: centre (|x|, y) and width in mm of the face frame, share of the person's flush
FLUSH = {
    "cheeks": ((42.0, -36.0), (17.0, 15.0), 1.0),
    "nose": ((0.0, -30.0), (11.0, 9.0), 0.9),
    "wings": ((15.0, -42.0), (6.0, 7.0), 0.7),
    "chin": ((0.0, -98.0), (16.0, 11.0), 0.55),
    "ears": ((88.0, -8.0), (12.0, 26.0), 0.9),
    "between": ((0.0, 12.0), (9.0, 9.0), 0.25),
}


@dataclass(frozen=True)
class Look:
    """Everything that decides a person's colours. Colours linear RGB, lengths mm."""

    melanin: float  # 0 lightest to 7 darkest
    blood: float  # density relative to the mean
    carotene: float
    flush: tuple[float, ...]  # blood added at the places of FLUSH
    forehead: float  # carotene added on the forehead
    lids: float  # melanin added on the lower lids
    mottle: tuple[float, float, float]  # amplitude of low, middle and high frequency noise
    freckles: float  # 0..1
    moles: int
    stubble: float  # 0..1
    lips: tuple[float, float, float]  # factor on the skin colour
    lashes: float  # 0..1 darkness of the lash line
    hair: tuple[float, float, float]
    brow_hair: tuple[float, float, float]
    brows: Brows
    eyes: Eyes
    hairline: Hairline
    seed: int


def sample_look(rng: np.random.Generator) -> Look:
    """A random person, beyond the range of most populations."""
    melanin = float(np.clip(rng.uniform(-0.3, 6.9), 0.0, 6.8))
    dark = melanin / 7.0
    colours = hair_weights(melanin)
    names = list(colours)
    name = names[int(rng.choice(len(names), p=np.array(list(colours.values())) / sum(colours.values())))]
    hair = hair_colour(name, rng)
    brow = np.minimum(hair, 0.35) * between(rng, 0.55, 1.0)
    flush = np.minimum(rng.gamma(2.0, 0.07, len(FLUSH)) * rng.uniform(0.3, 1.6), 0.34) * (1 - 0.6 * dark)
    bearded = rng.random() < 0.38
    made_up = rng.random() < 0.2
    red = between(rng, 0.45, 0.62) if made_up else between(rng, 0.6, 0.86)
    return Look(
        melanin=melanin,
        blood=float(rng.normal(0.0, 0.07)),
        carotene=float(rng.normal(0.0, 0.10)),
        flush=tuple(flush.tolist()),
        forehead=between(rng, 0.0, 0.16),
        lids=between(rng, 0.0, 0.7),
        mottle=(between(rng, 0.02, 0.06), between(rng, 0.02, 0.05), between(rng, 0.02, 0.05)),
        freckles=float(rng.random() ** 3 * (rng.random() < 0.3 + 0.4 * (melanin < 2))),
        moles=int(rng.integers(0, 6)),
        stubble=float(rng.uniform(0.15, 1.0)) if bearded else 0.0,
        lips=(between(rng, 0.78, 1.0), red + 0.12 * dark, red * between(rng, 0.92, 1.12) + 0.14 * dark),
        lashes=between(rng, 0.35, 0.9),
        hair=tuple(hair.tolist()),
        brow_hair=tuple(brow.tolist()),
        brows=sample_brows(rng),
        eyes=sample_eyes(melanin, rng),
        hairline=sample_hairline(rng),
        seed=int(rng.integers(2**31)),
    )


def _fields(atlas: Atlas) -> dict[str, FloatArray]:
    """Masks that do not depend on the person, computed once per atlas."""
    cache = atlas.cache
    if cache:
        return cache
    p, marks = atlas.position, atlas.landmarks
    front = frontal(p)
    symmetric = (marks + marks[MIRROR_68] * (-1, 1, 1)) / 2
    for name, (centre, width, share) in FLUSH.items():
        cache[name] = share * gaussian(p, centre, width) * (1.0 if name == "ears" else front)
    cache["forehead"] = gaussian(p, (0.0, 55.0), (42.0, 22.0)) * front
    cache["sockets"] = gaussian(p, (31.0, 4.0), (15.0, 11.0)) * front
    cache["lower_lids"] = gaussian(p, (29.0, -11.0), (11.0, 5.0)) * front
    near = (front > 0) & atlas.skin()
    cache["lip"] = _distance(p, near & (np.abs(p[:, 1] + 70) < 30), closed_curve(symmetric[48:60, :2], 72))
    cache["mouth"] = _distance(p, near & (np.abs(p[:, 1] + 70) < 30), closed_curve(symmetric[60:68, :2], 48))
    cache["left_lid"] = _distance(p, near & (p[:, 0] > 0), closed_curve(symmetric[42:48, :2], 48))
    cache["right_lid"] = _distance(p, near & (p[:, 0] < 0), closed_curve(symmetric[36:42, :2], 48))
    cache["beard"] = _beard(p, cache["lip"])
    return cache


MIRROR_68 = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        27,
        28,
        29,
        30,
        35,
        34,
        33,
        32,
        31,
        45,
        44,
        43,
        42,
        47,
        46,
        39,
        38,
        37,
        36,
        41,
        40,
        54,
        53,
        52,
        51,
        50,
        49,
        48,
        59,
        58,
        57,
        56,
        55,
        64,
        63,
        62,
        61,
        60,
        67,
        66,
        65,
    ]
)


def _distance(points: FloatArray, rows: BoolArray, curve: FloatArray) -> FloatArray:
    far = np.full(len(points), 99.0, np.float32)
    far[rows] = signed_distance(points[rows, :2], curve)
    return far


def _beard(p: FloatArray, lip: FloatArray) -> FloatArray:
    x = np.abs(p[:, 0])
    upper = -58.0 + np.clip(x - 22.0, 0, 60) * 0.62  # from the mouth corners up to the sideburns
    upper = np.where(x < 22.0, np.maximum(upper, -46.0 - 0.25 * x), upper)
    cheek = smoothstep(p[:, 1] - upper, 5.0, -7.0)
    neck = smoothstep(p[:, 1], -150.0, -118.0)
    behind = smoothstep(p[:, 2], -88.0, -70.0)
    bare = 1 - 0.75 * gaussian(p, (17.0, -86.0), (7.0, 6.0))
    return (cheek * neck * behind * smoothstep(lip, 0.5, 3.5) * bare).astype(np.float32)


def paint(atlas: Atlas, look: Look) -> FloatArray:
    """A person's albedo (T, T, 3) float32, linear RGB, in the chart of the atlas; zero where nothing is
    charted."""
    rng = np.random.default_rng(look.seed)
    fields = _fields(atlas)
    colour = _skin(atlas, look, fields, rng)
    colour = _lips(atlas, look, fields, colour, rng)
    colour = _lid_rims(look, fields, colour)
    colour = _hairs(atlas, look, fields, colour, rng)
    colour[atlas.part == PARTS.index("socket")] *= np.array([0.7, 0.45, 0.42])
    mouth = atlas.part == PARTS.index("mouth")
    colour[mouth] = mouth_colour(atlas.position[mouth], rng)
    teeth = atlas.part == PARTS.index("teeth")
    colour[teeth] = (
        np.array([0.66, 0.60, 0.48]) * (1 + 0.05 * noise_at(atlas.position[teeth], 3.0, rng))[:, None]
    )
    rows, eyes = eye_colour(atlas, look.eyes, rng)
    colour[rows] = eyes
    return atlas.image(np.clip(colour, 0.002, 1.0))


def mouth_colour(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Gums, tongue and socket (N, 3): wet pink, darker towards the throat."""
    depth = smoothstep(points[:, 2], -45.0, 12.0)[:, None]
    pink = np.array([0.42, 0.13, 0.12]) * (1 + 0.10 * noise_at(points, 4.0, rng))[:, None]
    return (pink * (0.12 + 0.88 * depth)).astype(np.float32)


def _skin(atlas: Atlas, look: Look, fields: dict[str, FloatArray], rng: np.random.Generator) -> FloatArray:
    p = atlas.position
    low, middle, high = (noise_at(p, cell, rng) for cell in (26.0, 7.0, 1.3))
    melanin = look.melanin + 2.2 * look.mottle[0] * low + 0.35 * fields["sockets"] * look.lids
    melanin = melanin + look.lids * fields["lower_lids"] - 0.25 * fields["forehead"] * look.forehead
    blood = look.blood + 1.6 * look.mottle[1] * middle
    patch = 1 + 0.35 * noise_at(p, 11.0, rng)
    for name, amount in zip(FLUSH, look.flush, strict=True):
        blood = blood + amount * fields[name] * patch
    blood = blood + 0.10 * look.lids * fields["lower_lids"]
    if look.freckles > 0:
        spots = smoothstep(noise_at(p, 1.7, rng), 1.55 - 0.5 * look.freckles, 1.95 - 0.4 * look.freckles)
        where = gaussian(p, (25.0, -22.0), (30.0, 18.0)) + 0.4 * fields["forehead"]
        melanin = melanin + 1.3 * look.freckles * spots * where * (1 + 0.5 * low)
    melanin = melanin + _moles(p, look.moles, rng)
    carotene = look.carotene + look.forehead * fields["forehead"]
    carotene = carotene - 0.35 * look.lids * fields["lower_lids"]
    colour = skin_colour(melanin, blood, carotene)
    return colour * (1 + look.mottle[2] * high + 0.6 * look.mottle[1] * middle)[:, None]


def _moles(p: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    added = np.zeros(len(p), np.float32)
    candidates = np.flatnonzero((p[:, 2] > -50) & (p[:, 1] > -105) & (p[:, 1] < 70))
    for _ in range(count if len(candidates) else 0):
        centre = p[rng.choice(candidates)]
        radius = between(rng, 0.5, 1.4)
        gap = ((p - centre) ** 2).sum(axis=1)
        added += between(rng, 0.8, 2.6) * np.exp(-0.5 * gap / radius**2).astype(np.float32)
    return added


def _lips(
    atlas: Atlas, look: Look, fields: dict[str, FloatArray], colour: FloatArray, rng: np.random.Generator
) -> FloatArray:
    lip = fields["lip"]
    rows = np.flatnonzero(lip < 4.0)
    p = atlas.position[rows]
    edge = lip[rows] + 0.55 * noise_at(p, 3.0, rng)
    cover = smoothstep(edge, 1.1, -1.3)[:, None]
    wrinkle = noise_at(p, (0.9, 6.0, 6.0), rng)
    inside = smoothstep(fields["mouth"][rows], 1.5, -3.5)
    factor = np.array(look.lips) * (1 + 0.07 * wrinkle)[:, None]
    factor = factor * (1 - 0.45 * inside[:, None] * np.array([0.7, 1.0, 1.0]))
    colour[rows] *= 1 + cover * (factor - 1)
    return colour


def _lid_rims(look: Look, fields: dict[str, FloatArray], colour: FloatArray) -> FloatArray:
    for name in ("left_lid", "right_lid"):
        gap = fields[name]
        rows = np.flatnonzero(gap < 6.0)
        d = gap[rows]
        lash = look.lashes * np.exp(-0.5 * ((d - 0.2) / 0.75) ** 2)
        pink = smoothstep(d, 0.3, -1.0)
        colour[rows] *= 1 - 0.8 * lash[:, None] * (1 - 0.5 * pink[:, None])
        colour[rows] *= np.exp(-0.35 * pink[:, None] * np.array([0.1, 1.0, 0.8]))
    return colour


def _hairs(
    atlas: Atlas, look: Look, fields: dict[str, FloatArray], colour: FloatArray, rng: np.random.Generator
) -> FloatArray:
    p, skin = atlas.position, atlas.skin()
    if look.stubble > 0:
        dots = smoothstep(noise_at(p, 0.32, rng), -0.3, 1.3)
        beard = look.stubble * fields["beard"] * (1 + 0.25 * noise_at(p, 9.0, rng))
        shadow = np.clip(beard * (0.16 + 0.50 * dots), 0, 0.9)[:, None]
        colour = colour * (1 - shadow) + shadow * np.array(look.brow_hair) * np.array([1.0, 1.05, 1.15])
    brow = brow_cover(atlas, look.brows)[:, None]
    colour = colour * (1 - brow) + brow * np.array(look.brow_hair)
    height = hair_height(p, look.hairline)
    rows = np.flatnonzero(skin & (height > -14.0))
    azimuth = np.arctan2(p[rows, 0], p[rows, 2] + 88.0)
    strand = np.stack([azimuth * 95.0, p[rows, 1] * 0.12, np.zeros(len(rows))], axis=1)
    streak = noise_at(strand, 1.1, rng)
    edge = height[rows] + 3.5 * streak
    cover = look.hairline.cover * smoothstep(edge, -2.5, 5.0)[:, None]
    colour[rows] = colour[rows] * (1 - cover) + cover * np.array(look.hair) * (1 + 0.22 * streak)[:, None]
    return colour.astype(np.float32)
