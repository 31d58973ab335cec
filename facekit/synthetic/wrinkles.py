"""Wrinkles that come and go with the expression: grooves drawn on the skin, each woken by some shapes.

Places are millimetres of the face frame (see atlas.py) on the mean face, seen from the front. A groove is a
valley across a curve with a small swelling on both sides; it bends the normals and darkens the skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from facekit.records import FloatArray, IntArray
from facekit.synthetic.noise import smoothstep

Curve = list[tuple[float, float]]

SAMPLES = 14  # points of a drawn curve
REACH = 4.0  # widths: further away a groove does nothing
FRONT = -45.0  # mm: skin behind this has none


@dataclass(frozen=True)
class Crease:
    """A group of grooves on the subject's left (x > 0) or in the middle, and what wakes them."""

    drive: dict[str, float]  # ARKit shapes and their shares; without _L or _R that of the groove's side
    wake: tuple[float, float]  # activation at which it starts and is full
    width: float  # mm, standard deviation of the valley
    depth: float  # mm
    curves: tuple[Curve, ...]
    sided: bool = True  # also mirrored to the right, with the shapes of that side
    always: float = 0.0  # share that is there at rest


CHIN = ((-12, -99), (-3, -97), (6, -100), (-8, -106), (2, -105), (11, -104), (-2, -112), (7, -111))
FOREHEAD = {"browInnerUp": 0.5, "browOuterUp": 0.7}
SMILE = {"mouthSmile": 0.8, "noseSneer": 0.5, "mouthUpperUp": 0.35, "cheekSquint": 0.2}
CREASES: tuple[Crease, ...] = (
    Crease(
        FOREHEAD,
        (0.15, 0.75),
        1.9,
        1.25,
        tuple([(2.0, y - 2), (14.0, y - 1), (28.0, y + 2), (42.0, y - 1)] for y in (37.0, 46.0, 55.0, 64.0)),
        always=0.06,
    ),
    Crease({"browDown": 1.0}, (0.15, 0.8), 1.6, 1.3, ([(5.0, 9.0), (6.5, 18.0), (6.0, 29.0)],)),
    Crease(
        {"noseSneer": 1.0, "cheekSquint": 0.15},
        (0.2, 0.8),
        1.4,
        0.9,
        ([(2.0, 4.0), (10.0, -3.0)], [(2.0, -2.0), (12.0, -10.0)], [(3.0, -9.0), (13.0, -17.0)]),
    ),
    Crease(
        {"eyeSquint": 0.7, "cheekSquint": 0.6, "mouthSmile": 0.1},
        (0.15, 0.95),
        1.4,
        0.7,
        (
            [(50.0, 3.0), (57.0, 8.0), (63.0, 14.0)],
            [(51.0, -1.0), (59.0, 0.0), (66.0, 2.0)],
            [(50.0, -5.0), (57.0, -9.0), (63.0, -15.0)],
        ),
        always=0.05,
    ),
    Crease(
        {"cheekSquint": 0.8, "eyeSquint": 0.5},
        (0.15, 0.8),
        1.5,
        0.9,
        ([(18.0, -11.0), (30.0, -16.0), (43.0, -12.0)], [(22.0, -18.0), (33.0, -21.0), (44.0, -18.0)]),
        always=0.12,
    ),
    Crease(
        SMILE,
        (0.10, 0.8),
        2.4,
        2.0,
        ([(17.0, -38.0), (23.0, -46.0), (30.0, -57.0), (35.0, -69.0), (36.0, -77.0)],),
        always=0.12,
    ),
    Crease(
        {"mouthSmile": 0.7, "mouthDimple": 0.6, "mouthStretch": 0.5},
        (0.25, 0.9),
        1.8,
        1.3,
        ([(37.0, -58.0), (42.0, -68.0), (40.0, -80.0)],),
    ),
    Crease(
        {"mouthFrown": 0.9, "mouthStretch": 0.2},
        (0.2, 0.9),
        1.7,
        1.2,
        ([(27.0, -74.0), (31.0, -83.0), (31.0, -93.0)],),
        always=0.04,
    ),
    Crease(
        {"mouthShrugLower": 0.9, "mouthFrown_L": 0.2, "mouthFrown_R": 0.2, "mouthPucker": 0.2},
        (0.15, 0.8),
        2.2,
        1.4,
        ([(-20.0, -93.0), (-8.0, -89.0), (8.0, -89.0), (20.0, -93.0)],),
        sided=False,
        always=0.15,
    ),
    Crease(
        {"mouthShrugLower": 0.9, "mouthPucker": 0.35, "mouthFrown_L": 0.2, "mouthFrown_R": 0.2},
        (0.25, 0.9),
        2.0,
        0.9,
        tuple([(x - 2.0, y - 0.8), (x + 2.0, y + 0.8)] for x, y in CHIN),
        sided=False,
    ),
    Crease(
        {"mouthPucker": 1.0, "mouthFunnel": 0.3, "mouthPress_L": 0.25, "mouthPress_R": 0.25},
        (0.3, 0.95),
        1.1,
        0.8,
        tuple([(x, -57.0), (1.15 * x, -50.0)] for x in (-15.0, -10.0, -5.0, 5.0, 10.0, 15.0))
        + tuple([(x, -82.0), (1.15 * x, -89.0)] for x in (-13.0, -6.5, 0.0, 6.5, 13.0)),
        sided=False,
    ),
)


