"""Is this a face? A landmark network always answers; these checks tell faces from meshes over anything."""

from __future__ import annotations

import numpy as np

from facekit.detection.points import Points, face_box, longer_side
from facekit.detection.schemes import ANCHORS
from facekit.records import BoolArray, FloatArray

# Presence score of the mesh network (1.0 on faces); heights of heat map peaks.
LEAST_CONFIDENCE = {"mediapipe478": 0.7, "ibug68": 0.1}
SMALLEST_FACE = 16.0  # px; below it the mesh is a guess


def tolerance(score: float, masked: bool) -> float:
    """Median spread that readings of a true face may have, as a part of its longer side.

    Faces in the open have 0.003 to 0.007, well hidden ones up to 0.02; what is no face has 0.019 and more and
    a box score below 0.7. Boxes that the user gave have no score and are trusted.
    """
    sure = not score < 0.7
    return (0.025 if sure else 0.018) if masked else (0.024 if sure else 0.014)


def implausible(
    read: Points, scheme: str, size: tuple[int, int], hidden: BoolArray, largest_spread: float
) -> str | None:
    """Why these landmarks cannot be a face, or None.

    ``size``: width and height of the photo; ``hidden`` (L,): which of the points are guesses and do not vote;
    ``largest_spread``: see ``tolerance``.
    """
    points = read.points
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
    if hidden.mean() > 0.95:
        return "the mask hides the whole face"
    if np.median(read.spread[~hidden]) > largest_spread * side:
        return "repeated readings do not agree"
    if np.median(read.confidence[~hidden]) < LEAST_CONFIDENCE[scheme]:
        return "the network does not see a face"
    return None


def matches_box(points: FloatArray, centre: FloatArray, side: float) -> bool:
    """Whether a mesh covers about the box in which the face was seen (it may have slid onto an occluder)."""
    box = face_box(points)
    moved = float(np.linalg.norm((box[:2] + box[2:]) / 2 - centre))
    return 0.6 < longer_side(box) / side < 1.8 and moved < 0.4 * side


def _upright(points: FloatArray, scheme: str, side: float) -> bool:
    """Whether eyes, mouth and chin go round as in a face and not as in its mirror image.

    Near a profile the eyes fall together in the picture; then only a clear reversal counts.
    """
    right_eye, left_eye, right_mouth, left_mouth, chin = (points[i] for i in ANCHORS[scheme])
    mouth = (right_mouth + left_mouth) / 2
    across, down = left_eye - right_eye, mouth - (right_eye + left_eye) / 2
    turn = (across[0] * down[1] - across[1] * down[0]) / side**2
    return bool(turn > -0.02 and np.dot(chin - mouth, down) > 0)
