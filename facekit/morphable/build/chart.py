"""Injective flattening of a disc of triangles: convex-combination maps with even area.

Tutte's theorem (Floater 1997): positive weights and a convex boundary give a chart without overlaps. The
weights start as mean-value coordinates (Floater 2003) and are divided by the local stretch until area is even
(Yoshizawa, Belyaev, Seidel 2004).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import spsolve

from facekit.records import FloatArray, IntArray

STEPS = 12
LARGEST_TANGENT = 6.0  # keeps mean-value weights of needle triangles within reason


def flatten(
    points: FloatArray, faces: IntArray, rim: IntArray, rim_uv: FloatArray, scale: FloatArray
) -> FloatArray:
    """Chart (n, 2) of a disc of triangles with every vertex used.

    points (n, 3); faces (f, 3); rim (b,) boundary vertices placed at rim_uv (b, 2), convex and
    counter-clockwise; scale (f,) linear size each triangle should be given relative to its true size.
    """
    weights = mean_value_weights(points, faces)
    best, least = solve(weights, rim, rim_uv), np.inf
    chart = best
    for _ in range(STEPS):
        stretch, area = triangle_stretch(points, chart, faces, scale)
        energy = float(np.sqrt((area * stretch**2).sum() / area.sum()) * np.sqrt(doubled(chart, faces).sum()))
        if energy >= least or doubled(chart, faces).min() <= 0:
            break
        best, least = chart, energy
        squares, total = np.zeros(len(points)), np.zeros(len(points))
        for k in range(3):
            np.add.at(squares, faces[:, k], area * stretch**2)
            np.add.at(total, faces[:, k], area)
        weights = weights @ diags(1 / np.sqrt(squares / total))
        weights = diags(1 / np.asarray(weights.sum(axis=1)).ravel()) @ weights
        chart = solve(weights, rim, rim_uv)
    return best


def solve(weights: csr_matrix, rim: IntArray, rim_uv: FloatArray) -> FloatArray:
    """Positions (n, 2) in which every inner vertex is the weighted mean of its neighbours."""
    count = weights.shape[0]
    inner = np.setdiff1d(np.arange(count), rim)
    weights = csr_matrix(weights)
    total = np.asarray(weights.sum(axis=1)).ravel()
    system = diags(total[inner]) - weights[inner][:, inner]
    chart = np.zeros((count, 2))
    chart[rim] = rim_uv
    chart[inner] = spsolve(system.tocsc(), weights[inner][:, rim] @ rim_uv)
    return chart


def mean_value_weights(points: FloatArray, faces: IntArray) -> csr_matrix:
    """(n, n) mean-value weights, rows of inner vertices normalised to one."""
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, m = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        a, b = points[j] - points[i], points[m] - points[i]
        length_a, length_b = (np.maximum(np.linalg.norm(x, axis=1), 1e-9) for x in (a, b))
        cosine = np.clip((a * b).sum(axis=1) / (length_a * length_b), -1.0, 1.0)
        tangent = np.minimum(np.sqrt((1 - cosine) / np.maximum(1 + cosine, 1e-9)), LARGEST_TANGENT)
        tangent = np.maximum(tangent, 1 / LARGEST_TANGENT**2)
        rows += [i, i]
        columns += [j, m]
        values += [tangent / length_a, tangent / length_b]
    shape = (len(points), len(points))
    weights = csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape)
    return diags(1 / np.asarray(weights.sum(axis=1)).ravel()) @ weights


def doubled(chart: FloatArray, faces: IntArray) -> FloatArray:
    """Twice the signed area (f,) of the triangles of a chart."""
    a, b = chart[faces[:, 1]] - chart[faces[:, 0]], chart[faces[:, 2]] - chart[faces[:, 0]]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def triangle_stretch(
    points: FloatArray, chart: FloatArray, faces: IntArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """L2 stretch (f,) of the map chart -> surface (Sander et al. 2001), and wanted area (f,)."""
    area2 = np.maximum(np.abs(doubled(chart, faces)), 1e-15)
    q, u, v = points[faces] * scale[:, None, None], chart[faces][..., 0], chart[faces][..., 1]
    turn = [(1, 2), (2, 0), (0, 1)]
    du = sum(q[:, k] * (v[:, a] - v[:, b])[:, None] for k, (a, b) in enumerate(turn)) / area2[:, None]
    dv = sum(q[:, k] * (u[:, b] - u[:, a])[:, None] for k, (a, b) in enumerate(turn)) / area2[:, None]
    stretch = np.sqrt(((du**2).sum(axis=1) + (dv**2).sum(axis=1)) / 2)
    area = np.linalg.norm(np.cross(q[:, 1] - q[:, 0], q[:, 2] - q[:, 0]), axis=1)
    return stretch, np.maximum(area, 1e-15)


def loops(faces: IntArray) -> list[IntArray]:
    """Open rims as closed rows of vertices, in the direction of the triangles, longest first."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = {(int(a), int(b)) for a, b in edges}
    after = {a: b for a, b in sorted(present) if (b, a) not in present}
    found = []
    while after:
        start = min(after)
        loop, step = [start], after.pop(start)
        while step != start:
            loop.append(step)
            step = after.pop(step)
        found.append(np.array(loop))
    return sorted(found, key=len, reverse=True)


def plugged(points: FloatArray, faces: IntArray, holes: list[IntArray]) -> tuple[FloatArray, IntArray]:
    """The mesh with each hole closed by a new vertex at the hole's centre."""
    fans = []
    for hole in holes:
        fans.append(np.c_[np.roll(hole, -1), hole, np.full(len(hole), len(points))])
        points = np.concatenate([points, points[hole].mean(axis=0)[None]])
    return points, np.concatenate([faces, *fans]).astype(np.int32)


def disc(points: FloatArray, faces: IntArray) -> FloatArray:
    """Chart (n, 2) in the unit disc of a piece whose longest rim is its outline."""
    rims = loops(faces)
    closed_points, closed = plugged(points, faces, rims[1:])
    rim = rims[0]
    length = np.linalg.norm(points[np.roll(rim, -1)] - points[rim], axis=1) + 1e-6
    angle = 2 * np.pi * np.r_[0.0, np.cumsum(length)[:-1]] / length.sum()
    rim_uv = np.c_[np.cos(angle), np.sin(angle)]
    return flatten(closed_points, closed, rim, rim_uv, np.ones(len(closed)))[: len(points)]
