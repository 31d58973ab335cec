"""Glasses: two super-ellipse lenses on a cylinder, frames, a bridge, and temples to the ears."""

from __future__ import annotations

import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between
from facekit.synthetic.scene import Surface
from facekit.synthetic.shapes import disc, tube

SEGMENTS = 56
CLEARANCE = 0.004  # m from the lashes and the brows


def glasses(landmarks: FloatArray, vertices: FloatArray, rng: np.random.Generator) -> list[Surface]:
    """Random sunglasses on a face: landmarks (68, 3) and vertices (V, 3) m in the head frame."""
    eyes = landmarks[36:48].mean(axis=0)
    outer = np.abs(landmarks[[36, 45], 0] - eyes[0]).mean()
    half = (outer * between(rng, 0.56, 0.66), outer * between(rng, 0.38, 0.54))  # of a lens: width, height
    power = between(rng, 2.2, 5.0)
    apart = half[0] + between(rng, 0.006, 0.009)
    bow = between(rng, 0.10, 0.22)  # radius of the cylinder
    level = eyes[1] - between(rng, 0.000, 0.006)
    z0 = _clear(vertices, eyes, (apart, level, *half), bow)
    radius = between(rng, 0.0011, 0.0026)
    dark = rng.uniform(0.004, 0.05, 3) * between(rng, 0.2, 1.0)
    frame = np.clip(rng.uniform(0.01, 0.5) * np.exp(0.7 * rng.standard_normal(3)), 0.005, 0.8)
    angle = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    parts: list[Surface] = []
    for side in (1.0, -1.0):
        cosine, sine = np.cos(angle), side * np.sin(angle)  # both rims turn the same way, seen from the front
        x = side * (apart + half[0] * np.sign(cosine) * np.abs(cosine) ** (2 / power))
        y = half[1] * np.sign(sine) * np.abs(sine) ** (2 / power)
        rim = _on_cylinder(eyes[0] + x, level + y, eyes[0], z0, bow)
        middle = _on_cylinder(np.array([eyes[0] + side * apart]), np.array([level]), eyes[0], z0, bow)[0]
        parts.append(disc(rim, middle, np.array([0, 0, 0.0012]), 6, "lens", dark))
        parts.append(tube(rim, radius, True, "frame", frame))
        edge = _on_cylinder(
            np.array([eyes[0] + side * (apart + half[0])]),
            np.array([level + 0.45 * half[1]]),
            eyes[0],
            z0,
            bow,
        )[0]
        parts.append(tube(_temple(edge, vertices, side, eyes), max(radius, 0.0016), False, "frame", frame))
    gap = (apart - half[0]) * 1.15
    across = np.linspace(-gap, gap, 9)
    bridge = _on_cylinder(
        eyes[0] + across, level + 0.3 * half[1] + 0.003 * (1 - (across / gap) ** 2), eyes[0], z0, bow
    )
    return [*parts, tube(bridge, radius, False, "frame", frame)]


def _on_cylinder(x: FloatArray, y: FloatArray, middle: float, z0: float, bow: float) -> FloatArray:
    return np.stack([x, y, z0 - (bow - np.sqrt(np.maximum(bow**2 - (x - middle) ** 2, 1e-6)))], axis=1)


def _clear(vertices: FloatArray, eyes: FloatArray, lens: tuple[float, ...], bow: float) -> float:
    """Depth of the cylinder's front that keeps both lenses clear of the face."""
    apart, level, width, height = lens
    x, y = np.abs(vertices[:, 0] - eyes[0]), vertices[:, 1] - level
    under = (np.abs(x - apart) < width) & (np.abs(y) < height) & (vertices[:, 2] > eyes[2] - 0.05)
    fall = bow - np.sqrt(np.maximum(bow**2 - np.minimum(x[under], 0.95 * bow) ** 2, 1e-6))
    return float((vertices[under, 2] + fall).max()) + CLEARANCE


def _temple(edge: FloatArray, vertices: FloatArray, side: float, eyes: FloatArray) -> FloatArray:
    """From the frame's edge (3,) back to the ear."""
    beside = (
        (vertices[:, 0] * side > 0)
        & (np.abs(vertices[:, 1] - eyes[1]) < 0.012)
        & (vertices[:, 2] > eyes[2] - 0.11)
    )
    near = vertices[beside & (vertices[:, 2] < eyes[2] - 0.05)]
    width = float(np.quantile(np.abs(near[:, 0]), 0.85)) + 0.003 if len(near) else 0.078
    end = np.array([side * width, eyes[1] + 0.002, eyes[2] - 0.10])
    corner = np.array([side * max(width, abs(edge[0]) + 0.004), edge[1], edge[2] - 0.012])
    t = np.linspace(0, 1, 14)[:, None]
    return np.concatenate(
        [edge[None] * (1 - t[:4] * 3) + corner * t[:4] * 3, corner + (end - corner) * t[1:]]
    )
