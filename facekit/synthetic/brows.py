"""Eyebrows: some hundred hairs drawn along a curve over the brow landmarks, with a soft base under them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates

from facekit.records import FloatArray
from facekit.synthetic.atlas import Atlas, frontal
from facekit.synthetic.chance import between

SCALE = 5.0  # pixels per mm of the drawing
WIDTH, BOTTOM, TOP = 78.0, 2.0, 58.0  # mm covered by the drawing: |x| from 0, y from BOTTOM to TOP


@dataclass(frozen=True)
class Brows:
    """How a pair of brows looks. Lengths in mm."""

    hairs: int  # hairs a side
    thickness: float  # full height at the body of the brow
    lift: float  # moved up
    spread: float  # moved outward
    arch: float  # lift of the middle
    length: float  # share of the curve that is covered, about 1
    base: float  # 0..1 opacity of the soft base
    opacity: float  # 0..1 of the hairs
    seed: int


def sample_brows(rng: np.random.Generator) -> Brows:
    """Random brows, from sparse and thin to bushy."""
    bushy = rng.beta(2.0, 2.5)
    return Brows(
        hairs=int(220 + 420 * bushy),
        thickness=5.0 + 6.5 * bushy + between(rng, -1.0, 1.0),
        lift=float(rng.normal(0.3, 1.1)),
        spread=float(rng.normal(0.0, 1.2)),
        arch=float(rng.normal(0.3, 1.0)),
        length=between(rng, 0.88, 1.06),
        base=between(rng, 0.15, 0.55),
        opacity=between(rng, 0.55, 0.95),
        seed=int(rng.integers(2**31)),
    )


def _curve(landmarks: FloatArray, brows: Brows) -> CubicSpline:
    points = landmarks[22:27, :2].astype(np.float64)
    mirrored = landmarks[21:16:-1, :2] * (-1, 1)
    points = (points + mirrored) / 2 + (brows.spread, brows.lift - 1.5)
    points[:, 1] += brows.arch * np.array([0.0, 0.7, 1.0, 0.7, 0.0])
    return CubicSpline(np.linspace(0, 1, 5), points)


def _profile(s: FloatArray) -> FloatArray:
    """Relative height of the brow along its length: blunt at the nose, longest body, thin tail."""
    body: FloatArray = np.clip(np.minimum(0.55 + 3.5 * s, 1.0), 0, 1)
    return body * np.clip(1.12 - 0.95 * np.maximum(s - 0.25, 0), 0.12, 1)


def _pixels(points: FloatArray) -> FloatArray:
    return np.stack([points[..., 0] * SCALE, (TOP - points[..., 1]) * SCALE], axis=-1)


def _draw(curve: CubicSpline, brows: Brows, rng: np.random.Generator) -> FloatArray:
    """One brow as opacity (rows, columns) float32, 0..1."""
    shape = (int((TOP - BOTTOM) * SCALE), int(WIDTH * SCALE))
    s = rng.uniform(0.0, 1.0, brows.hairs) ** 0.9 * brows.length
    across = np.clip(rng.normal(0.0, 0.30, brows.hairs), -0.52, 0.52) * brows.thickness * _profile(s)
    tangent = curve(s, 1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    root = curve(s) + across[:, None] * normal
    # hairs rise at the nose side and lie along the curve at the temple; upper hairs point down a little
    rise = np.deg2rad(72.0 * np.exp(-s / 0.22) + 14.0 - 42.0 * across / brows.thickness)
    rise += np.deg2rad(rng.normal(0, 9, brows.hairs))
    direction = np.cos(rise)[:, None] * tangent + np.sin(rise)[:, None] * normal
    length = (rng.uniform(4.0, 8.5, brows.hairs) * (0.65 + 0.35 * _profile(s)))[:, None]
    middle = root + 0.5 * length * direction
    tip = root + length * (0.9 * direction + 0.25 * tangent)
    lines = np.round(_pixels(np.stack([root - 0.15 * length * direction, middle, tip], axis=1)) * 16).astype(
        np.int32
    )
    layers = []
    for part in np.array_split(lines, 2):
        layer = np.zeros(shape, np.uint8)
        cv2.polylines(layer, list(part), False, (255,), 1, cv2.LINE_AA, 4)
        layers.append(cv2.GaussianBlur(layer, (0, 0), 0.7).astype(np.float32) / 255)
    along = np.linspace(0.0, brows.length, 60)
    base = np.zeros(shape, np.uint8)
    centres = _pixels(curve(along))
    for (x, y), half in zip(centres, _profile(along) * brows.thickness * 0.36 * SCALE, strict=True):
        cv2.circle(base, (int(x), int(y)), max(1, int(half)), (255,), -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(base, (0, 0), 1.1 * SCALE).astype(np.float32) / 255 * brows.base
    return 1 - (1 - soft) * (1 - brows.opacity * layers[0]) * (1 - brows.opacity * layers[1])


def brow_cover(atlas: Atlas, brows: Brows) -> FloatArray:
    """Opacity (N,) float32 of the brows at the texels of an atlas."""
    rng = np.random.default_rng(brows.seed)
    curve = _curve(atlas.landmarks, brows)
    p = atlas.position
    cover = np.zeros(len(p), np.float32)
    near = (np.abs(p[:, 0]) < WIDTH) & (p[:, 1] > BOTTOM) & (p[:, 1] < TOP) & (p[:, 2] > -60) & atlas.skin()
    for side in (1.0, -1.0):
        rows = np.flatnonzero(near & (p[:, 0] * side >= 0))
        if not len(rows):
            continue
        drawing = _draw(curve, brows, rng)
        spot = _pixels(np.stack([p[rows, 0] * side, p[rows, 1]], axis=1)).astype(np.float32) - 0.5
        cover[rows] = map_coordinates(drawing, spot[:, ::-1].T, order=1, mode="constant")
    return cover * frontal(p, -58.0, -45.0)
