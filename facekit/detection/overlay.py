"""Landmarks drawn over a photo, to see what the detector saw."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facekit.detection.points import longer_side
from facekit.records import ByteArray, Landmarks

SURE, UNSURE, HIDDEN = (60, 230, 90), (255, 170, 0), (235, 60, 60)


def draw_landmarks(photo: ByteArray, faces: Sequence[Landmarks]) -> ByteArray:
    """The photo (H, W, 3) uint8 with every face's points: green sure, orange unsure, hollow red hidden."""
    picture = np.ascontiguousarray(photo).copy()
    for number, face in enumerate(faces):
        side = longer_side(face.box)
        radius = max(1.0, side / (260 if len(face.points) > 68 else 120))
        for point, sigma, hidden in zip(face.points, face.sigma, face.hidden, strict=True):
            if np.isfinite(point).all():
                sure = np.clip((sigma / side - 0.004) / 0.02, 0, 1)
                colour = HIDDEN if hidden else tuple(np.round(_mix(SURE, UNSURE, sure)).tolist())
                _disc(picture, point, radius, colour, hollow=bool(hidden))
        if len(faces) > 1:
            _number(picture, face, number, side)
    return picture


def _mix(a: tuple[int, int, int], b: tuple[int, int, int], share: float) -> np.ndarray:
    return np.array(a) * (1 - share) + np.array(b) * share


def _disc(
    picture: ByteArray, point: np.ndarray, radius: float, colour: tuple[float, ...], hollow: bool
) -> None:
    """Sub-pixel disc; cv2 counts from pixel centres, with 4 binary digits of fraction here."""
    x, y = (round(float(c - 0.5) * 16) for c in np.clip(point, -1e4, 1e6))
    thickness = max(1, round(radius / 2)) if hollow else cv2.FILLED
    cv2.circle(picture, (x, y), max(8, round(radius * 16)), colour, thickness, cv2.LINE_AA, 4)


def _number(picture: ByteArray, face: Landmarks, number: int, side: float) -> None:
    corner = (int(face.box[0]), max(12, int(face.box[1] - 0.05 * side)))
    scale = max(0.4, side / 250)
    for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(picture, str(number), corner, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, width, cv2.LINE_AA)
