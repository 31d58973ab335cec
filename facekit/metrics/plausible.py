"""How plausible a face is: what may not pass what, and how far it lies from the average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit.completion.limits import OVERLAP, PAIRS
from facekit.morphable.model import FaceModel

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

BLOCK = 64  # triangles whose neighbours are looked for at a time
TOUCH = 1e-9  # of an edge, beyond which a point on it counts as inside


def mahalanobis(model: FaceModel, shapes: Floats) -> Floats:
    """Distance (...,) of shapes (..., V, 3) m from the mean in the face model, over the root of the number of
    its modes: about 1 for a face drawn from it. The shapes' least-squares codes are measured; what lies
    outside the span of the modes does not count.
    """
    return np.linalg.norm(model.code(shapes), axis=-1) / np.sqrt(model.size)


def crossing_pairs(landmarks: Floats, depth: float = OVERLAP) -> Ints:
    """How many of the seven pairs of inner lips and lids (iBUG) of landmarks (..., 68, 3) m, head frame, have
    passed each other by more than ``depth`` m: (...,).
    """
    upper, lower = np.array(PAIRS).T
    height = np.asarray(landmarks)[..., 1]
    return np.count_nonzero(height[..., upper] < height[..., lower] - depth, axis=-1)


def crossing_triangles(vertices: Floats, faces: Ints) -> Ints:
    """Triangles (C,) of a mesh (V, 3), (F, 3) that another one cuts with which they share no corner."""
    corners = np.asarray(vertices, float)[faces]
    first, second = _near(corners)
    shared = (faces[first][:, :, None] == faces[second][:, None]).any(axis=(1, 2))
    first, second = first[~shared], second[~shared]
    cut = _edge_through(corners[first], corners[second]) | _edge_through(corners[second], corners[first])
    return np.unique(np.concatenate([first[cut], second[cut]]))


def _near(corners: Floats) -> tuple[Ints, Ints]:
    """Pairs of triangles (F, 3, 3) whose boxes touch, each pair once."""
    low, high = corners.min(axis=1), corners.max(axis=1)
    order = np.argsort(low[:, 0], kind="stable")
    low, high = low[order], high[order]
    stop = np.searchsorted(
        low[:, 0], high[:, 0], side="right"
    )  # those further on begin beyond this one's end
    first: list[Ints] = [order[:0]]
    second: list[Ints] = [order[:0]]
    for start in range(0, len(order), BLOCK):
        rows = slice(start, start + BLOCK)
        columns = slice(start, int(stop[rows].max()))
        meet = np.triu(low[None, columns, 0] <= high[rows, None, 0], 1)
        for axis in (1, 2):
            meet &= low[None, columns, axis] <= high[rows, None, axis]
            meet &= high[None, columns, axis] >= low[rows, None, axis]
        row, column = np.nonzero(meet)
        first.append(order[start + row])
        second.append(order[start + column])
    return np.concatenate(first), np.concatenate(second)


def _edge_through(a: Floats, b: Floats) -> NDArray[np.bool_]:
    """Whether an edge of triangles a (P, 3, 3) passes through the inside of triangles b (P, 3, 3)
    (Möller and Trumbore 1997)."""
    start, along = a, np.roll(a, -1, axis=1) - a
    one, two = (b[:, 1] - b[:, 0])[:, None], (b[:, 2] - b[:, 0])[:, None]
    across = np.cross(along, two)
    scale = (one * across).sum(axis=-1)
    flat = np.abs(scale) < 1e-30
    inverse = 1 / np.where(flat, 1.0, scale)
    away = start - b[:, :1]
    u = (away * across).sum(axis=-1) * inverse
    turned = np.cross(away, one)
    v = (along * turned).sum(axis=-1) * inverse
    t = (two * turned).sum(axis=-1) * inverse
    inside = (u > TOUCH) & (v > TOUCH) & (u + v < 1 - TOUCH) & (t > TOUCH) & (t < 1 - TOUCH)
    return (inside & ~flat).any(axis=1)
