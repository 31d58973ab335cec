"""What all faces of one model share: triangles, chart, mirror map, regions, parts, landmark points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from facekit.records import BoolArray, FloatArray, IntArray

# mouth: bag, gums and tongue; socket: behind the eyelids
PARTS = ("skin", "left_eye", "right_eye", "mouth", "teeth", "socket")

REGIONS = (
    "face",
    "forehead",
    "nose",
    "lips",
    "eye_region",
    "left_eye_region",
    "right_eye_region",
    "left_ear",
    "right_ear",
    "neck",
    "scalp",
    "boundary",
    "left_eyeball",
    "right_eyeball",
)  # the names of FLAME's vertex masks

MIRROR = np.array([-1.0, 1.0, 1.0])  # reflection in the head frame: subject's left is +x


@dataclass(frozen=True)
class Embedding:
    """Points fixed to the surface: a triangle and barycentric coordinates each."""

    face: IntArray  # (L,) int32, row of Topology.faces
    bary: FloatArray  # (L, 3) float32, sums to one
    faces: IntArray  # (L, 3) int32, the corner vertices

    def points(self, vertices: FloatArray) -> FloatArray:
        """The points (..., L, 3) on meshes with ``vertices`` (..., V, 3), in the unit of the vertices."""
        corners = np.asarray(vertices)[..., self.faces, :]
        return np.einsum("...lcd,lc->...ld", corners, self.bary.astype(corners.dtype))


@dataclass(frozen=True)
class Topology:
    """The fixed structure of a face mesh. Weights of regions lie between 0 and 1."""

    faces: IntArray  # (F, 3) int32, counter-clockwise seen from outside
    uv: FloatArray  # (T, 2) float32, origin bottom left, chart symmetric about u = 0.5
    uv_faces: IntArray  # (F, 3) int32, rows of uv
    mirror: IntArray  # (V,) int32, left-right partner of each vertex; -1 where it has none
    parts: IntArray  # (V,) uint8, index into PARTS
    regions: Mapping[str, FloatArray] = field(default_factory=dict)  # name -> (V,) float32
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)  # scheme -> points

    def part(self, *names: str) -> BoolArray:
        """(V,) bool, vertices of the named parts."""
        return np.isin(self.parts, [PARTS.index(name) for name in names])

    @property
    def front(self) -> IntArray:
        """(F, 3) int32, the faces of the region ``face``; all where there is none."""
        region = self.regions.get("face")
        return (
            self.faces if region is None else self.faces[(np.asarray(region)[self.faces] > 0.5).all(axis=1)]
        )

    def embed(self, face: IntArray, bary: FloatArray) -> Embedding:
        """Points given by ``face`` (L,) and ``bary`` (L, 3) on this topology."""
        face = np.asarray(face, np.int32)
        return Embedding(face, np.asarray(bary, np.float32), self.faces[face])

    def mirrored(self, vertices: FloatArray) -> FloatArray:
        """The mirror image (..., V, 3) of meshes: reflected, and each vertex takes its partner's place."""
        if (self.mirror < 0).any():
            raise ValueError("this topology has vertices without a mirror partner")
        return np.asarray(vertices)[..., self.mirror, :] * MIRROR.astype(np.asarray(vertices).dtype)

    def subset(self, index: IntArray) -> Topology:
        """The topology of the vertices ``index`` (M,) in that order; keeps what lies wholly inside."""
        index = np.asarray(index)
        new = np.full(len(self.parts), -1, np.int32)
        new[index] = np.arange(len(index), dtype=np.int32)
        kept = (new[self.faces] >= 0).all(axis=1)
        face_row = np.cumsum(kept, dtype=np.int32) - 1
        faces = new[self.faces[kept]]
        partner = self.mirror[index]
        mirror = np.where(partner >= 0, new[partner], -1).astype(np.int32)
        embeddings = {
            name: Embedding(face_row[e.face], e.bary, new[e.faces])
            for name, e in self.embeddings.items()
            if kept[e.face].all()
        }
        regions = {name: weight[index] for name, weight in self.regions.items()}
        return Topology(faces, self.uv, self.uv_faces[kept], mirror, self.parts[index], regions, embeddings)
