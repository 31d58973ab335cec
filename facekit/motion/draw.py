"""Skeletons as pictures: seen from the side of the front, on a floor with lines, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facekit.motion.skeleton import Skeleton
from facekit.records import ByteArray, FloatArray

SIDE = 320  # px, width of a panel
TALL = 400  # px
VIEW = 2.3  # m, height that a panel shows
TURN, TILT = np.radians(35), np.radians(12)  # of the camera
GRID = 0.5  # m
LEFT, RIGHT, MIDDLE = (214, 96, 40), (40, 110, 190), (70, 70, 70)
PAPER, LINES, INK = (255, 255, 255), (222, 222, 222), (40, 40, 40)
AXES = ((220, 50, 50), (40, 160, 60), (60, 90, 230))
SHIFT = 4  # binary places of a pixel's fraction


@dataclass(frozen=True)
class Panel:
    """One skeleton at one time."""

    title: str
    joints: FloatArray  # (J, 3) m, world
    places: FloatArray | None = None  # (3, 3) m, head and hands as seen, NaN where not
    axes: FloatArray | None = None  # (3, 3, 3), their rotations


def draw_body(skeleton: Skeleton, panel: Panel, centre: FloatArray) -> ByteArray:
    """A panel (TALL, SIDE, 3) uint8 with the place ``centre`` (3,) m of the floor in its middle.

    The subject's left is drawn in orange, its right in blue, the axes of what a headset sees in colours.
    """
    image = np.full((TALL, SIDE, 3), PAPER, np.uint8)
    floor = np.arange(-4, 5) * GRID
    base = np.round(centre / GRID) * GRID
    for offset in floor:
        for ends in (([offset, floor[0]], [offset, floor[-1]]), ([floor[0], offset], [floor[-1], offset])):
            points = [np.array([base[0] + x, 0.0, base[2] + z]) for x, z in ends]
            _line(image, _project(np.array(points), centre), LINES, 1)
    pixels = _project(panel.joints, centre)
    far_first = np.argsort(_depth(panel.joints)).tolist()
    for joint in far_first:
        parent = skeleton.parents[joint]
        if parent >= 0:
            _line(image, pixels[[parent, joint]], _colour(skeleton.names[joint]), 4)
    for joint in far_first:
        _dot(image, pixels[joint], 3, INK)
    _dot(image, pixels[skeleton.devices[0]], 9, INK)
    if panel.places is not None and panel.axes is not None:
        _devices(image, panel.places, panel.axes, centre)
    cv2.putText(image, panel.title, (10, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    return image


def sheet(pictures: Sequence[ByteArray], columns: int) -> ByteArray:
    """Pictures of one size in rows."""
    blank = np.full_like(pictures[0], 255)
    rows = []
    for start in range(0, len(pictures), columns):
        row = list(pictures[start : start + columns])
        rows.append(np.concatenate(row + [blank] * (columns - len(row)), 1))
    return np.concatenate(rows, 0)


def _devices(image: ByteArray, places: FloatArray, axes: FloatArray, centre: FloatArray) -> None:
    """Three short axes at each device that is seen."""
    for place, rotation in zip(places, axes, strict=True):
        if not (np.isfinite(place).all() and np.isfinite(rotation).all()):
            continue
        for k, colour in enumerate(AXES):
            _line(image, _project(np.stack([place, place + 0.12 * rotation[:, k]]), centre), colour, 2)


def _turned(points: FloatArray) -> FloatArray:
    """World to the axes of the camera: right, up, towards it."""
    c, s = np.cos(TURN), np.sin(TURN)
    x, y, z = c * points[..., 0] - s * points[..., 2], points[..., 1], s * points[..., 0] + c * points[..., 2]
    c, s = np.cos(TILT), np.sin(TILT)
    return np.stack([x, c * y - s * z, s * y + c * z], -1)


def _project(points: FloatArray, centre: FloatArray) -> FloatArray:
    """Orthographic: (..., 3) m to (..., 2) px."""
    local = _turned(points - np.array([centre[0], 0.0, centre[2]]))
    scale = TALL / VIEW
    return np.stack([SIDE / 2 + scale * local[..., 0], 0.86 * TALL - scale * local[..., 1]], -1)


def _depth(points: FloatArray) -> FloatArray:
    return _turned(points)[..., 2]


def _colour(name: str) -> tuple[int, int, int]:
    return LEFT if "left" in name else RIGHT if "right" in name else MIDDLE


def _line(image: ByteArray, ends: FloatArray, colour: tuple[int, int, int], width: int) -> None:
    a, b = ([int(v) for v in np.clip(np.round(end * 2**SHIFT), -(2**20), 2**20)] for end in ends)
    cv2.line(image, a, b, colour, width, cv2.LINE_AA, SHIFT)


def _dot(image: ByteArray, at: FloatArray, radius: int, colour: tuple[int, int, int]) -> None:
    x, y = (int(v) for v in np.clip(np.round(at * 2**SHIFT), -(2**20), 2**20))
    cv2.circle(image, (x, y), radius * 2**SHIFT, colour, -1, cv2.LINE_AA, SHIFT)
