"""Which part of a face a mask hides, in numbers and in words."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.records import BoolArray, FloatArray

BROWS_UP = 0.35  # how far the forehead goes above the brows, in distances from the eyes to the chin
PARTS = {  # of the 68 landmarks
    "forehead": (),  # above the brows
    "left eye": tuple(range(42, 48)),  # of the person
    "right eye": tuple(range(36, 42)),
    "nose": tuple(range(29, 36)),
    "mouth": tuple(range(48, 68)),
    "chin": (6, 7, 8, 9, 10),
    "left cheek": (13, 14, 15, 46, 54),
    "right cheek": (1, 2, 3, 41, 48),
}
HALF = 0.5  # of a part's points


def outline(landmarks: FloatArray) -> FloatArray:
    """The outline (N, 2) px of the face with landmarks (68, 2), forehead included."""
    points = np.asarray(landmarks, np.float64)[:, :2]
    up = points[36:48].mean(axis=0) - points[8]
    spots = np.concatenate([points, points[17:27] + BROWS_UP * up])
    found: FloatArray = cv2.convexHull(spots.astype(np.float32))[:, 0]
    return found


def face_hull(landmarks: FloatArray, shape: tuple[int, ...]) -> BoolArray:
    """(H, W) bool: the inside of the outline."""
    drawing = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(drawing, [np.rint(outline(landmarks)).astype(np.int32)], (1,))
    return drawing > 0


def hidden_share(hidden: BoolArray, landmarks: FloatArray) -> float:
    """Which share of the face with landmarks (68, 2) px a mask (H, W) hides."""
    inside = face_hull(landmarks, hidden.shape)
    return float(hidden[inside].mean()) if inside.any() else 0.0


def hidden_parts(hidden: BoolArray, landmarks: FloatArray) -> list[str]:
    """The parts of the face of which a mask (H, W) hides more than half."""
    points = np.asarray(landmarks, np.float64)[:, :2]
    up = points[36:48].mean(axis=0) - points[8]
    height, width = hidden.shape
    found = []
    for name, rows in PARTS.items():
        spots = points[list(rows)] if rows else points[18:26] + 0.6 * BROWS_UP * up
        column, row = np.floor(spots).astype(int).T
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        if inside.any() and hidden[row[inside], column[inside]].mean() > HALF:
            found.append(name)
    return found


def described(hidden: BoolArray, landmarks: FloatArray) -> str:
    """How much of the face is hidden, and which parts, as a clause."""
    parts = hidden_parts(hidden, landmarks)
    for both in ("eye", "cheek"):
        if f"left {both}" in parts and f"right {both}" in parts:
            parts[parts.index(f"left {both}")] = f"both {both}s"
            parts.remove(f"right {both}")
    told = f"{max(1, round(100 * hidden_share(hidden, landmarks)))} % of the face is hidden"
    if not parts:
        return told
    named = ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]
    return f"{told}: {named}"
