"""Eyeballs that turn as balls do, not along straight lines."""

from __future__ import annotations

import numpy as np

from facekit.morphable.topology import Topology
from facekit.records import FloatArray


def turn_eyes(topology: Topology, vertices: FloatArray, neutral: FloatArray) -> FloatArray:
    """Vertices (V, 3) m in which each eyeball is the rigid copy of the ``neutral`` one nearest to its own.

    Shapes are linear, so a ball half-way to a look aside has shrunk; the rotation that fits it best (Kabsch)
    gives a ball again.
    """
    turned = vertices.copy()
    for name in ("left_eye", "right_eye"):
        rows = np.flatnonzero(topology.part(name))
        if not len(rows):
            continue
        ball, given = neutral[rows].astype(np.float64), vertices[rows].astype(np.float64)
        middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
        U, _, Vt = np.linalg.svd((ball - middle).T @ (given - middle))
        sign = np.diag([1.0, 1.0, np.linalg.det(Vt.T @ U.T)])
        turned[rows] = (ball - middle) @ (Vt.T @ sign @ U.T).T + middle
    return turned
