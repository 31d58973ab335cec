"""Square crops of a photo and the 3×3 matrices that lead from crop pixels back to photo pixels.

Both pictures have their corner at (0, 0) and their first pixel centre at (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from facekit.records import ByteArray, FloatArray


@dataclass(frozen=True)
class Placement:
    """Where a square crop lies in the photo."""

    centre: FloatArray  # (2,) float64, px
    side: float  # px
    angle: float = (
        0.0  # rad, of the crop's x axis in the photo, positive from x towards y (clockwise as seen)
    )

    def matrix(self, size: int, flip: bool = False) -> FloatArray:
        """(3, 3) float64, from pixels of a crop of ``size``² to photo pixels; ``flip`` mirrors the crop."""
        scale, c, s = self.side / size, np.cos(self.angle), np.sin(self.angle)
        matrix = np.eye(3)
        matrix[:2, :2] = scale * np.array([[c, -s], [s, c]])
        if flip:
            matrix[:2, 0] *= -1
        matrix[:2, 2] = self.centre - matrix[:2, :2] @ np.array([size / 2, size / 2])
        return matrix

    def moved(self, shift: tuple[float, float], scale: float, angle: float) -> Placement:
        """The same crop shifted by parts of its side, scaled and turned."""
        return Placement(self.centre + np.array(shift) * self.side, self.side * scale, self.angle + angle)


def transform(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """Points (L, 2) through a (3, 3) affine matrix."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def scale_of(matrix: FloatArray) -> float:
    """Photo pixels per crop pixel."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))


@dataclass
class PhotoPyramid:
    """A photo with its halvings, made when needed, so that small crops of large photos are not aliased."""

    photo: ByteArray  # (H, W, 3) uint8
    _levels: dict[int, ByteArray] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.photo.shape[1], self.photo.shape[0]

    def crop(self, matrix: FloatArray, size: int) -> ByteArray:
        """(size, size, 3) uint8 crop that ``matrix`` (crop px to photo px) describes; black outside."""
        level = max(0, round(np.log2(max(scale_of(matrix), 1e-6))))
        source = self._level(level)
        shrink = np.diag([source.shape[1] / self.size[0], source.shape[0] / self.size[1], 1.0])
        half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])  # cv2 counts from pixel centres
        centred = np.linalg.inv(half) @ shrink @ matrix @ half
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(source, centred[:2], (size, size), flags=flags), dtype=np.uint8)

    def _level(self, level: int) -> ByteArray:
        if level == 0:
            return self.photo
        if level not in self._levels:
            width, height = (max(1, round(n / 2**level)) for n in self.size)
            small = cv2.resize(self.photo, (width, height), interpolation=cv2.INTER_AREA)
            self._levels[level] = np.asarray(small, dtype=np.uint8)
        return self._levels[level]
