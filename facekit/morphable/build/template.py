"""The template: facekit's own topology, each vertex a barycentric point of the source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from facekit.morphable.build.eye import Eye, left_eye
from facekit.morphable.build.half import decimated_half, members
from facekit.morphable.build.inside import gums, teeth
from facekit.morphable.build.source import IctSource
from facekit.morphable.topology import PARTS
from facekit.records import FloatArray, IntArray

PIECES = ("skin", "eye", "bag", "gums", "teeth", "socket")  # pieces of the left half
PIECE_PART = {
    "skin": "skin",
    "eye": "left_eye",
    "bag": "mouth",
    "gums": "mouth",
    "teeth": "teeth",
    "socket": "socket",
}


@dataclass(frozen=True)
class Template:
    """Topology before chart, regions and landmarks."""

    transfer: csr_matrix  # (V, V_source) barycentric weights: vertices = transfer @ source vertices
    faces: IntArray  # (F, 3)
    face_piece: IntArray  # (F,) index into PIECES
    face_side: IntArray  # (F,) 0 left (x > 0), 1 right
    face_item: IntArray  # (F,) number of the tooth within a half, else 0
    mirror: IntArray  # (V,)
    parts: IntArray  # (V,) uint8, index into PARTS
    eye: Eye
    eye_vertices: IntArray  # (2, n) left and right eyeball vertices in the eye's own order
    source_vertex: IntArray  # (V,) source vertex, -1 for points inside source triangles


def build_template(source: IctSource) -> Template:
    """Decimate the left half, add eyeball, gums and teeth, mirror, and order vertices by part."""
    count, eye = len(source.mean), left_eye(source)
    pieces = _pieces(source, eye, count)
    faces = np.concatenate([p[1] for p in pieces])
    piece = np.concatenate([np.full(len(f), PIECES.index(name)) for name, f, _ in pieces])
    item = np.concatenate([np.full(len(f), k) for _, f, k in pieces])
    used = np.unique(faces)
    middle = np.zeros(count + len(eye.corners), bool)
    middle[:count] = source.mirror == np.arange(count)
    sides = [(i, 0) for i in used] + [(i, 1) for i in used if not middle[i]]
    part = {
        int(i): PARTS.index(PIECE_PART[PIECES[k]])
        for k, f in zip(piece[::-1], faces[::-1], strict=True)
        for i in f
    }

    def part_of(i: int, side: int) -> int:
        return PARTS.index("right_eye") if part[i] == PARTS.index("left_eye") and side else part[i]

    order = sorted(sides, key=lambda entry: (part_of(*entry), entry[1], entry[0]))
    row = {entry: k for k, entry in enumerate(order)}
    row |= {(i, 1): row[i, 0] for i in used if middle[i]}
    left = np.array([[row[i, 0] for i in f] for f in faces])
    right = np.array([[row[i, 1] for i in f[::-1]] for f in faces])
    eye_ids = range(count, count + len(eye.corners))
    return Template(
        transfer=_transfer(source, eye, order),
        faces=np.concatenate([left, right]).astype(np.int32),
        face_piece=np.tile(piece, 2),
        face_side=np.repeat([0, 1], len(faces)),
        face_item=np.tile(item, 2),
        mirror=np.array([row[i, 1 - side] for i, side in order], np.int32),
        parts=np.array([part_of(*entry) for entry in order], np.uint8),
        eye=eye,
        eye_vertices=np.array([[row[i, side] for i in eye_ids] for side in (0, 1)]),
        source_vertex=np.array(
            [-1 if i >= count else (source.mirror[i] if side else i) for i, side in order]
        ),
    )


def _pieces(source: IctSource, eye: Eye, count: int) -> list[tuple[str, IntArray, int]]:
    """Name, triangles and item number of the left half's pieces; eye vertices count on from ``count``."""
    head = decimated_half(source)
    bag = members(source.part("mouth_socket"), count)[head].all(axis=1)
    socket = members(source.part("eye_socket_left"), count)[head].all(axis=1)
    pieces = [("skin", head[~bag & ~socket], 0), ("eye", eye.faces + count, 0)]
    pieces += [("bag", head[bag], 0), ("gums", gums(source), 0)]
    pieces += [("teeth", tooth, k) for k, tooth in enumerate(teeth(source))]
    return [*pieces, ("socket", head[socket], 0)]


def _transfer(source: IctSource, eye: Eye, order: list[tuple[int, int]]) -> csr_matrix:
    count = len(source.mean)
    rows, columns, values = [], [], []
    for k, (i, side) in enumerate(order):
        corners = eye.corners[i - count] if i >= count else np.array([i])
        weights: FloatArray = eye.bary[i - count] if i >= count else np.ones(1)
        rows += [k] * len(corners)
        columns += (source.mirror[corners] if side else corners).tolist()
        values += weights.tolist()
    return csr_matrix((values, (rows, columns)), (len(order), count))
