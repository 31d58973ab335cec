"""Which vertices a fit knows, and which hidden ones are worth varying."""

from __future__ import annotations

import numpy as np

from facekit.errors import UsageError
from facekit.geometry.mesh import geodesic_distance
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, FloatArray

FACE_REGIONS = ("narrow_face", "face")  # the first that a model has
BESIDE_FACE = 0.25  # weight of what is seen outside the face
FEWEST = 20  # vertices that make a face worth varying
FEATHER = 6e-3  # m, over which a region that alone varies passes into the rest


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


def region_weight(model: FaceModel, name: str) -> FloatArray:
    """Weight (V,) of a region that alone may vary: 0 outside, rising to 1 within FEATHER of its border.

    The border to what lies behind lips and lids is sharp, so that these can move. Raises UsageError for a
    region that the model does not have.
    """
    regions, topology = model.topology.regions, model.topology
    if name not in regions:
        known = ", ".join(sorted(regions)) or "no regions"
        raise UsageError(f"{model.name} has no region {name}; it has {known}")
    inside, skin = np.asarray(regions[name]) > 0.5, topology.part("skin")
    outside = np.flatnonzero(skin & ~inside)
    if not inside.any() or not len(outside):
        return inside.astype(np.float64)
    faces = topology.faces[skin[topology.faces].all(axis=1)]
    ramp = np.clip(geodesic_distance(model.mean, faces, outside, limit=FEATHER) / FEATHER, 0.0, 1.0)
    return np.where(inside, np.where(skin, ramp * ramp * (3 - 2 * ramp), 1.0), 0.0)


def _face(model: FaceModel) -> FloatArray | None:
    for region in FACE_REGIONS:
        if region in model.topology.regions:
            return np.asarray(model.topology.regions[region], np.float64)
    return None
