"""Small motions to test with."""

from __future__ import annotations

import numpy as np

from facekit.motion.bodies import SMPL_BODY
from facekit.motion.skeleton import Skeleton, make_skeleton
from facekit.records import Motion

PLAIN = make_skeleton(
    [
        *("root", "chest", "neck", "right_hip", "right_knee", "right_ankle"),
        *("right_shoulder", "right_elbow", "right_wrist", "left_hip", "left_knee", "left_ankle"),
        *("left_shoulder", "left_elbow", "left_wrist"),
    ],
    [-1, 0, 1, 0, 3, 4, 1, 6, 7, 0, 9, 10, 1, 12, 13],
    np.array(
        [
            *([0, 0, 0], [0, 0.24, 0], [0, 0.22, 0], [-0.08, 0, 0], [0, -0.42, 0], [0, -0.41, 0]),
            *([-0.18, 0.24, -0.02], [0, -0.27, 0], [0, -0.26, 0], [0.08, 0, 0], [0, -0.42, 0]),
            *([0, -0.41, 0], [0.18, 0.24, -0.02], [0, -0.27, 0], [0, -0.26, 0]),
        ]
    ),
)


def a_motion(
    skeleton: Skeleton = PLAIN,
    frames: int = 8,
    seed: int = 0,
    clip: str = "wave",
    subject: str = "",
    spread: float = 0.3,
) -> Motion:
    """Smooth turns of every joint about a standing body."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 2 * np.pi, frames)[:, None, None]
    swing = rng.normal(size=(1, skeleton.size, 3)) * np.sin(time + rng.uniform(0, 6, (1, skeleton.size, 1)))
    turns = spread * (rng.normal(size=(1, skeleton.size, 3)) + swing)
    root = np.array([0.0, 0.9, 0.0]) + 0.1 * rng.normal(size=(frames, 3))
    return Motion(
        clip=clip,
        subject=subject,
        fps=30.0,
        joint_names=np.array(skeleton.names),
        parents=np.array(skeleton.parents, np.int32),
        offsets=skeleton.offsets.astype(np.float32),
        rotations=turns.astype(np.float32),
        root=root.astype(np.float32),
    )


__all__ = ["PLAIN", "SMPL_BODY", "a_motion"]
