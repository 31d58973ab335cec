"""The two landmark schemes: left-right pairs, named points, and the way from 478 to 68.

Indices are those of the published schemes: the MediaPipe face mesh (468 points and 2 × 5 of the irises) and
iBUG/Multi-PIE 68 (0-16 jaw from the subject's right to left, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67
lips).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.records import SCHEMES, IntArray, Landmarks

# The mesh points on the midline of the face; the others of 0-247 lie on the subject's right and are paired,
# in order, with 248-467 on the left. Irises: centre, then the points towards image right, up, left, down.
MIDLINE_478 = (0, 1, 2, 4, 5, 6, *range(8, 20), 94, 151, 152, 164, 168, 175, 195, 197, 199, 200)
IRIS_PAIRS = ((468, 473), (469, 476), (470, 475), (471, 474), (472, 477))


def _mirror_478() -> IntArray:
    """(478,) int32: the point on the other side of the face; midline points are their own mirror."""
    mirror = np.arange(478, dtype=np.int32)
    right = np.setdiff1d(np.arange(248), MIDLINE_478)
    mirror[right], mirror[248:468] = np.arange(248, 468), right
    for one, other in IRIS_PAIRS:
        mirror[[one, other]] = other, one
    return mirror


MIRROR_478: IntArray = _mirror_478()
MIRROR_68: IntArray = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        *(64, 63, 62, 61, 60, 67, 66, 65),
    ],
    dtype=np.int32,
)

MIRROR: dict[str, IntArray] = {"mediapipe478": MIRROR_478, "ibug68": MIRROR_68}

# Of the mesh, the outer and inner edge of the upper lip, from right to left, and the points opposite them.
UPPER_LIP = (185, 40, 39, 37, 0, 267, 269, 270, 409, 191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_LIP = (146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324)

# For each of the 68 points, the mesh points whose mean it is.
MESH_OF_IBUG68: tuple[tuple[int, ...], ...] = (
    *((127,), (234,), (93,), (132, 58), (58, 172), (136,), (150,), (176,), (152,)),
    *((400,), (379,), (365,), (397, 288), (288, 361), (323,), (454,), (356,)),
    *((70,), (63,), (105,), (66,), (107,), (336,), (296,), (334,), (293,), (300,)),
    *((168, 6), (197, 195), (5,), (4,), (75,), (97,), (2,), (326,), (305,)),
    *((33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,)),
    *((61,), (39,), (37,), (0,), (267,), (269,), (291,), (321,), (314,), (17,), (84,), (91,)),
    *((78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,)),
)

# Right eye's outer corner, left eye's outer corner, right and left corner of the mouth, chin.
ANCHORS: dict[str, tuple[int, int, int, int, int]] = {
    "mediapipe478": (33, 263, 61, 291, 152),
    "ibug68": (36, 45, 48, 54, 8),
}
# Points that span the box of the face: all but the irises, which lie inside it anyway.
OUTLINE: dict[str, slice] = {"mediapipe478": slice(0, 468), "ibug68": slice(0, 68)}


def to_ibug68(landmarks: Landmarks) -> Landmarks:
    """The 68 points of a 478-point mesh; a 68-point record comes back unchanged.

    A point is hidden when any mesh point it is the mean of is hidden; its sigma is their root mean square.
    """
    if landmarks.scheme == "ibug68":
        return landmarks
    if landmarks.scheme != "mediapipe478":
        raise UsageError(f"landmarks of scheme {landmarks.scheme} cannot be turned into ibug68")
    return replace(
        landmarks,
        scheme="ibug68",
        points=mean_over_mesh(landmarks.points),
        depth=mean_over_mesh(landmarks.depth),
        sigma=np.sqrt(mean_over_mesh(np.square(landmarks.sigma))),
        hidden=np.array([landmarks.hidden[list(i)].any() for i in MESH_OF_IBUG68]),
    )


def in_scheme(landmarks: Landmarks, scheme: str) -> Landmarks:
    """The landmarks in the scheme asked for; 68 points cannot become 478."""
    if scheme not in SCHEMES:
        raise UsageError(f"unknown landmark scheme {scheme!r}; choose one of {', '.join(SCHEMES)}")
    if scheme == landmarks.scheme:
        return landmarks
    if scheme == "ibug68":
        return to_ibug68(landmarks)
    raise UsageError(f"{landmarks.detector} gives 68 landmarks; {scheme} needs the mediapipe detector")


def mean_over_mesh(values: NDArray[Any]) -> NDArray[Any]:
    """Values at the 68 points as means of values at the mesh points: (478, ...) to (68, ...) float32."""
    return np.stack([values[list(i)].mean(axis=0) for i in MESH_OF_IBUG68]).astype(np.float32)
