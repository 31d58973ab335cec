"""Tubes, patches and discs as triangle surfaces."""

from __future__ import annotations

import numpy as np

from facekit.records import FloatArray, IntArray
from facekit.synthetic.scene import MATERIALS, Surface


def grid_faces(rows: int, columns: int, closed: bool = False) -> IntArray:
    """Triangles (F, 3) int32 of a grid of rows × columns points, row-major; ``closed`` joins the last column
    to the first."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a, b = (r * columns + c).ravel(), (r * columns + (c + 1) % columns).ravel()
    return np.concatenate(
        [np.stack([a, a + columns, b], -1), np.stack([b, a + columns, b + columns], -1)]
    ).astype(np.int32)


def surface(
    points: FloatArray, faces: IntArray, material: str, colour: FloatArray, coords: FloatArray | None = None
) -> Surface:
    """A surface of one colour: points (V, 3) m; coords (V, 3) mm default to the points."""
    places = points * 1000.0 if coords is None else coords
    return Surface(
        points.astype(np.float32),
        faces,
        np.full(len(faces), MATERIALS.index(material), np.uint8),
        places.astype(np.float32),
        np.broadcast_to(np.asarray(colour, np.float32), points.shape).astype(np.float32),
    )


def tube(
    path: FloatArray, radius: float, closed: bool, material: str, colour: FloatArray, sides: int = 8
) -> Surface:
    """A tube of ``radius`` m about a path (n, 3) m; ``closed`` joins its ends."""
    along = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0) if closed else np.gradient(path, axis=0)
    along = along / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-12)
    across = np.cross(along, np.array([0.05, 0.2, 0.98]))
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-12
    other = np.cross(along, across)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None, None]
    rings = path + radius * (np.cos(angle) * across + np.sin(angle) * other)  # (sides, n, 3)
    points = np.concatenate([rings, rings[:1]]) if closed else rings
    count = points.shape[0]
    faces = grid_faces(count, len(path), closed) if closed else _open_tube(sides, len(path))
    return surface(points.reshape(-1, 3), faces, material, colour)


def _open_tube(sides: int, length: int) -> IntArray:
    s, i = np.meshgrid(np.arange(sides), np.arange(length - 1), indexing="ij")
    a, b = (s * length + i).ravel(), (((s + 1) % sides) * length + i).ravel()
    return np.concatenate([np.stack([a, b, a + 1], -1), np.stack([b, b + 1, a + 1], -1)]).astype(np.int32)


def disc(
    rim: FloatArray, middle: FloatArray, bulge: FloatArray, rings: int, material: str, colour: FloatArray
) -> Surface:
    """A disc with a closed rim (n, 3) m about ``middle`` (3,), pushed out by ``bulge`` (3,) in the middle."""
    count = len(rim)
    share = np.linspace(1.0, 0.02, rings)[:, None, None]
    points = middle + (rim[None] - middle) * share + bulge * (1 - share**2)
    return surface(points.reshape(-1, 3), grid_faces(rings, count, closed=True), material, colour)
