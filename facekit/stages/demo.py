"""A photo to try facekit on, and masks drawn on the landmarks of any face."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from scipy.spatial import ConvexHull

from facekit.errors import UsageError
from facekit.records import BoolArray, ByteArray, FloatArray


def demo_photo() -> ByteArray:
    """Eileen Collins, astronaut (NASA, public domain; ships with scikit-image), (512, 512, 3) uint8 sRGB."""
    from skimage.data import astronaut

    return np.ascontiguousarray(astronaut()[..., :3], np.uint8)


def draw_mask(kind: str, landmarks68: FloatArray, size: tuple[int, int]) -> BoolArray:
    """A mask (H, W) bool, true where hidden, as something worn on a face would hide it.

    kind: "sunglasses", "mouth" (a face mask) or "side" (something held before one half). landmarks68 (68, 2)
    px in the iBUG order; size (H, W). Raises UsageError for another kind.
    """
    if kind not in MASKS:
        raise UsageError(f"unknown kind of mask {kind!r}; choose one of {', '.join(MASKS)}")
    canvas = np.zeros(size, np.uint8)
    MASKS[kind](canvas, np.asarray(landmarks68, np.float64))
    return canvas > 0


def _sunglasses(canvas: ByteArray, points: FloatArray) -> None:
    across = points[45] - points[36]
    width = float(np.linalg.norm(across))
    x = across / max(width, 1e-6)
    y = np.array([-x[1], x[0]])
    lens = []
    for eye, brow in ((points[36:42], points[17:22]), (points[42:48], points[22:27])):
        centre = eye.mean(0) + 0.04 * width * y
        half_height = max(0.19 * width, 0.9 * abs(float((brow.mean(0) - eye.mean(0)) @ y)))
        outline = [
            centre
            + 0.30 * width * np.sign(c) * abs(c) ** 0.6 * x
            + half_height * np.sign(s) * abs(s) ** 0.6 * y
            for c, s in ((np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 48, endpoint=False))
        ]
        _polygon(canvas, np.array(outline))
        lens.append(centre)
    _line(canvas, lens[0], lens[1], 0.07 * width)
    _line(canvas, lens[0], points[0] - 0.05 * width * y, 0.05 * width)
    _line(canvas, lens[1], points[16] - 0.05 * width * y, 0.05 * width)


def _mouth(canvas: ByteArray, points: FloatArray) -> None:
    jaw, lips = points[2:15], points[48:60]
    centre, middle = jaw.mean(0), lips.mean(0)
    covered = [centre + 1.06 * (jaw - centre), middle + 1.3 * (lips - middle), points[28:29]]
    _polygon(canvas, _hull(np.vstack(covered)))  # of a turned head the far jaw lies behind the mouth


def _hull(points: FloatArray) -> FloatArray:
    """The corners (C, 2) of the convex hull of points (N, 2)."""
    return points[ConvexHull(points).vertices]


def _side(canvas: ByteArray, points: FloatArray) -> None:
    bridge, chin = points[27], points[8]
    down = chin - bridge
    out = points[16] - bridge
    _polygon(
        canvas,
        np.array(
            [
                bridge - 0.45 * down,
                bridge,
                points[33],
                chin + 0.1 * down,
                chin + 0.9 * out,
                bridge - 0.4 * down + out,
            ]
        ),
    )


def _polygon(canvas: ByteArray, points: FloatArray) -> None:
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], [255.0], shift=4)


def _line(canvas: ByteArray, a: FloatArray, b: FloatArray, thickness: float) -> None:
    start, end = ((int(p[0]), int(p[1])) for p in (a, b))
    cv2.line(canvas, start, end, [255.0], max(2, round(thickness)))


MASKS: dict[str, Callable[[ByteArray, FloatArray], None]] = {
    "sunglasses": _sunglasses,
    "mouth": _mouth,
    "side": _side,
}
