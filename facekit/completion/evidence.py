"""Which vertices a fit knows, and which hidden ones are worth varying."""

from __future__ import annotations

import numpy as np

from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, FloatArray

FACE_REGIONS = ("narrow_face", "face")  # the first that a model has
BESIDE_FACE = 0.25  # weight of what is seen outside the face
FEWEST = 20  # vertices that make a face worth varying


def evidence(visible: BoolArray, model: FaceModel) -> FloatArray:
    """Weight (V,) with which vertices count as seen: 1 on the face, a quarter on neck and scalp, 0 where
    hidden.

    Hair and clothes cover neck and scalp in most photos, so that the fit's surface there is a guess.
    """
    face = _face(model)
    return visible * (1.0 if face is None else np.where(face > 0.5, 1.0, BESIDE_FACE))


def watched(visible: BoolArray, model: FaceModel) -> FloatArray:
    """Weight (V,) of the hidden vertices that a viewer looks at: those of the face; all of them where few
    are.

    The back of the head is hidden in every photo; its size is no diversity worth having.
    """
    hidden, face = (~visible).astype(np.float64), _face(model)
    if face is None or np.count_nonzero(hidden * face > 0.01) < FEWEST:
        return hidden
    return np.where(hidden * face > 0.01, hidden * face, 0.0)


def _face(model: FaceModel) -> FloatArray | None:
    for region in FACE_REGIONS:
        if region in model.topology.regions:
            return np.asarray(model.topology.regions[region], np.float64)
    return None
