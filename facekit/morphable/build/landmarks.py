"""Landmark points of the template: 68 from the source's vertices, 478 measured with MediaPipe on renders.

MediaPipe's mesh is found by its own network: the face is drawn in several identities and views, the
network's points are carried back to the surface, and their median over the drawings is the landmark. Iris
points are the eyeballs' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from facekit.detection.facemesh import FaceMesh
from facekit.detection.schemes import LOWER_LIP, MIRROR_478, UPPER_LIP
from facekit.geometry.camera import orbit, project_points
from facekit.geometry.closest import closest_point
from facekit.morphable.build.eye import LIMBUS, RINGS, SEGMENTS
from facekit.morphable.topology import MIRROR, PARTS, Topology
from facekit.raster.fragments import rasterize_numpy
from facekit.raster.scene import render_view
from facekit.records import BoolArray, Camera, FloatArray, IntArray

SIZE = 384  # px, side of a drawing
DISTANCE, FOV = 0.9, 0.265  # m, rad: the face fills the drawing as the network expects
TARGET = np.array([0.0, -0.02, 0.02])  # m, looked at
VIEWS = np.radians([(0, 0), (0, 0), (-15, 0), (15, 0), (0, -10), (0, 10), (-25, 5), (25, 5)])  # yaw, pitch
SKIN, LIP, BROW = (226, 178, 152), (188, 104, 98), (70, 50, 40)  # sRGB
SCLERA, IRIS, PUPIL, INSIDE = (235, 230, 225), (85, 60, 40), (12, 10, 10), (120, 50, 50)
BROW_WIDTH = 0.0042  # m
BACKGROUND = 150
SNAP = 0.04  # points off the face move to its outline within this part of the drawing's side


def vertex_embedding(vertices: IntArray, faces: IntArray) -> tuple[IntArray, FloatArray]:
    """Triangle (L,) and barycentric coordinates (L, 3) of points that are vertices."""
    face, corner = np.zeros(len(vertices), np.int32), np.zeros(len(vertices), int)
    for k, vertex in enumerate(vertices):
        face[k], corner[k] = np.argwhere(faces == vertex)[0]
    return face, np.eye(3, dtype=np.float32)[corner]


def painted(topology: Topology, mean: FloatArray, eyes: IntArray) -> FloatArray:
    """Colours (V, 3) uint8 sRGB that make the template look like a face to a detector."""
    palette = np.array([SKIN, SCLERA, SCLERA, INSIDE, SCLERA, SKIN], np.uint8)
    colours = palette[topology.parts]
    colours[topology.regions["lips"] > 0.5] = SKIN
    marks = topology.embeddings["ibug68"].points(mean)
    rows = np.concatenate([np.linspace(a, b, 8) for a, b in pairwise(marks[17:27])])
    rows = rows[np.abs(rows[:, 0]) > 0.008]
    colours[cKDTree(rows).query(mean)[0] < BROW_WIDTH] = BROW
    colours[_on_lips(topology, mean, marks)] = LIP
    limbus = RINGS.index(LIMBUS)
    for eye in eyes:
        colours[eye[: 1 + SEGMENTS * (limbus + 1)]] = IRIS
        colours[eye[: 1 + SEGMENTS]] = PUPIL
    return colours


def _on_lips(topology: Topology, mean: FloatArray, marks: FloatArray) -> BoolArray:
    outer = marks[48:60]
    ring = outer[np.argsort(outer[:, 0])]
    upper, lower = ring[ring[:, 1] >= marks[48, 1]], ring[ring[:, 1] <= marks[48, 1]]
    top = np.interp(mean[:, 0], upper[:, 0], upper[:, 1])
    bottom = np.interp(mean[:, 0], lower[:, 0], lower[:, 1])
    across = np.abs(mean[:, 0]) < outer[:, 0].max()
    return (topology.regions["lips"] > 0.5) & across & (mean[:, 1] < top) & (mean[:, 1] > bottom)


def mediapipe_points(
    topology: Topology, mean: FloatArray, eyes: IntArray, shapes: Sequence[FloatArray], opening: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Triangle (478,) and barycentric coordinates (478, 3) of MediaPipe's points.

    ``shapes`` (V, 3) m are the faces to draw; ``eyes`` (2, n) the eyeballs' vertices, left first; ``opening``
    (V, 3) m is what an opening jaw moves.
    """
    detector, colours = FaceMesh(), painted(topology, mean, eyes)
    found = [
        _on_surface(
            detector,
            topology,
            shape,
            mean,
            colours,
            orbit(yaw, pitch, DISTANCE, (SIZE, SIZE), fov=FOV, target=TARGET),
        )
        for shape in shapes
        for yaw, pitch in VIEWS
    ]
    points = np.nanmedian(np.stack(found), axis=0)
    points = (points + points[MIRROR_478] * MIRROR) / 2
    face, bary = _nearest(topology, mean, points, np.ones(len(mean), bool))
    lower = below_mouth(topology, opening)
    for lip, side in ((UPPER_LIP, ~lower), (LOWER_LIP, lower)):  # at rest they touch
        rows = list(lip)
        face[rows], bary[rows] = _nearest(topology, mean, points[rows], side)
    face[468:], bary[468:] = vertex_embedding(iris_vertices(eyes), topology.faces)
    return _symmetric(topology, face, bary)


