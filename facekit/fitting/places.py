"""Where patch experts look: points spread over the narrow face, denser where features are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.landmark_model import landmark_model
from facekit.morphable.model import FaceModel

COUNT = 200


def expert_places(model: FaceModel, count: int = COUNT) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """About ``count`` points (P, 3) m on the mean face, and for each the one that takes its place in the
    mirror.

    The inner iBUG landmarks, then always the vertex farthest from those chosen; one half and its mirror
    image.
    """
    topology, mean = model.topology, model.mean
    skin = np.asarray(topology.regions["narrow_face"]) > 0.5
    skin &= topology.part("skin") & (topology.mirror >= 0)
    candidates = np.flatnonzero(skin & (mean[:, 0] <= 1e-6))
    marks = landmark_model(model, "ibug68").mean[17:]
    nearest = [int(candidates[np.linalg.norm(mean[candidates] - p, axis=1).argmin()]) for p in marks]
    chosen = list(dict.fromkeys(nearest))
    gap = np.linalg.norm(mean[candidates][:, None] - mean[chosen][None], axis=2).min(1)
    while len(chosen) < count // 2:
        new = int(candidates[gap.argmax()])
        chosen.append(new)
        gap = np.minimum(gap, np.linalg.norm(mean[candidates] - mean[new], axis=1))
    both = np.unique(np.r_[chosen, topology.mirror[chosen]])
    partner = np.searchsorted(both, topology.mirror[both])
    return mean[both], partner
