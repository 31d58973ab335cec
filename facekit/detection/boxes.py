"""Where the faces are: MediaPipe's two face detectors on the whole photo and on ever smaller windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from facekit.detection.crops import PhotoPyramid, Placement, transform
from facekit.detection.facemesh import raw_boxes
from facekit.detection.lanes import side_by_side
from facekit.records import FloatArray

WINDOW = 256  # px, side of the picture the detectors get
SMALLEST = 128  # px of the photo, side of the smallest window worth a search


@dataclass(frozen=True)
class Box:
    """A face found in the photo."""

    score: float  # detector's confidence, 0 to 1; NaN for a box given by the user
    placement: Placement  # the box itself, as a turned square

    @property
    def corners(self) -> FloatArray:
        """(4,) x0 y0 x1 y1 px of the upright square."""
        half = self.placement.side / 2
        return np.concatenate([self.placement.centre - half, self.placement.centre + half])


def find_boxes(photo: PhotoPyramid, level: int, angle: float = 0.0) -> list[Box]:
    """Faces in the whole photo (level 0), or in windows of 1/2, 1/4, … of its longer side, best score first.

    ``angle`` (rad) turns the windows, for faces that are not upright.
    """
    windows = _windows(photo.size, level, angle)
    found = side_by_side(partial(_search, photo), [(w, full) for w in windows for full in (False, True)])
    return suppress([box for boxes in found for box in boxes])


def suppress(boxes: list[Box], overlap: float = 0.3) -> list[Box]:
    """Non-maximum suppression by score."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b.score):
        if all(intersection_over_union(box.corners, other.corners) < overlap for other in kept):
            kept.append(box)
    return kept


def intersection_over_union(a: FloatArray, b: FloatArray) -> float:
    """Of two boxes x0 y0 x1 y1; 0 where they do not meet."""
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    common = float(np.prod(sides))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common
    return common / union if union > 0 else 0.0


def _windows(size: tuple[int, int], level: int, angle: float) -> list[Placement]:
    """Square windows that cover the photo, overlapping by half; level 0 has one with a rim, for close-ups."""
    longer = float(max(size))
    if level == 0:
        centre = np.array(size) / 2
        return [Placement(centre, longer, angle), Placement(centre, 1.5 * longer, angle)]
    side = longer / 2**level
    if side < SMALLEST:
        return []
    xs, ys = (np.linspace(min(side, n) / 2, n - min(side, n) / 2, _count(n, side)) for n in size)
    return [Placement(np.array([x, y]), side, angle) for y in ys for x in xs]


def _count(length: float, side: float) -> int:
    return 1 if length <= side else int(np.ceil(2 * (length - side) / side)) + 1


def _search(photo: PhotoPyramid, where: tuple[Placement, bool], lane: int) -> list[Box]:
    """What the short-range or the full-range detector finds in a window."""
    window, full_range = where
    matrix = window.matrix(WINDOW)
    boxes, scale = [], window.side / WINDOW
    for raw in raw_boxes(photo.crop(matrix, WINDOW), full_range, lane):
        centre = transform(matrix, raw.centre[None])[0]
        boxes.append(Box(raw.score, Placement(centre, raw.side * scale, raw.angle + window.angle)))
    return boxes
