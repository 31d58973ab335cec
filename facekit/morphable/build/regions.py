"""Region masks in the spirit of FLAME's fourteen, drawn on the mean face from its 68 landmarks."""

from __future__ import annotations

import numpy as np

from facekit.morphable.topology import PARTS
from facekit.records import BoolArray, FloatArray, IntArray

BROW_BAND = 0.007  # m that an eye region reaches above the brow's landmarks
LIP_BAND = 0.008  # m around the lips' landmarks


def region_masks(
    points: FloatArray,
    faces: IntArray,
    parts: IntArray,
    landmarks: FloatArray,
    narrow: BoolArray,
    ear: BoolArray,
) -> dict[str, FloatArray]:
    """Masks (V,) float32, 0 or 1. points (V, 3) m of the mean; landmarks (68, 3) m; narrow, ear (V,) bool."""
    skin = parts == PARTS.index("skin")
    left_side = points[:, 0] >= 0
    folded = np.c_[np.abs(points[:, 0]), points[:, 1:]]
    lips = skin & narrow & _lips(folded, landmarks)
    nose = skin & narrow & ~lips & _nose(folded, landmarks)
    eyes = skin & narrow & ~nose & ~lips & _eyes(folded, landmarks)
    forehead = skin & narrow & ~eyes & ~nose & _forehead(folded, landmarks)
    neck = skin & ~narrow & ~ear & (points[:, 1] < _neck_line(points, landmarks))
    scalp = skin & ~narrow & ~ear & ~neck
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = {(int(a), int(b)) for a, b in edges}
    rim = np.zeros(len(points), bool)
    rim[[a for a, b in present if (b, a) not in present]] = True
    masks = {
        "face": skin & narrow,
        "forehead": forehead,
        "nose": nose,
        "lips": lips,
        "eye_region": eyes,
        "left_eye_region": eyes & left_side,
        "right_eye_region": eyes & ~left_side,
        "left_ear": ear & left_side,
        "right_ear": ear & ~left_side,
        "neck": neck,
        "scalp": scalp,
        "boundary": rim & neck,
        "left_eyeball": parts == PARTS.index("left_eye"),
        "right_eyeball": parts == PARTS.index("right_eye"),
        "narrow_face": skin & narrow,
    }
    return {name: mask.astype(np.float32) for name, mask in masks.items()}


def _brow(p: FloatArray, landmarks: FloatArray) -> FloatArray:
    brow = landmarks[22:27]
    return np.interp(p[:, 0], brow[:, 0], brow[:, 1]) + BROW_BAND


def _forehead(p: FloatArray, landmarks: FloatArray) -> BoolArray:
    """Above the brows, beside their ends, and between them down to the root of the nose."""
    between = (p[:, 0] < landmarks[42, 0]) & (p[:, 1] > landmarks[27, 1])
    return between | (p[:, 1] > np.minimum(_brow(p, landmarks), landmarks[26, 1]))


def _lips(p: FloatArray, landmarks: FloatArray) -> BoolArray:
    outer = landmarks[48:60]
    centre = (outer[:, 1].max() + outer[:, 1].min()) / 2
    width, height = outer[:, 0].max() + LIP_BAND, np.ptp(outer[:, 1]) / 2 + LIP_BAND
    return (p[:, 0] / width) ** 2 + ((p[:, 1] - centre) / height) ** 2 < 1


def _nose(p: FloatArray, landmarks: FloatArray) -> BoolArray:
    root, base, wing = landmarks[27], landmarks[33], landmarks[35]
    heights = [base[1], base[1] + 0.008, landmarks[29, 1], root[1]]
    widths = [wing[0] + 0.006, wing[0] + 0.008, 0.014, 0.0085]
    inside = (p[:, 1] > base[1] - 0.003) & (p[:, 1] < root[1] + 0.004)
    return inside & (p[:, 0] < np.interp(p[:, 1], heights, widths))


def _eyes(p: FloatArray, landmarks: FloatArray) -> BoolArray:
    eye = landmarks[42:48]
    centre = eye.mean(axis=0)
    top, bottom = _brow(p, landmarks), centre[1] - 0.018
    middle, half = (top + bottom) / 2, (top - bottom) / 2
    across = (p[:, 0] - centre[0]) / (np.ptp(eye[:, 0]) / 2 + 0.013)
    return (across**4 + ((p[:, 1] - middle) / half) ** 4) < 1


def _neck_line(p: FloatArray, landmarks: FloatArray) -> FloatArray:
    """Height below which skin outside the face is neck: from jaw corner to chin, level behind."""
    corner, chin = landmarks[13], landmarks[8]
    return np.interp(p[:, 2], [corner[2], chin[2]], [corner[1], chin[1] - 0.01])
