"""Where a face lies in a picture, so that flat things can be drawn before it: canonical coordinates.

In them the middle between the eyes is (0, 0), the chin (0, 1), x to the right of the picture, y down. The map
to pixels is affine, so that what is drawn narrows with a face that turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from facekit.records import FloatArray

ANCHORS = {  # of the 68 landmarks: those that stay nearly in a plane
    36: (-0.40, 0.0), 39: (-0.14, 0.0), 42: (0.14, 0.0), 45: (0.40, 0.0),
    48: (-0.22, 0.63), 54: (0.22, 0.63), 33: (0.0, 0.42), 8: (0.0, 1.0),
}  # fmt: skip
FINE = 4  # bits of a pixel that outlines are drawn with


@dataclass(frozen=True)
class Layout:
    """A face in a picture of ``shape`` (H, W)."""

    shape: tuple[int, int]
    matrix: FloatArray  # (2, 3) float64, canonical coordinates to pixels

    @staticmethod
    def of(landmarks: FloatArray, shape: tuple[int, ...]) -> Layout:
        """The layout of a face with landmarks (68, 2) px."""
        known = np.array(list(ANCHORS.values()))
        seen = np.asarray(landmarks, np.float64)[list(ANCHORS), :2]
        found, *_ = np.linalg.lstsq(np.c_[known, np.ones(len(known))], seen, rcond=None)
        return Layout((shape[0], shape[1]), found.T)

    @cached_property
    def unit(self) -> float:
        """Pixels of the distance from eyes to chin."""
        return float(np.linalg.norm(self.matrix[:, 1]))

    @cached_property
    def upright(self) -> Layout:
        """The same place and size without the narrowing of a turned face: for things of their own shape."""
        down = self.matrix[:, 1]
        return Layout(self.shape, np.stack([[down[1], -down[0]], down, self.matrix[:, 2]], axis=1))

    def pixels(self, points: FloatArray) -> FloatArray:
        """Pixels (N, 2) of canonical points (N, 2)."""
        out: FloatArray = np.asarray(points, np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return out

    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Canonical x and y, (H, W) float32 each, of the pixel centres."""
        inverse = np.linalg.inv(self.matrix[:, :2]).astype(np.float32)
        row, column = np.mgrid[: self.shape[0], : self.shape[1]].astype(np.float32) + 0.5
        dx, dy = column - np.float32(self.matrix[0, 2]), row - np.float32(self.matrix[1, 2])
        return inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy

    def fill(self, outline: FloatArray) -> FloatArray:
        """Cover (H, W) float32 0..1 of the inside of an outline (N, 2)."""
        drawing = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(drawing, [self._fixed(outline)], (255,), cv2.LINE_AA, FINE)
        return drawing.astype(np.float32) / 255

    def line(self, path: FloatArray, width: float, closed: bool = False) -> FloatArray:
        """Cover (H, W) float32 of a path (N, 2), ``width`` in canonical units, at least a pixel wide; thinner
        ones are drawn fainter.
        """
        drawing, wide = np.zeros(self.shape, np.uint8), width * self.unit
        colour = (int(255 * min(1.0, max(wide, 0.3))),)
        thick = max(1, round(wide))
        cv2.polylines(drawing, [self._fixed(path)], closed, colour, thick, cv2.LINE_AA, FINE)
        return drawing.astype(np.float32) / 255

    def _fixed(self, points: FloatArray) -> FloatArray:
        where = np.clip(self.pixels(points) - 0.5, -2000, 6000)
        fixed: FloatArray = np.rint(where * 2**FINE).astype(np.int32)
        return fixed


def curve(
    points: list[tuple[float, float]] | FloatArray, steps: int = 10, closed: bool = False
) -> FloatArray:
    """A smooth path (M, 2) through points (N, 2): Catmull and Rom's spline."""
    known = np.asarray(points, np.float64)
    ends = known[-1:], known[:2] if closed else known[-1:]
    padded = np.concatenate([ends[0] if closed else known[:1], known, ends[1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    last = [] if closed else [known[-1:]]
    return np.concatenate([*pieces, *last])
