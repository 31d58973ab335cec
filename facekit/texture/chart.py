"""The UV chart as a picture: which point of the surface each texel shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from scipy.ndimage import distance_transform_edt

from facekit.geometry.arrays import layout
from facekit.morphable.topology import Topology
from facekit.raster.fragments import rasterize_numpy
from facekit.records import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Chart:
    """The texels (N of them, row-major, row 0 at the top) that a topology's chart covers on a square of
    ``size``.
    """

    size: int  # T
    index: IntArray  # (N,) flat texel
    corners: IntArray  # (N, 3) vertices of the texel's triangle
    bary: FloatArray  # (N, 3) float32

    @cached_property
    def covered(self) -> BoolArray:
        """(T, T) bool, texels that show a point of the surface."""
        flat = np.zeros(self.size * self.size, bool)
        flat[self.index] = True
        return flat.reshape(self.size, self.size)

    def at(self, attribute: FloatArray) -> FloatArray:
        """A vertex attribute (V,) or (V, C) at the texels: (N,) or (N, C), float32."""
        values = layout(attribute, np.float32)
        flat = values.reshape(len(values), -1)
        out = np.zeros((len(self.index), flat.shape[1]), np.float32)
        _mix(flat, layout(self.corners, np.int32), layout(self.bary, np.float32), out)
        return out.reshape(-1, *values.shape[1:])

    def image(self, values: FloatArray) -> FloatArray:
        """Texel values (N,) or (N, C) as a picture (T, T) or (T, T, C), zero where the chart is not."""
        flat = np.zeros((self.size * self.size, *values.shape[1:]), values.dtype)
        flat[self.index] = values
        return flat.reshape(self.size, self.size, *values.shape[1:])

    @cached_property
    def _nearest(self) -> IntArray:
        """(2, T, T), row and column of the covered texel nearest to each texel."""
        return distance_transform_edt(~self.covered, return_distances=False, return_indices=True)

    def pad(self, picture: FloatArray) -> FloatArray:
        """A picture (T, T, ...) whose texels outside the chart repeat the nearest one inside, so that filters
        do not bleed.
        """
        return picture[self._nearest[0], self._nearest[1]]


@njit(cache=True, nogil=True)
def _mix(values: FloatArray, corners: IntArray, bary: FloatArray, out: FloatArray) -> None:
    """Write values (V, C) at points (N, 3) of triangles to ``out`` (N, C)."""  # pragma: no cover - compiled
    for i in range(len(out)):
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        for k in range(out.shape[1]):
            out[i, k] = bary[i, 0] * values[a, k] + bary[i, 1] * values[b, k] + bary[i, 2] * values[c, k]


def make_chart(topology: Topology, size: int) -> Chart:
    """The chart of a topology on a square of ``size`` texels. Texel (i, j) has its centre at u = (j + 0.5) /
    size.
    """
    u, v = topology.uv.T.astype(np.float64)
    flat = np.stack([u * size, (1.0 - v) * size, np.ones(len(u))], 1)
    fragments = rasterize_numpy(flat[None], topology.uv_faces, (size, size))
    face = fragments.pix_to_face[0].ravel()
    index = np.flatnonzero(face >= 0)
    bary = fragments.bary[0].reshape(-1, 3)[index].astype(np.float32)
    return Chart(size, index, topology.faces[face[index]], bary)


_CHARTS: dict[tuple[int, int], tuple[Topology, Chart]] = {}


def chart_of(topology: Topology, size: int) -> Chart:
    """``make_chart``, once per process, topology and size."""
    key = (id(topology), size)
    if key not in _CHARTS or _CHARTS[key][0] is not topology:
        _CHARTS[key] = (topology, make_chart(topology, size))
    return _CHARTS[key][1]
