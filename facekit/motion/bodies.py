"""The body of 22 joints that AMASS files move, with bones of facekit's own.

Names, order and rest pose (arms out to the sides) are those of SMPL. The SMPL model itself is licensed and
not part of facekit: the bones below are those of any person of about 1.70 m, so joints lie a few centimetres
from where SMPL has them.
"""

from __future__ import annotations

import numpy as np

from facekit.motion.skeleton import Skeleton, make_skeleton

# Joint, parent, offset from the parent in m; those of the left side, the right side is its mirror image.
_MIDDLE_AND_LEFT = (
    ("pelvis", "", (0.0, 0.0, 0.0)),
    ("left_hip", "pelvis", (0.075, -0.085, 0.0)),
    ("spine1", "pelvis", (0.0, 0.11, -0.015)),
    ("left_knee", "left_hip", (0.02, -0.395, 0.0)),
    ("spine2", "spine1", (0.0, 0.135, 0.0)),
    ("left_ankle", "left_knee", (-0.01, -0.41, -0.03)),
    ("spine3", "spine2", (0.0, 0.055, 0.01)),
    ("left_foot", "left_ankle", (0.025, -0.06, 0.12)),
    ("neck", "spine3", (0.0, 0.21, -0.03)),
    ("left_collar", "spine3", (0.08, 0.12, -0.02)),
    ("head", "neck", (0.0, 0.09, 0.05)),
    ("left_shoulder", "left_collar", (0.105, 0.03, -0.01)),
    ("left_elbow", "left_shoulder", (0.265, -0.01, -0.02)),
    ("left_wrist", "left_elbow", (0.25, 0.01, 0.0)),
)
PELVIS = (0.0, -0.23, 0.03)  # m, of the resting pelvis in the frame of SMPL, about which AMASS translates


def _with_right() -> Skeleton:
    rows = []
    for name, parent, offset in _MIDDLE_AND_LEFT:
        rows.append((name, parent, offset))
        if name.startswith("left"):
            other = parent.replace("left", "right")
            rows.append((name.replace("left", "right"), other, (-offset[0], *offset[1:])))
    names = [name for name, _, _ in rows]
    parents = [names.index(parent) if parent else -1 for _, parent, _ in rows]
    return make_skeleton(names, parents, np.array([offset for _, _, offset in rows]))


SMPL_BODY = _with_right()
