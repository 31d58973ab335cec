"""What a foreign mesh lacks and facekit needs: triangles that face outwards, mirror partners, a chart,
landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from facekit.errors import WrongKindError
from facekit.geometry.closest import closest_point
from facekit.morphable.topology import MIRROR, PARTS, Embedding, Topology
from facekit.records import FloatArray, IntArray


def triangles(polygons: IntArray) -> IntArray:
    """Triangles (F, 3) int32 of triangles or quads (P, 3 or 4)."""
    polygons = np.asarray(polygons)
    if polygons.shape[1] == 3:
        return polygons.astype(np.int32)
    return polygons[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3).astype(np.int32)


def outward(vertices: FloatArray, faces: IntArray) -> IntArray:
    """The triangles, all turned over if most of the front of the head shows its inside. Front is +z."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    depth = corner[..., 2].mean(axis=1)
    front = depth > np.quantile(depth, 0.8)
    return faces[:, ::-1].copy() if normal[front, 2].sum() < 0 else faces


def mirror_partners(vertices: FloatArray, tolerance: float) -> IntArray:
    """Left-right partner (V,) int32 of each vertex within ``tolerance`` m of its mirror image; -1 where none
    is.
    """
    distance, partner = cKDTree(vertices).query(vertices * MIRROR)
    mutual = partner[partner] == np.arange(len(vertices))
    return np.where((distance < tolerance) & mutual, partner, -1).astype(np.int32)


def cylinder_chart(vertices: FloatArray, faces: IntArray) -> tuple[FloatArray, IntArray]:
    """A chart for meshes that come without: uv (T, 2) float32 and uv_faces (F, 3) int32.

    u is the angle about the vertical axis (0.5 in front, seam at the back), v the height; mirror-symmetric
    about u = 0.5. Eyeballs and mouth share texels with the skin before them.
    """
    centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    low, high = vertices[:, 1].min(), vertices[:, 1].max()
    angle = np.arctan2(vertices[:, 0], vertices[:, 2] - centre[2]) / (2 * np.pi) + 0.5
    uv = np.stack([angle, (vertices[:, 1] - low) / max(high - low, 1e-9)], axis=1).astype(np.float32)
    corner_u = uv[faces][..., 0]
    seam = np.ptp(corner_u, axis=1) > 0.5
    split = uv[faces[seam]].reshape(-1, 2)
    right = np.repeat(corner_u[seam].mean(axis=1) >= 0.5, 3)
    split[:, 0] = np.where(right == (split[:, 0] >= 0.5), split[:, 0], right.astype(np.float32))
    uv_faces = faces.astype(np.int32).copy()
    uv_faces[seam] = len(uv) + np.arange(3 * int(seam.sum()), dtype=np.int32).reshape(-1, 3)
    return np.concatenate([uv, split]), uv_faces


def plain_topology(
    vertices: FloatArray,
    faces: IntArray,
    regions: Mapping[str, IntArray] | None = None,
    chart: tuple[FloatArray, IntArray] | None = None,
    tolerance: float = 1e-4,
) -> Topology:
    """A topology for a bare mesh in the head frame. ``regions`` name vertex lists (FLAME's masks).

    Eyeball regions become parts; without a ``chart`` (uv, uv_faces) a cylinder is unrolled. Mirror partners
    are vertices within ``tolerance`` m of each other's mirror image.
    """
    faces = np.asarray(faces)
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise WrongKindError("the model's triangles name vertices that it does not have")
    weights = {}
    parts = np.zeros(len(vertices), np.uint8)
    for name, index in (regions or {}).items():
        weights[name] = np.zeros(len(vertices), np.float32)
        weights[name][np.asarray(index, np.int64)] = 1.0
    for region, part in (("left_eyeball", "left_eye"), ("right_eyeball", "right_eye")):
        if region in weights:
            parts[weights[region] > 0] = PARTS.index(part)
    uv, uv_faces = chart if chart is not None else cylinder_chart(vertices, faces)
    return Topology(
        faces=faces.astype(np.int32),
        uv=np.asarray(uv, np.float32),
        uv_faces=np.asarray(uv_faces, np.int32),
        mirror=mirror_partners(vertices, tolerance),
        parts=parts,
        regions=weights,
    )


