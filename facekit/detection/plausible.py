"""Is this a face? A landmark network always answers; these checks tell faces from meshes over anything."""

from __future__ import annotations

import numpy as np

from facekit.detection.schemes import ANCHORS
from facekit.records import FloatArray

SMALLEST_FACE = 16.0  # px; below it the mesh is a guess


def face_box(points: FloatArray) -> FloatArray:
    """(4,) x0 y0 x1 y1 of points (L, 2)."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def longer_side(box: FloatArray) -> float:
    """Longer side of a box x0 y0 x1 y1."""
    return float(max(box[2] - box[0], box[3] - box[1]))


def implausible(points: FloatArray, spread: FloatArray, scheme: str, size: tuple[int, int]) -> str | None:
    """Why these landmarks cannot be a face, or None.

    Args: points (L, 2) px; spread (L,) px, disagreement of the readings; size, width and height of the photo.
    """
    box = face_box(points)
    side = longer_side(box)
    if not np.isfinite(points).all():
        return "the landmarks are not finite"
    if side < SMALLEST_FACE:
        return f"the face is only {side:.0f} pixels high"
    if (box[2:] - box[:2]).min() < 0.25 * side:
        return "the landmarks have collapsed"
    inside = ((points >= 0) & (points <= np.array(size))).all(axis=1)
    if inside.mean() < 0.5:
        return "most of the landmarks lie outside the picture"
    if not _upright(points, scheme, side):
        return "the landmarks are folded or mirrored"
    if np.median(spread) > 0.04 * side:
        return "the landmarks do not agree with each other"
    return None


def matches_box(points: FloatArray, centre: FloatArray, side: float) -> bool:
    """Whether a mesh covers about the box in which the face was seen (it may have slid onto an occluder)."""
    box = face_box(points)
    moved = float(np.linalg.norm((box[:2] + box[2:]) / 2 - centre))
    return 0.4 < longer_side(box) / side < 2.5 and moved < 0.75 * side


def _upright(points: FloatArray, scheme: str, side: float) -> bool:
    """Whether eyes, mouth and chin go round as in a face and not as in its mirror image.

    Near a profile the eyes fall together in the picture; then only a clear reversal counts.
    """
    right_eye, left_eye, right_mouth, left_mouth, chin = (points[i] for i in ANCHORS[scheme])
    mouth = (right_mouth + left_mouth) / 2
    across, down = left_eye - right_eye, mouth - (right_eye + left_eye) / 2
    turn = (across[0] * down[1] - across[1] * down[0]) / side**2
    return bool(turn > -0.02 and np.dot(chin - mouth, down) > 0)
