"""The eyeball: rings of points about the pupil's axis, cast onto the source's; open at the back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.morphable.build.source import IctSource
from facekit.records import FloatArray, IntArray

SEGMENTS = 16  # a multiple of four, so that the iris has vertices right, above, left and below
LIMBUS = 24.0  # degrees from the pupil's axis to the edge of the iris
RINGS = (
    8.0,
    16.0,
    LIMBUS,
    31.0,
    40.0,
    51.0,
    64.0,
    80.0,
    105.0,
    140.0,
)  # degrees; the first is the pupil's edge


@dataclass(frozen=True)
class Eye:
    """The left eyeball as points on source triangles."""

    corners: IntArray  # (n, 3) source vertices
    bary: FloatArray  # (n, 3)
    faces: IntArray  # (f, 3)
    chart: FloatArray  # (n, 2) in the unit disc, pupil at its centre
    centre: FloatArray  # (3,) m, of the mean


def chart_radius(angle: FloatArray) -> FloatArray:
    """Radius in the eye's disc chart of an angle in degrees from the axis; the iris takes half of it."""
    return np.interp(angle, [0.0, LIMBUS, 80.0, RINGS[-1]], [0.0, 0.5, 0.85, 1.0])


def sphere_centre(points: FloatArray) -> FloatArray:
    """Centre (3,) of the least-squares sphere through points (n, 3)."""
    system = np.c_[2 * points, np.ones(len(points))]
    return np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0][:3]


def eye_centre(source: IctSource, vertices: FloatArray | None = None) -> FloatArray:
    """Centre (3,) m of the left eyeball, from the part of it behind the cornea's bulge."""
    vertices = source.mean if vertices is None else vertices
    sclera = np.unique(source.part("sclera_left"))
    depth = source.mean[sclera, 2]
    return sphere_centre(vertices[sclera[depth < depth.max() - 0.012]])


def left_eye(source: IctSource) -> Eye:
    """The left eyeball on the surface of the source's sclera."""
    centre = eye_centre(source)
    axis = (source.pupil - centre) / np.linalg.norm(source.pupil - centre)
    side = np.cross([0.0, 1.0, 0.0], axis)
    side /= np.linalg.norm(side)
    up = np.cross(axis, side)
    theta = np.radians(np.repeat(RINGS, SEGMENTS))
    phi = np.tile(np.arange(SEGMENTS) * (2 * np.pi / SEGMENTS), len(RINGS))
    ring = np.cos(theta)[:, None] * axis
    ring = ring + np.sin(theta)[:, None] * (np.cos(phi)[:, None] * side + np.sin(phi)[:, None] * up)
    directions = np.concatenate([axis[None], ring])
    sclera = source.part("sclera_left")
    triangle, bary = cast(source.mean[sclera] - centre, directions)
    radius = chart_radius(np.degrees(theta))
    chart = np.c_[radius * np.cos(phi), radius * np.sin(phi)]
    chart = np.concatenate([[[0.0, 0.0]], chart])
    return Eye(sclera[triangle], bary, ring_faces(len(RINGS), SEGMENTS), chart, centre)


def cast(corners: FloatArray, directions: FloatArray) -> tuple[IntArray, FloatArray]:
    """Triangle (n,) and barycentric coordinates (n, 3) where rays from the origin meet triangles."""
    inverse = np.linalg.inv(corners.transpose(0, 2, 1))
    weights = np.einsum("fij,nj->nfi", inverse, directions)
    scale = weights.sum(axis=2)
    inside = np.where(scale > 0, weights.min(axis=2) / np.maximum(scale, 1e-12), -np.inf)
    triangle = inside.argmax(axis=1)
    bary = np.take_along_axis(weights, triangle[:, None, None], axis=1)[:, 0]
    bary = np.maximum(bary / bary.sum(axis=1, keepdims=True), 0.0)
    return triangle, bary / bary.sum(axis=1, keepdims=True)


def ring_faces(rings: int, segments: int) -> IntArray:
    """Triangles of a pole (vertex 0) and rings of vertices, counter-clockwise from outside."""
    here = np.arange(segments)
    after = (here + 1) % segments
    faces = [np.c_[np.zeros(segments, int), 1 + here, 1 + after]]
    for k in range(rings - 1):
        a, b = 1 + k * segments, 1 + (k + 1) * segments
        faces += [np.c_[a + here, b + here, b + after], np.c_[a + here, b + after, a + after]]
    return np.concatenate(faces).astype(np.int32)
