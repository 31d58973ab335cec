"""Errors of body poses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def mpjpe(joints: Floats, truth: Floats, which: Bools | None = None) -> Floats:
    """Mean distance of the joints from their true places, frame by frame (MPJPE of FLAG, Table 2).

    joints, truth (..., J, 3); which (J,) or None for all. The result (...,) has the unit of the joints.
    """
    distance = np.linalg.norm(np.asarray(joints, float) - np.asarray(truth, float), axis=-1)
    return (distance if which is None else distance[..., which]).mean(-1)
