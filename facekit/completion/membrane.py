"""Offsets carried on from what is seen to what is hidden, so that no seam shows."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from facekit.geometry.mesh import adjacency
from facekit.records import BoolArray, FloatArray, IntArray


class Membrane:
    """Offsets known on the visible vertices, carried on to the hidden ones: each the mean of its neighbours.

    A piece without visible vertices keeps offset 0.
    """

    def __init__(self, faces: IntArray, visible: BoolArray) -> None:
        graph = adjacency(len(visible), faces)
        self.seen, self.unseen = np.flatnonzero(visible), np.flatnonzero(~visible)
        degree = np.asarray(graph.sum(axis=1)).ravel()[self.unseen]
        inner = sparse.diags(degree + 1e-6) - graph[self.unseen][:, self.unseen]  # 1e-6 holds unseen pieces
        self._border = graph[self.unseen][:, self.seen].tocsr()
        self._solve = splu(inner.tocsc()).solve if len(self.unseen) else None

    def mend(self, shapes: FloatArray, known: FloatArray) -> FloatArray:
        """Shapes (n, V, 3) with their visible vertices put where ``known`` (V, 3) or (n, V, 3) has them."""
        missed = (known - shapes)[:, self.seen]
        out = shapes.copy()
        out[:, self.seen] += missed
        out[:, self.unseen] += _rows(self.carry(_columns(missed)), len(shapes))
        return out

    def mend_back(self, gradient: FloatArray) -> FloatArray:
        """Gradient by the shapes from that by the mended ones (n, V, 3), ``known`` held."""
        out = np.array(gradient)
        out[:, self.seen] = -_rows(self.carry_back(_columns(gradient[:, self.unseen])), len(gradient))
        return out

    def carry(self, known: FloatArray) -> FloatArray:
        """(V_seen, K) to (V_unseen, K)."""
        return known[:0] if self._solve is None else self._solve(self._border @ known)

    def carry_back(self, gradient: FloatArray) -> FloatArray:
        """Gradient by the known offsets (V_seen, K) from that by the carried ones (V_unseen, K)."""
        solved = gradient if self._solve is None else self._solve(np.ascontiguousarray(gradient))
        return self._border.T @ solved


def _columns(meshes: FloatArray) -> FloatArray:
    """(n, V, 3) to (V, 3 n)."""
    return meshes.transpose(1, 0, 2).reshape(meshes.shape[1], -1)


def _rows(columns: FloatArray, n: int) -> FloatArray:
    """(V, 3 n) to (n, V, 3)."""
    return columns.reshape(len(columns), n, 3).transpose(1, 0, 2)
