"""Eyeballs kept behind the lids: linear blinks let the lids pass a millimetre or two through the eyeball."""

from __future__ import annotations

import numpy as np

from facekit.morphable.topology import Topology
from facekit.records import FloatArray

NEAR = 0.022  # m from the middle of the eye: skin that can be a lid
CONE = np.cos(np.deg2rad(9.0))  # a lid vertex presses on eyeball vertices in this cone
SLACK = 0.0001  # m


def tuck_eyes(topology: Topology, vertices: FloatArray) -> FloatArray:
    """Vertices (V, 3) m with eyeball vertices drawn back to where the skin in front of them leaves room."""
    tucked = vertices.copy()
    skin = vertices[topology.part("skin")]
    for name in ("left_eye", "right_eye"):
        rows = np.flatnonzero(topology.part(name))
        if not len(rows):
            continue
        ball = vertices[rows]
        middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
        offset = ball - middle
        radius = np.linalg.norm(offset, axis=1)
        lid = skin[np.linalg.norm(skin - middle, axis=1) < NEAR] - middle
        lid = lid[lid[:, 2] > 0]
        if not len(lid):
            continue
        reach = np.linalg.norm(lid, axis=1)
        cosine = (offset / radius[:, None]) @ (lid / reach[:, None]).T
        room = np.where(cosine > CONE, reach[None] + SLACK, np.inf).min(axis=1)
        tucked[rows] = (
            middle + offset * (np.minimum(radius, np.maximum(room, 0.7 * radius)) / radius)[:, None]
        )
    return tucked
