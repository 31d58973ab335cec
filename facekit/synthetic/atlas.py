"""Where each texel of the model's UV chart lies on the mean face, and the soft masks that skin is painted
with.

Everything is measured in the *face frame*: millimetres, origin between the eyes (mean of the 12 eye
landmarks), x to the subject's left, y up, z forward. Fields are functions of the position, so neither seams
nor stretch of the chart show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import distance_transform_edt

from facekit.morphable.model import FaceModel
from facekit.morphable.topology import PARTS
from facekit.records import BoolArray, FloatArray, IntArray
from facekit.synthetic.noise import smoothstep
from facekit.synthetic.zbuffer import rasterize_chart

PADDING = 4  # texels around each chart island that repeat its border, so that filtering does not bleed
HEAD_CENTRE = np.array([0.0, 20.0, -88.0], np.float32)  # middle of the skull in the face frame, mm


def face_frame(model: FaceModel) -> tuple[FloatArray, FloatArray]:
    """Mean vertices (V, 3) and the 68 landmarks (68, 3) in the face frame, float32, mm."""
    points = model.topology.embeddings["ibug68"].points(model.mean) * 1000.0
    origin = points[36:48].mean(axis=0)
    return (model.mean * 1000.0 - origin).astype(np.float32), (points - origin).astype(np.float32)


@dataclass(frozen=True)
class Atlas:
    """The texels (N of them, row-major) that the chart of a model covers at T × T."""

    size: int  # T
    index: IntArray  # (N,) int64, flat texel index, row 0 at the top
    position: FloatArray  # (N, 3) float32, mm, face frame
    part: IntArray  # (N,) uint8, index into PARTS
    landmarks: FloatArray  # (68, 3) float32, mm, of the mean face
    eyes: FloatArray  # (2, 4) float32, centre and radius of the left and right eyeball, mm
    padding: IntArray  # (P, 2) int64, flat index of a texel outside the chart and of the texel it repeats
    cache: dict[str, FloatArray] = field(default_factory=dict, compare=False)

    def skin(self) -> BoolArray:
        """(N,) bool, texels of the skin part."""
        return self.part == PARTS.index("skin")

    def image(self, values: FloatArray) -> FloatArray:
        """Values (N, C) of the texels as an image (T, T, C) with padded islands, zero elsewhere."""
        flat = np.zeros((self.size * self.size, values.shape[1]), np.float32)
        flat[self.index] = values
        flat[self.padding[:, 0]] = flat[self.padding[:, 1]]
        return flat.reshape(self.size, self.size, -1)

    @cached_property
    def covered(self) -> BoolArray:
        """(T, T) bool, texels with a value: the chart and its padding."""
        flat = np.zeros(self.size * self.size, bool)
        flat[self.index] = True
        flat[self.padding[:, 0]] = True
        return flat.reshape(self.size, self.size)


def _eyeballs(vertices: FloatArray, parts: IntArray) -> FloatArray:
    eyes = []
    for name in ("left_eye", "right_eye"):
        ball = vertices[parts == PARTS.index(name)]
        low, high = ball.min(axis=0), ball.max(axis=0)
        radius = (high[0] - low[0]) / 2
        eyes.append([*((low + high) / 2)[:2], high[2] - radius, radius])
    return np.array(eyes, np.float32)


def build_atlas(model: FaceModel, size: int) -> Atlas:
    """The atlas of a model with an ``ibug68`` embedding and a chart, at ``size`` texels a side."""
    topology = model.topology
    vertices, landmarks = face_frame(model)
    owner, bary = rasterize_chart(topology.uv, topology.uv_faces, size)
    index = np.flatnonzero(owner.ravel() >= 0)
    corner = topology.faces[owner.ravel()[index]]
    weights = bary.reshape(-1, 3)[index]
    position = np.einsum("nc,ncd->nd", weights, vertices[corner]).astype(np.float32)
    distance, nearest = distance_transform_edt(owner < 0, return_indices=True)
    ring = np.flatnonzero((distance > 0) & (distance <= PADDING))
    source = (nearest[0].ravel() * size + nearest[1].ravel())[ring]
    return Atlas(
        size,
        index,
        position,
        topology.parts[corner[:, 0]].astype(np.uint8),
        landmarks,
        _eyeballs(vertices, topology.parts),
        np.stack([ring, source], axis=1),
    )


_ATLASES: dict[tuple[int, int], tuple[FaceModel, Atlas]] = {}


def atlas_of(model: FaceModel, size: int) -> Atlas:
    """The atlas of a model, built once per process, model and size."""
    key = (id(model.topology), size)
    if key not in _ATLASES or _ATLASES[key][0].topology is not model.topology:
        _ATLASES[key] = (model, build_atlas(model, size))
    return _ATLASES[key][1]


def closed_curve(points: FloatArray, samples: int) -> FloatArray:
    """A smooth closed curve (samples, 2) through points (n, 2): a periodic cubic spline over chord length."""
    loop = np.vstack([points, points[:1]])
    chord = np.r_[0, np.cumsum(np.linalg.norm(np.diff(loop, axis=0), axis=1) ** 0.5)]
    spline = CubicSpline(chord, loop, bc_type="periodic")
    return spline(np.linspace(0, chord[-1], samples, endpoint=False)).astype(np.float32)


def signed_distance(points: FloatArray, curve: FloatArray) -> FloatArray:
    """Distance (N,) in the plane from points (N, 2) to a closed polygon (M, 2), negative inside."""
    start, end = curve, np.roll(curve, -1, axis=0)
    best = np.full(len(points), np.inf, np.float32)
    inside = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(start, end, strict=True):
        dx, dy = bx - ax, by - ay
        t = np.clip(((points[:, 0] - ax) * dx + (points[:, 1] - ay) * dy) / (dx * dx + dy * dy + 1e-12), 0, 1)
        gap = (points[:, 0] - ax - t * dx) ** 2 + (points[:, 1] - ay - t * dy) ** 2
        best = np.minimum(best, gap)
        if ay != by:
            crossing = (ay > points[:, 1]) != (by > points[:, 1])
            inside ^= crossing & (points[:, 0] < ax + (points[:, 1] - ay) * dx / dy)
    return np.where(inside, -np.sqrt(best), np.sqrt(best)).astype(np.float32)


def gaussian(
    points: FloatArray, centre: tuple[float, float], width: float | tuple[float, float]
) -> FloatArray:
    """A Gaussian bump in the frontal plane (x, y), the same on both sides of the face: |x| is compared."""
    wx, wy = np.broadcast_to(np.asarray(width, np.float32), (2,))
    dx, dy = (np.abs(points[:, 0]) - centre[0]) / wx, (points[:, 1] - centre[1]) / wy
    return np.exp(-0.5 * (dx * dx + dy * dy)).astype(np.float32)


def frontal(points: FloatArray, low: float = -70.0, high: float = -40.0) -> FloatArray:
    """0 behind ``low``, 1 in front of ``high`` (z, mm)."""
    return smoothstep(points[:, 2], low, high).astype(np.float32)
