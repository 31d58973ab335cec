"""The texture chart in the unit square: one skin island, symmetric about u = 0.5, small ones below."""

from __future__ import annotations

import numpy as np

from facekit.morphable.build.chart import disc, flatten, loops, plugged
from facekit.morphable.build.template import PIECES, Template
from facekit.records import BoolArray, FloatArray, IntArray

MARGIN = 0.004
STRIP = 0.125  # height of the strip of small islands
CUT_SHARE = 0.74  # part of the half outline that the back seam takes; the neck has the rest
SQUARENESS = 5.0  # exponent of the superellipse that bounds the skin
CROWN_DEPTH = 0.0  # m, z (head frame) at which the back seam begins
# Centre (u, v) and radius of the left half's islands; the right half's are their mirror images.
ISLANDS = {
    "eye": (0.938, 0.062, 0.058),
    "socket": (0.842, 0.062, 0.032),
    "bag": (0.557, 0.062, 0.05),
    "gums": (0.667, 0.062, 0.05),
}
TEETH = (
    0.733,
    0.018,
    0.012,
    0.0255,
)  # u and v of the first tooth's centre, radius, spacing; three columns, four rows
IMPORTANCE = {"narrow": 1.0, "ear": 0.55, "rest": 0.36, "bust": 0.2, "hole": 0.3}


def atlas(
    template: Template, mean: FloatArray, narrow: BoolArray, ear: BoolArray
) -> tuple[FloatArray, IntArray]:
    """uv (T, 2) float32 and uv_faces (F, 3) int32; ``narrow`` and ``ear`` (V,) are given more room."""
    uv = np.full((len(mean), 2), np.nan)
    uv_faces = template.faces.copy()
    skin = template.face_piece == PIECES.index("skin")
    extra, seam = _skin(template, mean, narrow, ear, uv, skin)
    new = {int(i): len(uv) + k for k, i in enumerate(seam)}
    right = skin & (template.face_side == 1)
    uv_faces[right] = [[new.get(int(i), int(i)) for i in face] for face in template.faces[right]]
    rows = [uv, extra]
    count = len(uv) + len(extra)
    for piece, item in sorted(
        {(int(p), int(k)) for p, k in zip(template.face_piece, template.face_item, strict=True)}
    ):
        if PIECES[piece] == "skin":
            continue
        for side in (0, 1):
            chosen = (
                (template.face_piece == piece) & (template.face_item == item) & (template.face_side == side)
            )
            used, local = np.unique(template.faces[chosen], return_inverse=True)
            uv_faces[chosen] = local.reshape(-1, 3) + count
            count += len(used)
            rows.append(_island(template, mean, PIECES[piece], item, side))
    return _compact(np.concatenate(rows), uv_faces)


def _compact(uv: FloatArray, uv_faces: IntArray) -> tuple[FloatArray, IntArray]:
    """The chart without unused rows."""
    used, rows = np.unique(uv_faces, return_inverse=True)
    return uv[used].astype(np.float32), rows.reshape(-1, 3).astype(np.int32)


def mirrored_uv(uv: FloatArray) -> FloatArray:
    return np.c_[1.0 - uv[:, 0], uv[:, 1]]


def _island(template: Template, mean: FloatArray, piece: str, item: int, side: int) -> FloatArray:
    """Chart of one small piece; its right side is the mirror image of its left side."""
    chosen = template.face_piece == PIECES.index(piece)
    left = template.faces[chosen & (template.face_item == item) & (template.face_side == 0)]
    used, local = np.unique(left, return_inverse=True)
    if piece == "eye":
        order = np.argsort(template.eye_vertices[0])
        chart = template.eye.chart[order]
    else:
        chart = disc(mean[used], local.reshape(-1, 3))
    u, v, radius = ISLANDS[piece] if piece in ISLANDS else _tooth_place(item)
    uv = (np.array([u, v]) + radius * chart).astype(np.float32)
    if side == 0:
        return uv
    partner = template.mirror[used]  # the right side lists its vertices in its own order
    return mirrored_uv(uv)[np.argsort(partner)]


def _tooth_place(item: int) -> tuple[float, float, float]:
    u, v, radius, spacing = TEETH
    return u + spacing * (item % 3), v + spacing * (item // 3) + 0.006, radius


def outline(fraction: FloatArray) -> FloatArray:
    """Points (n, 2) of the right half of the skin's outline; 0 is its top centre, 1 its bottom centre."""
    angle = np.linspace(0.0, np.pi, 4001)
    power = 2 / SQUARENESS
    x = np.abs(np.sin(angle)) ** power * (0.5 - MARGIN)
    y = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * ((1 - STRIP - MARGIN) / 2)
    way = np.r_[0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))]
    way /= way[-1]
    return np.c_[0.5 + np.interp(fraction, way, x), (1 + STRIP - MARGIN) / 2 + np.interp(fraction, way, y)]


