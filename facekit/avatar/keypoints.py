"""The keypoints that drive an avatar: contours of the face that ``facekit detect`` finds in any video.

Of the 478 points of MediaPipe's scheme: outline of the face, brows, lids, nose and lips; no irises and no
points of the smooth skin between, whose places a detector guesses.
"""

from __future__ import annotations

import numpy as np

from facekit.avatar.capture import Keypoints, blank
from facekit.errors import UsageError
from facekit.morphable.topology import Topology
from facekit.records import Camera, IntArray

SCHEME = "mediapipe478"
OVAL = (10, 21, 54, 58, 67, 93, 103, 109, 127, 132, 136, 148, 149, 150, 152, 162, 172, 176)
OVAL_LEFT = (234, 251, 284, 288, 297, 323, 332, 338, 356, 361, 365, 377, 378, 379, 389, 397, 400, 454)
RIGHT_BROW = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107)
LEFT_BROW = (276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
RIGHT_LIDS = (7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246)
LEFT_LIDS = (249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466)
NOSE = (1, 2, 4, 5, 6, 19, 45, 48, 64, 94, 97, 98, 115, 168, 195, 197, 220, 275, 278, 294, 326, 327, 344, 440)
LIPS = (0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191, 267, 269)
MORE_LIPS = (270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415)
LIP_CORNERS = (61, 291, 78, 308)
CONTOURS: IntArray = np.array(
    sorted({*OVAL, *OVAL_LEFT, *RIGHT_BROW, *LEFT_BROW, *RIGHT_LIDS, *LEFT_LIDS, *NOSE, *LIPS, *MORE_LIPS}),
    np.int32,
)


def keypoints_of(topology: Topology, camera: Camera, frames: int) -> Keypoints:
    """The contours on a mesh, seen by ``camera``, with room for ``frames``. UsageError without the scheme."""
    embedding = topology.embeddings.get(SCHEME)
    if embedding is None:
        raise UsageError(f"the face model has no landmarks of scheme {SCHEME}; use --model default")
    corners = topology.faces[embedding.face[CONTOURS]].astype(np.int32)
    bary = embedding.bary[CONTOURS].astype(np.float32)
    points = blank((frames, len(CONTOURS), 2), np.float32)
    return Keypoints(SCHEME, CONTOURS.copy(), corners, bary, camera, points)