def vertex_points(faces: IntArray, index: IntArray) -> Embedding:
    """Points (L,) that sit on vertices. Raises WrongKindError for a vertex that no triangle uses."""
    faces, index = np.asarray(faces), np.asarray(index, np.int64)
    order = np.argsort(faces.ravel(), kind="stable")
    place = np.searchsorted(faces.ravel()[order], index)
    found = (index >= 0) & (place < len(order))
    found[found] &= faces.ravel()[order][place[found]] == index[found]
    if not found.all():
        raise WrongKindError(f"landmark {int(np.argmin(found))} lies on a vertex that no triangle uses")
    corner = order[place]
    bary = np.zeros((len(index), 3), np.float32)
    bary[np.arange(len(index)), corner % 3] = 1.0
    face = (corner // 3).astype(np.int32)
    return Embedding(face, bary, faces[face].astype(np.int32))


def similarity_transform(source: FloatArray, target: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Scale, rotation (3, 3) and shift (3,) with target ~ scale R source + shift (Umeyama 1991). Points (N,
    3).
    """
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / (a**2).sum())
    return scale, rotation, target.mean(axis=0) - scale * rotation @ source.mean(axis=0)


def complete_landmarks(
    vertices: FloatArray, faces: IntArray, known: Mapping[int, FloatArray], reference: FloatArray
) -> Embedding:
    """All 68 iBUG landmarks of a mesh of which a few are known: the others are carried over from another
    face.

    known: iBUG index -> point (3,) on the mesh, m, at least six; reference (68, 3) m, the landmarks of the
    other face. Each landmark then sits on the nearest vertex; good to a few millimetres.
    """
    if len(known) < 6:
        raise WrongKindError(
            f"{len(known)} known landmarks are too few to place the other {68 - len(known)}; give 6"
        )
    rows = np.array(sorted(known))
    target = np.stack([np.asarray(known[int(row)], float) for row in rows])
    used = np.unique(faces)
    nearest = used[cKDTree(vertices[used]).query(carried(reference, reference[rows], target))[1]]
    return vertex_points(faces, nearest)


def carried(points: FloatArray, source: FloatArray, target: FloatArray) -> FloatArray:
    """Points (L, 3) of one face laid over another, of which some points (N, 3) are known on both.

    A similarity takes ``source`` to ``target``; what remains there is spread to the other points by inverse
    squared distance, so that known points land exactly.
    """
    scale, rotation, shift = similarity_transform(source, target)
    placed, anchors = (scale * x @ rotation.T + shift for x in (points, source))
    gap = np.linalg.norm(placed[:, None] - anchors[None], axis=2)
    weight = 1.0 / (gap + 1e-4) ** 2
    return placed + (weight / weight.sum(axis=1, keepdims=True)) @ (target - anchors)


def carry_embedding(
    topology: Topology, mean: FloatArray, other: Topology, other_mean: FloatArray, scheme: str
) -> Topology:
    """The topology with the landmarks of ``scheme`` of another model: laid over by the 68 that both have,
    then on the nearest point of skin or eyes. Unchanged where one of the two lacks what is needed."""
    ours, theirs = topology.embeddings.get("ibug68"), other.embeddings.get("ibug68")
    if scheme in topology.embeddings or scheme not in other.embeddings or ours is None or theirs is None:
        return topology
    points = carried(
        other.embeddings[scheme].points(other_mean), theirs.points(other_mean), ours.points(mean)
    )
    outside = np.flatnonzero(topology.part("skin", "left_eye", "right_eye")[topology.faces].all(axis=1))
    found = closest_point(mean, topology.faces[outside], points)
    embedding = topology.embed(outside[found.face], found.bary)
    return replace(topology, embeddings={**topology.embeddings, scheme: embedding})