def _skin(
    template: Template,
    mean: FloatArray,
    narrow: BoolArray,
    ear: BoolArray,
    uv: FloatArray,
    skin: BoolArray,
) -> tuple[FloatArray, IntArray]:
    """Fills ``uv`` for the skin; returns right-hand copies (s, 2) and vertices (s,) of the back seam."""
    faces, side = template.faces[skin], template.face_side[skin]
    rims = loops(faces)
    neck = min(rims, key=lambda rim: float(mean[rim, 1].mean()))
    chain = back_chain(template, mean, faces, neck)
    seam = chain[:-1]
    used = np.unique(faces)
    row = {int(i): k for k, i in enumerate(used)}
    copy = {int(i): len(used) + k for k, i in enumerate(seam)}
    rows = np.array(
        [
            [copy[int(i)] if s and int(i) in copy else row[int(i)] for i in f]
            for f, s in zip(faces, side, strict=True)
        ]
    )
    points = np.concatenate([mean[used], mean[seam]])
    holes = sorted((rim for rim in loops(rows) if not np.isin(row[int(chain[-1])], rim)), key=len)
    flip = np.array([row[int(template.mirror[i])] for i in used])
    flip = np.r_[flip, [row[int(i)] for i in seam]]
    for i in seam:
        flip[row[int(i)]] = copy[int(i)]
    rim, rim_uv = _skin_rim(rows, points, row[int(chain[-1])], flip, len(seam))
    closed_points, closed = plugged(points, rows, holes)
    scale = _importance(np.r_[used, seam], mean, narrow, ear, rows)
    scale = np.r_[scale, np.full(len(closed) - len(rows), IMPORTANCE["hole"])]
    chart = flatten(closed_points, closed, rim, rim_uv, scale)[: len(points)]
    chart = ((chart + mirrored_uv(chart)[flip]) / 2).astype(np.float32)
    left = chart[:, 0] >= chart[flip, 0]
    chart = np.where(left[:, None], chart, mirrored_uv(chart[flip]).astype(np.float32))
    uv[used] = chart[: len(used)]
    return chart[len(used) :].astype(float), seam


def _importance(
    vertices: IntArray, mean: FloatArray, narrow: BoolArray, ear: BoolArray, rows: IntArray
) -> FloatArray:
    bust = mean[:, 1] < mean[narrow, 1].min() - 0.01
    value = np.full(len(mean), IMPORTANCE["rest"])
    value[bust] = IMPORTANCE["bust"]
    value[ear] = IMPORTANCE["ear"]
    value[narrow] = IMPORTANCE["narrow"]
    return value[vertices][rows].mean(axis=1)


def back_chain(template: Template, mean: FloatArray, faces: IntArray, neck: IntArray) -> IntArray:
    """Midline vertices from the neck's rim up the back of the head to the crown."""
    middle = template.mirror == np.arange(len(mean))
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[middle[edges].all(axis=1)]
    start = min((int(i) for i in neck if middle[i]), key=lambda i: mean[i, 2])
    chain, last = [start], -1
    while not (mean[chain[-1], 2] >= CROWN_DEPTH and mean[chain[-1], 1] > 0):
        following = sorted({int(b) for a, b in edges if a == chain[-1]} - {last, *chain})
        last = chain[-1]
        chain.append(following[0])
    return np.array(chain)


def _skin_rim(
    rows: IntArray, points: FloatArray, top: int, flip: IntArray, seam: int
) -> tuple[IntArray, FloatArray]:
    """The outline's vertices and their places, right half from top to bottom mirrored onto the left half."""
    rim = next(rim for rim in loops(rows) if np.isin(top, rim))
    rim = np.roll(rim, -int(np.flatnonzero(rim == top)[0]))
    half = len(rim) // 2
    left = rim[: half + 1] if points[rim[1 + seam + 1], 0] > 0 else np.r_[top, rim[: half - 1 : -1]]
    length = np.linalg.norm(np.diff(points[left], axis=0), axis=1)
    way_seam, way_neck = np.cumsum(length[:seam]), np.cumsum(length[seam:])
    fraction = np.r_[
        0.0, CUT_SHARE * way_seam / way_seam[-1], CUT_SHARE + (1 - CUT_SHARE) * way_neck / way_neck[-1]
    ]
    place = outline(fraction)
    other = left[1:-1][::-1]
    order = np.r_[left, flip[other]]
    return order, np.concatenate([place, mirrored_uv(place[1:-1][::-1])])
