"""Light on a scene: a key light with a soft shadow, sky and ground, a weak fill; ambient occlusion at the
vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit

from facekit.records import FloatArray, IntArray
from facekit.synthetic.chance import between
from facekit.synthetic.zbuffer import depth_map

SHADOW_SIZE = 448
OCCLUSION_SIZE = 112


@dataclass(frozen=True)
class Lamps:
    """Directions point to the light, unit, in the camera frame with y up and z towards the camera; colours
    linear RGB."""

    key: FloatArray  # (3,)
    key_colour: FloatArray  # (3,)
    fill: FloatArray  # (3,)
    fill_colour: FloatArray  # (3,)
    sky: FloatArray  # (3,) ambient from above
    ground: FloatArray  # (3,) ambient from below
    softness: float  # radius of the shadow filter, shadow map pixels
    gloss: float  # Blinn-Phong exponent of skin
    shine: float  # strength of the skin's highlight


def _direction(azimuth: float, elevation: float) -> FloatArray:
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)], np.float32)


def _warmth(rng: np.random.Generator, spread: float) -> FloatArray:
    warm = rng.normal(0.03, spread)
    tint = rng.normal(0, spread * 0.25)
    return np.exp(np.array([warm, tint, -1.1 * warm])).astype(np.float32)


def sample_lamps(rng: np.random.Generator) -> Lamps:
    """Random light, from flat to hard, warm to cool."""
    side = between(rng, -75, 75)
    hard = rng.beta(2, 2)  # share of the key light
    key = (0.35 + 1.5 * hard) * _warmth(rng, 0.07)
    ambient = (0.95 - 0.65 * hard) * _warmth(rng, 0.08) * between(rng, 0.8, 1.15)
    return Lamps(
        key=_direction(side, between(rng, -5, 62)),
        key_colour=key.astype(np.float32),
        fill=_direction(-side + between(rng, -30, 30), between(rng, -10, 40)),
        fill_colour=(between(rng, 0.02, 0.30) * _warmth(rng, 0.12)).astype(np.float32),
        sky=(ambient * between(rng, 1.0, 1.3)).astype(np.float32),
        ground=(ambient * between(rng, 0.35, 0.8) * _warmth(rng, 0.06)).astype(np.float32),
        softness=between(rng, 0.7, 2.6),
        gloss=between(rng, 11, 30),
        shine=between(rng, 0.02, 0.16),
    )


def fibonacci_sphere(count: int) -> FloatArray:
    """Unit vectors (count, 3) spread evenly over the sphere."""
    i = np.arange(count) + 0.5
    y = 1 - 2 * i / count
    a = np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(a), y, r * np.sin(a)], axis=1).astype(np.float32)


def view_frame(direction: FloatArray) -> FloatArray:
    """(3, 3) float32, rows: right, down, away from the light at ``direction``."""
    z = -direction / np.linalg.norm(direction)
    x = np.cross(z, np.array([0.0, 0.3, 1.0]) if abs(z[1]) > 0.9 else np.array([0.0, 1.0, 0.0]))
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z]).astype(np.float32)


def bounds(vertices: FloatArray) -> tuple[FloatArray, float]:
    """Centre (3,) and radius, m, of a sphere around all vertices (V, 3)."""
    low = np.array([vertices[:, c].min() for c in range(3)])
    high = np.array([vertices[:, c].max() for c in range(3)])
    return (low + high) / 2, float(np.linalg.norm(high - low) / 2) + 1e-6


def place_map(sphere: tuple[FloatArray, float], frame: FloatArray, size: int) -> FloatArray:
    """(3, 4) float32: maps head-frame points in the sphere to depth-map pixels and depth in metres, seen
    from a distant light with that frame, see ``view_frame``."""
    middle, radius = sphere
    scale = 0.5 * (size - 2) / radius
    offset = size / 2 - scale * (frame @ middle)
    return np.c_[frame * np.array([[scale], [scale], [1.0]]), [offset[0], offset[1], 0.0]].astype(np.float32)


def place(points: FloatArray, placing: FloatArray) -> FloatArray:
    """Points (V, 3) through a (3, 4) map, float32."""
    placed = points @ placing[:, :3].T
    placed += placing[:, 3]
    return placed


def shadow_map(vertices: FloatArray, faces: IntArray, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The key light's depth map (S, S) and the (3, 4) map from head-frame points to it."""
    placing = place_map(bounds(vertices), view_frame(direction), SHADOW_SIZE)
    return depth_map(place(vertices, placing), faces, SHADOW_SIZE), placing


@njit(cache=True, fastmath=True, nogil=True)
def _open_sky(
    points: FloatArray,
    cosine: FloatArray,
    depth: FloatArray,
    bias: float,
    seen: FloatArray,
    total: FloatArray,
) -> None:
    size = depth.shape[0]
    for i in range(len(points)):
        if cosine[i] <= 0:
            continue
        total[i] += cosine[i]
        x, y = points[i, 0] - 0.5, points[i, 1] - 0.5
        c, r = int(np.floor(x)), int(np.floor(y))
        free = 0.0
        for dr in range(2):
            for dc in range(2):
                rr, cc = r + dr, c + dc
                open_ = True
                if 0 <= rr < size and 0 <= cc < size:
                    open_ = points[i, 2] <= depth[rr, cc] + bias
                weight = (x - c if dc else 1 - (x - c)) * (y - r if dr else 1 - (y - r))
                free += weight if open_ else 0.0
        seen[i] += free * cosine[i]


@lru_cache(maxsize=2)
def _sky(count: int) -> list[tuple[FloatArray, FloatArray]]:
    """Directions spread over the sphere, with their frames."""
    return [(direction, view_frame(direction)) for direction in fibonacci_sphere(count)]


def ambient_occlusion(
    vertices: FloatArray, normals: FloatArray, faces: IntArray, count: int = 20, bias: float = 0.004
) -> FloatArray:
    """Cosine-weighted share of open directions at each vertex, (V,) float32 in 0..1.

    ``count`` distant depth maps of the whole scene; bias in metres.
    """
    seen = np.zeros(len(vertices), np.float32)
    total = np.full(len(vertices), 1e-6, np.float32)
    sphere = bounds(vertices)
    for direction, frame in _sky(count):
        points = place(vertices, place_map(sphere, frame, OCCLUSION_SIZE))
        depth = depth_map(points, faces, OCCLUSION_SIZE)
        _open_sky(points, normals @ direction, depth, bias, seen, total)
    return seen / total
