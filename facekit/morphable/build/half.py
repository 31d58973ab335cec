"""The x >= 0 half of the head surface: its pieces, feature lines, zones, and what each zone keeps."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from facekit.morphable.build.decimate import Decimation, Plan
from facekit.morphable.build.source import IctSource
from facekit.records import BoolArray, FloatArray, IntArray

# Vertices kept on the half (the midline counts in full) in each zone.
ZONES = {"narrow": 1550, "face": 245, "ear": 150, "head": 190, "mouth": 66, "socket": 36}
FINE, FINE_RADIUS = 3.0, 0.007  # extra weight of errors beside eyelids and lips, and how far it reaches (m)
EAR_BOX = np.array([[0.069, -0.023, -0.018], [0.100, 0.039, 0.019]])  # m, around the left ear of the mean


def trial_shapes(source: IctSource) -> FloatArray:
    """Shapes (S, V, 3) that decimation must approximate without folds: mean, identities, expressions."""

    def pair(name: str, weight: float = 1.0) -> dict[str, float]:
        return {f"{name}_L": weight, f"{name}_R": weight}

    shapes = [
        source.mean,
        source.shape({1: 2.0, 2: -2.0, 3: 2.0, 5: 2.0}),
        source.shape({1: -2.0, 4: 2.0, 6: -2.0, 8: 2.0}),
        source.shape(expression={"jawOpen": 1.0}),
        source.shape(expression=pair("eyeBlink")),
        source.shape(expression=pair("mouthSmile") | pair("cheekSquint")),
        source.shape(expression={"mouthPucker": 1.0} | pair("browDown")),
        source.shape(expression={"mouthFunnel": 1.0} | pair("browInnerUp") | pair("browOuterUp")),
        source.shape(expression=pair("noseSneer") | pair("mouthUpperUp") | pair("mouthLowerDown")),
    ]
    return np.stack(shapes)


def half_faces(source: IctSource, *parts: str) -> IntArray:
    """Triangles of the parts on the side x >= 0 (vertices of the midline are their own mirror partners)."""
    faces = np.concatenate([source.part(p) for p in parts])
    left = (source.mirror == np.arange(len(source.mirror))) | (source.mean[:, 0] > 0)
    return faces[left[faces].all(axis=1)]


def members(faces: IntArray, count: int) -> BoolArray:
    mask = np.zeros(count, bool)
    mask[faces] = True
    return mask


def head_plan(source: IctSource) -> Plan:
    """Zones, feature lines and fixed vertices of the joined skin, mouth bag and eye socket."""
    count = len(source.mean)
    skin = members(np.concatenate([source.part("face"), source.part("head_neck")]), count)
    mouth = members(source.part("mouth_socket"), count)
    socket = members(source.part("eye_socket_left"), count)
    narrow = members(source.triangles[: source.narrow], count)
    face = members(source.part("face"), count)
    ear = skin & ((source.mean > EAR_BOX[0]) & (source.mean < EAR_BOX[1])).all(axis=1)
    zone = np.full(count, 3)
    for k, mask in enumerate((narrow, face & ~narrow & ~ear, ear)):
        zone[mask] = k
    zone[mouth & ~skin], zone[socket & ~skin] = 4, 5
    middle = source.mirror == np.arange(count)
    neck = open_rim(np.concatenate([source.part("face"), source.part("head_neck")]), count) & ~mouth & ~socket
    neck &= ~members(source.part("eye_socket_right"), count)
    lines = [middle, mouth & skin, socket & skin, neck]
    line = np.full(count, -1)
    for k, mask in enumerate(lines):
        line[mask] = k
    fixed = np.sum(lines, axis=0) > 1
    fixed[source.landmarks68] = True
    fine = cKDTree(source.mean[source.landmarks68[36:]]).query(source.mean)[0]
    weight = 1 + FINE * np.exp(-((fine / FINE_RADIUS) ** 2))
    return Plan(zone, tuple(ZONES.values()), line, fixed, weight)


def open_rim(faces: IntArray, count: int) -> BoolArray:
    """Vertices (count,) bool on open edges."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    keys = edges[:, 0].astype(np.int64) * count + edges[:, 1]
    rim = edges[~np.isin(keys, edges[:, 1].astype(np.int64) * count + edges[:, 0])]
    return members(rim, count)


def decimated_half(source: IctSource) -> IntArray:
    """Triangles (F, 3) of the decimated half head, as vertices of the source."""
    faces = half_faces(source, "face", "head_neck", "mouth_socket", "eye_socket_left")
    return Decimation(trial_shapes(source), faces, head_plan(source)).run()


NARROW, EAR = tuple(ZONES).index("narrow"), tuple(ZONES).index("ear")


def template_zones(source: IctSource, source_vertex: IntArray) -> IntArray:
    """Zone (V,) of template vertices given by their source vertices, -1 for points that are none."""
    zone = head_plan(source).zone
    left = np.where(source.mean[:, 0] < 0, source.mirror, np.arange(len(source.mean)))
    return np.where(source_vertex >= 0, zone[left[source_vertex]], -1)
