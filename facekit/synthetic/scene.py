"""What stands before the camera: triangle surfaces of several materials, merged into one mesh."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numba import njit

from facekit.morphable.topology import PARTS, Topology
from facekit.records import FloatArray, IntArray

MATERIALS = ("skin", "eye", "mouth", "teeth", "hair", "cloth", "lens", "frame", "fabric")


@dataclass(frozen=True)
class Surface:
    """One object. ``coords`` are the places in millimetres at which noise is read; they move with the
    surface."""

    vertices: FloatArray  # (V, 3) float32, m, head frame
    faces: IntArray  # (F, 3) int32
    material: IntArray  # (F,) uint8, index into MATERIALS
    coords: FloatArray  # (V, 3) float32, mm
    colour: FloatArray  # (V, 3) float32, linear RGB; used where there is no texture
    corners: FloatArray | None = None  # (F, 3, 2) float32, UV of the model's albedo texture
    tangent: FloatArray | None = None  # (V, 3) float32, direction of hair


@dataclass(frozen=True)
class Scene:
    """All surfaces as one mesh."""

    vertices: FloatArray  # (V, 3) float32
    faces: IntArray  # (F, 3) int32
    material: IntArray  # (F,) uint8
    coords: FloatArray  # (V, 3) float32
    colour: FloatArray  # (V, 3) float32
    corners: FloatArray  # (F, 3, 2) float32; -1 where untextured
    tangent: FloatArray  # (V, 3) float32
    normals: FloatArray  # (V, 3) float32
    owner: IntArray  # (F,) int32, which surface a face came from
    starts: tuple[int, ...] = field(default=())  # first vertex of each surface


@njit(cache=True, fastmath=True)
def _accumulate(vertices: FloatArray, faces: IntArray, normals: FloatArray) -> None:
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (
            vertices[j, 0] - vertices[i, 0],
            vertices[j, 1] - vertices[i, 1],
            vertices[j, 2] - vertices[i, 2],
        )
        vx, vy, vz = (
            vertices[k, 0] - vertices[i, 0],
            vertices[k, 1] - vertices[i, 1],
            vertices[k, 2] - vertices[i, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for c in range(3):
            v = faces[f, c]
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(len(normals)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-20
        normals[v] /= length


def smooth_normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Area-weighted unit normals (V, 3) float32."""
    normals = np.zeros((len(vertices), 3), np.float64)
    _accumulate(np.asarray(vertices, np.float64), faces, normals)
    return normals.astype(np.float32)


def merge(surfaces: list[Surface]) -> Scene:
    """One mesh of all surfaces, in order."""
    starts = np.r_[0, np.cumsum([len(s.vertices) for s in surfaces])]
    faces = np.concatenate([s.faces + start for s, start in zip(surfaces, starts, strict=False)]).astype(
        np.int32
    )
    corners = [
        np.full((len(s.faces), 3, 2), -1, np.float32) if s.corners is None else s.corners for s in surfaces
    ]
    tangents = [np.zeros_like(s.vertices) if s.tangent is None else s.tangent for s in surfaces]
    return Scene(
        np.concatenate([s.vertices for s in surfaces]).astype(np.float32),
        faces,
        np.concatenate([s.material for s in surfaces]).astype(np.uint8),
        np.concatenate([s.coords for s in surfaces]).astype(np.float32),
        np.concatenate([s.colour for s in surfaces]).astype(np.float32),
        np.concatenate(corners).astype(np.float32),
        np.concatenate(tangents).astype(np.float32),
        np.concatenate([smooth_normals(s.vertices, s.faces) for s in surfaces]),
        np.concatenate([np.full(len(s.faces), i, np.int32) for i, s in enumerate(surfaces)]),
        tuple(int(start) for start in starts[:-1]),
    )


@dataclass(frozen=True)
class Refinement:
    """One step of subdivision: every edge gets a vertex, every triangle becomes four. Old vertices keep
    their place."""

    edges: IntArray  # (E, 2) int32, old vertices of each new one
    faces: IntArray  # (4F, 3) int32
    corners: FloatArray  # (4F, 3, 2) float32, UV
    material: IntArray  # (4F,) uint8


def refine(topology: Topology) -> Refinement:
    """The refinement of a topology, computed once."""
    return _refine(_Key(topology))


class _Key:
    """A topology hashed by identity, so that a cache can hold what was computed from it."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology

    def __hash__(self) -> int:
        return id(self.topology)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.topology is self.topology


@lru_cache(maxsize=4)
def _refine(key: _Key) -> Refinement:
    topology = key.topology
    faces = topology.faces.astype(np.int64)
    pairs = np.sort(faces[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), axis=1)
    edges, inverse = np.unique(pairs, axis=0, return_inverse=True)
    middle = inverse.reshape(-1, 3) + len(topology.parts)
    a, b, c = faces.T
    ma, mb, mc = middle.T
    quads = [[a, mc, mb], [mc, b, ma], [mb, ma, c], [ma, mb, mc]]
    uv = topology.uv[topology.uv_faces]
    ua, ub, uc = uv[:, 0], uv[:, 1], uv[:, 2]
    va, vb, vc = (ub + uc) / 2, (uc + ua) / 2, (ua + ub) / 2
    split = [[ua, vc, vb], [vc, ub, va], [vb, va, uc], [va, vb, vc]]
    of_part = {"skin": 0, "left_eye": 1, "right_eye": 1, "mouth": 2, "teeth": 3, "socket": 2}
    table = np.array([of_part.get(name, 0) for name in PARTS], np.uint8)
    material = table[topology.parts[topology.faces[:, 0]]]
    return Refinement(
        edges.astype(np.int32),
        np.concatenate([np.stack(q, axis=1) for q in quads]).astype(np.int32),
        np.concatenate([np.stack(q, axis=1) for q in split]).astype(np.float32),
        np.tile(material, 4),
    )


def bend(vertices: FloatArray, normals: FloatArray, edges: IntArray, amount: float = 0.6) -> FloatArray:
    """New vertices (E, 3) on edges, lifted off the straight line towards the surface that the normals suggest
    (Boubekeur and Alexa, "Phong Tessellation", SIGGRAPH Asia 2008)."""
    p, q = vertices[edges[:, 0]], vertices[edges[:, 1]]
    n, m = normals[edges[:, 0]], normals[edges[:, 1]]
    middle = (p + q) / 2
    on_p = middle - ((middle - p) * n).sum(axis=1, keepdims=True) * n
    on_q = middle - ((middle - q) * m).sum(axis=1, keepdims=True) * m
    return middle * (1 - amount) + amount * (on_p + on_q) / 2


def face_surface(topology: Topology, vertices: FloatArray, coords: FloatArray) -> Surface:
    """The face model's mesh, refined once: vertices (V, 3) m, coords (V, 3) mm. The first V vertices stay as
    they are."""
    step = refine(topology)
    normals = smooth_normals(vertices, topology.faces)
    fine = np.concatenate([vertices, bend(vertices, normals, step.edges)]).astype(np.float32)
    places = np.concatenate([coords, coords[step.edges].mean(axis=1)]).astype(np.float32)
    return Surface(fine, step.faces, step.material, places, np.zeros_like(fine), step.corners)