@dataclass(frozen=True)
class Groove:
    """One crease on the texels of a chart: where, how it bends the normal, how it darkens."""

    rows: IntArray  # (n,) texels
    slope: FloatArray  # (n, 3) float32, gradient of the height in the face frame
    dark: FloatArray  # (n,) float32
    weights: FloatArray  # (E,) float32 on the ARKit shapes
    wake: tuple[float, float]
    always: float

    def activation(self, expression: FloatArray) -> float:
        """0..1 for ARKit weights (E,)."""
        return max(self.always, float(smoothstep(np.asarray(self.weights @ expression), *self.wake)))


def draw_wrinkles(points: FloatArray, names: tuple[str, ...], rng: np.random.Generator) -> list[Groove]:
    """The grooves of a person on points (N, 3) mm of the face frame. Each person has their own."""
    age = float(np.exp(rng.normal(0.0, 0.25)))
    grooves = []
    for crease in CREASES:
        strength = age * float(np.exp(rng.normal(0.0, 0.2)))
        drawn = [_jitter(curve, rng) for curve in crease.curves]
        for side in (1, -1) if crease.sided else (1,):
            curves = [c * (side, 1.0) for c in drawn]
            rows, slope, dark = _carve(points, curves, crease.width, crease.depth * strength)
            weights = _weights(crease, side, names)
            grooves.append(Groove(rows, slope, dark, weights, crease.wake, min(crease.always * age, 0.3)))
    return grooves


def _weights(crease: Crease, side: int, names: tuple[str, ...]) -> FloatArray:
    suffix = "_L" if side > 0 else "_R"
    out = np.zeros(len(names), np.float32)
    for name, share in crease.drive.items():
        for key in (name, name + suffix if crease.sided else name):
            if key in names:
                out[names.index(key)] = share
    return out


def _jitter(curve: Curve, rng: np.random.Generator) -> FloatArray:
    """The curve (SAMPLES, 2) with knots moved by about a millimetre, and wavy."""
    knots = np.array(curve) + rng.normal(0.0, 0.9, (len(curve), 2))
    at = np.linspace(0, len(knots) - 1, SAMPLES)
    line = np.stack([np.interp(at, np.arange(len(knots)), knots[:, c]) for c in (0, 1)], axis=1)
    for _ in range(2):  # round the corners
        line[1:-1] = (line[:-2] + 2 * line[1:-1] + line[2:]) / 4
    return line


def _carve(
    points: FloatArray, curves: list[FloatArray], width: float, depth: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Texels near the curves, the gradient of their height there and how dark they get."""
    slope = np.zeros((len(points), 2), np.float32)
    dark = np.zeros(len(points), np.float32)
    front = points[:, 2] > FRONT
    for curve in curves:
        low, high = curve.min(axis=0) - REACH * width, curve.max(axis=0) + REACH * width
        near = np.flatnonzero(front & (points[:, :2] > low).all(axis=1) & (points[:, :2] < high).all(axis=1))
        gap, along = _nearest(points[near, :2], curve)
        distance = np.linalg.norm(gap, axis=1)
        fade = np.sin(np.pi * np.clip(along, 0.04, 0.96)) ** 0.7
        valley = np.exp(-0.5 * (distance / width) ** 2)
        swell = np.exp(-0.5 * ((distance - 2.2 * width) / width) ** 2)
        rise = distance * valley - 0.35 * (distance - 2.2 * width) * swell
        unit = gap / np.maximum(distance, 1e-6)[:, None]
        slope[near] += (depth * fade * rise / width**2)[:, None] * unit
        dark[near] = np.maximum(dark[near], 0.30 * min(depth, 1.6) * fade * valley)
    rows = np.flatnonzero((np.abs(slope).sum(axis=1) > 1e-3) | (dark > 1e-3))
    slope3 = np.concatenate([slope[rows], np.zeros((len(rows), 1), np.float32)], axis=1)
    return rows, slope3, dark[rows]


def _nearest(points: FloatArray, curve: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Vector (N, 2) from the nearest point of a polyline (M, 2), and how far along it that is, 0..1."""
    best = np.full(len(points), np.inf)
    gap, along = np.zeros((len(points), 2)), np.zeros(len(points))
    for i, (a, b) in enumerate(pairwise(curve)):
        edge = b - a
        t = np.clip((points - a) @ edge / max(float(edge @ edge), 1e-9), 0, 1)
        away = points - a - t[:, None] * edge
        square = (away**2).sum(axis=1)
        closer = square < best
        best[closer], gap[closer] = square[closer], away[closer]
        along[closer] = (i + t[closer]) / (len(curve) - 1)
    return gap, along