def below_mouth(topology: Topology, opening: FloatArray) -> BoolArray:
    """Vertices (V,) that an opening jaw (V, 3) m takes farther down than the corners of the mouth."""
    corners = topology.embeddings["ibug68"].points(opening)[[60, 64], 1]
    return np.asarray(opening[:, 1] < corners.mean())


def _nearest(
    topology: Topology, mean: FloatArray, points: FloatArray, allowed: BoolArray
) -> tuple[IntArray, FloatArray]:
    """Triangle (L,) and barycentric coordinates (L, 3) of the skin nearest to points (L, 3), among triangles
    of ``allowed`` vertices (V,).
    """
    skin = allowed & (topology.parts == PARTS.index("skin"))
    faces = np.flatnonzero(skin[topology.faces].all(axis=1))
    found = closest_point(mean, topology.faces[faces], points)
    return faces[found.face].astype(np.int32), np.clip(found.bary, 0.0, 1.0).astype(np.float32)


def _symmetric(topology: Topology, face: IntArray, bary: FloatArray) -> tuple[IntArray, FloatArray]:
    """Points of the subject's right side, their exact mirror images, and midline points on the midline."""
    row = {frozenset(corners): k for k, corners in enumerate(topology.faces.tolist())}
    for k, partner in enumerate(MIRROR_478):
        middle = topology.mirror[topology.faces[face[k]]] == topology.faces[face[k]]
        if k == partner and middle.sum() == 2:
            bary[k] = np.where(middle, bary[k], 0.0) / bary[k, middle].sum()
        if k < partner and k < 468:
            turned = topology.mirror[topology.faces[face[k]]].tolist()
            face[partner] = row[frozenset(turned)]
            bary[partner] = [bary[k, turned.index(i)] for i in topology.faces[face[partner]]]
    return face, bary


def iris_vertices(eyes: IntArray) -> IntArray:
    """Vertices (10,) of the iris points: centre, then image right, up, left, down; right eye first."""
    ring = 1 + RINGS.index(LIMBUS) * SEGMENTS
    quarter = SEGMENTS // 4
    left = [0, ring, ring + quarter, ring + 2 * quarter, ring + 3 * quarter]
    right = [0, ring + 2 * quarter, ring + quarter, ring, ring + 3 * quarter]
    return np.concatenate([eyes[1][right], eyes[0][left]])


def _on_surface(
    detector: FaceMesh,
    topology: Topology,
    shape: FloatArray,
    mean: FloatArray,
    colours: FloatArray,
    camera: Camera,
) -> FloatArray:
    """Points (478, 3) on the mean's surface under the detector's points in one drawing; NaN off the face."""
    background = np.full((SIZE, SIZE, 3), BACKGROUND, np.uint8)
    picture = render_view(shape, topology.faces, camera, colours=colours, background=background)
    pixels = detector.landmarks(picture).points
    screen = project_points(camera, shape)[None].astype(np.float64)
    fragments = rasterize_numpy(screen, topology.faces, (SIZE, SIZE))
    face = fragments.pix_to_face[0]
    covered = (face >= 0) & (topology.parts[topology.faces[face, 0]] == PARTS.index("skin"))
    rows = np.argwhere(covered)
    distance, nearest = cKDTree(rows[:, ::-1] + 0.5).query(pixels)
    y, x = rows[nearest].T
    corners = mean[topology.faces[face[y, x]]]
    points = np.einsum("lc,lcd->ld", fragments.bary[0][y, x], corners)
    points[distance > SNAP * SIZE] = np.nan
    return points
