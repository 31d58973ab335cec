"""Flat occluders drawn over the picture: irregular blobs and hands."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.records import BoolArray, ByteArray, FloatArray
from facekit.synthetic.chance import between, one_of
from facekit.synthetic.tone import skin_colour

PATTERNS = {"stripes": 1.0, "marble": 1.0, "checks": 0.8, "skin": 1.0, "plain": 0.6}


def blob_cover(face: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Opacity (H, W) float32 of a blob over 25 to 40 % of the visible face (H, W) bool: thresholded
    Gaussians and noise."""
    rows, columns = np.nonzero(face)
    scale = np.sqrt(len(rows)) if len(rows) else 100.0
    pick = rng.integers(len(rows)) if len(rows) else 0
    centre = np.array([columns[pick], rows[pick]]) if len(rows) else np.array(face.shape[::-1]) / 2
    y, x = np.mgrid[: face.shape[0], : face.shape[1]].astype(np.float32)
    field = np.zeros(face.shape, np.float32)
    for _ in range(int(rng.integers(2, 6))):
        spot = centre + rng.normal(0, 0.16 * scale, 2)
        wide = rng.uniform(0.12, 0.26, 2) * scale
        turn = between(rng, 0, np.pi)
        u = (x - spot[0]) * np.cos(turn) + (y - spot[1]) * np.sin(turn)
        v = -(x - spot[0]) * np.sin(turn) + (y - spot[1]) * np.cos(turn)
        field += np.exp(-0.5 * ((u / wide[0]) ** 2 + (v / wide[1]) ** 2))
    field *= 1 + between(rng, 0.03, 0.16) * smooth_noise(face.shape, 16, rng)
    wanted = between(rng, 0.25, 0.40)
    level = float(np.quantile(field[face], 1 - wanted)) if len(rows) else 0.5
    slope = max(level, 1e-3) * 4.0 / scale
    return np.clip(0.5 + (field - level) / slope, 0, 1)


def hand_cover(face: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Opacity (H, W) float32 of a hand with spread fingers over a part of the face."""
    rows, columns = np.nonzero(face)
    if not len(rows):
        return np.zeros(face.shape, np.float32)
    scale = np.sqrt(len(rows)) * between(rng, 0.42, 0.60)
    pick = rng.integers(len(rows))
    palm = np.array([columns[pick], rows[pick]]) + rng.normal(0, 0.2 * scale, 2)
    heading = between(rng, -2.4, -0.7)  # fingers point up, more or less
    drawing = np.zeros(face.shape, np.uint8)
    axes = (int(0.48 * scale), int(0.40 * scale))
    middle = (int(palm[0]), int(palm[1]))
    cv2.ellipse(drawing, middle, axes, float(np.rad2deg(heading)), 0, 360, (255,), -1, cv2.LINE_AA)
    for finger, length in zip((-0.75, -0.26, 0.0, 0.26, 0.55), (0.75, 1.0, 1.12, 1.02, 0.8), strict=True):
        angle = heading + finger * between(rng, 0.75, 1.25)
        root = palm + 0.30 * scale * np.array([np.cos(angle), np.sin(angle)])
        tip = palm + scale * length * np.array([np.cos(angle), np.sin(angle)])
        _capsule(drawing, root, tip, 0.125 * scale)
    wrist = palm - 1.3 * scale * np.array([np.cos(heading), np.sin(heading)])
    _capsule(drawing, palm, wrist, 0.30 * scale)
    return cv2.GaussianBlur(drawing, (0, 0), 0.7).astype(np.float32) / 255


def _capsule(drawing: ByteArray, start: FloatArray, end: FloatArray, radius: float) -> None:
    first, last = (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))
    cv2.line(drawing, first, last, (255,), max(1, int(2 * radius)), cv2.LINE_AA)
    for spot in (first, last):
        cv2.circle(drawing, spot, int(radius), (255,), -1, cv2.LINE_AA)


def smooth_noise(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> FloatArray:
    """Smooth noise (H, W) float32 with about ``cells`` features across."""
    grid = rng.standard_normal((cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def blob_colour(cover: FloatArray, pattern: str, brightness: float, rng: np.random.Generator) -> FloatArray:
    """Linear RGB (H, W, 3) float32 of the occluder, shaded as a rounded body of the given mean brightness."""
    shape = cover.shape
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    first, second = (
        np.clip(rng.uniform(0.05, 0.8) * np.exp(0.6 * rng.standard_normal(3)), 0, 0.95) for _ in range(2)
    )
    grain = smooth_noise(shape, 24, rng) + 0.5 * smooth_noise(shape, 64, rng)
    turn, pitch = between(rng, 0, np.pi), between(rng, 0.03, 0.09) * shape[0]
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    if pattern == "stripes":
        t = np.clip(0.5 + 3 * np.sin(2 * np.pi * u / pitch), 0, 1)
    elif pattern == "checks":
        t = np.clip(0.5 + 3 * np.sin(2 * np.pi * u / pitch) * np.sin(2 * np.pi * v / pitch), 0, 1)
    elif pattern == "marble":
        t = np.clip(0.5 + 0.5 * grain, 0, 1)
    else:
        t = np.zeros(shape, np.float32)
    if pattern == "skin":
        tone = skin_colour(np.array([between(rng, 0, 6.5)]))[0]
        first, second, grain = tone, tone, 0.5 * grain
    colour = first * (1 - t[..., None]) + second * t[..., None]
    depth = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    height = np.sqrt(np.minimum(depth, 0.08 * shape[0]) + 1)
    height = cv2.GaussianBlur(height, (0, 0), 2.0)
    light = np.array([np.cos(turn), -abs(np.sin(turn)) - 0.3])
    lit = 1.0 - 0.5 * (
        light[0] * cv2.Sobel(height, cv2.CV_32F, 1, 0) + light[1] * cv2.Sobel(height, cv2.CV_32F, 0, 1)
    )
    shade = np.clip(lit, 0.45, 1.6) * (1 + 0.07 * grain) * brightness / 0.35
    return (colour * shade[..., None]).astype(np.float32)


def sample_pattern(rng: np.random.Generator) -> str:
    """A random name of PATTERNS."""
    return one_of(rng, PATTERNS)
