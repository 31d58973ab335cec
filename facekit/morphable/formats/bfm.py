"""Basel Face Models: 2009 (Paysan et al.; .mat) and 2017 and 2019 (Gerig et al.; .h5).

2009 stores micrometres and standard deviations, 2017 and 2019 millimetres and variances; the cut of 35,709
vertices that Deep3DFaceReconstruction uses stores decimetres with the standard deviations already multiplied
in. All of them have y up and the face towards +z.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from facekit.errors import WrongKindError
from facekit.morphable.formats.surface import outward, plain_topology, vertex_points
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import Topology
from facekit.records import FloatArray

LICENCE = "Basel Face Model licence of its release (faces.dmi.unibas.ch); not shipped with facekit"
MIRROR_TOLERANCE = 1e-3  # m; the mean faces are symmetric to a fraction of a millimetre only

# iBUG landmark -> vertex of the 53,490 (MPEG-4 feature points of the 2009 release)
POINTS_2009 = {
    17: 38792, 19: 40087, 21: 40514, 22: 41091, 24: 41511, 26: 42825, 30: 8319, 33: 8334, 36: 2088, 39: 5959,
    42: 10603, 45: 14472, 48: 5006, 51: 8344, 54: 11714, 57: 8374, 62: 8354, 66: 8366,
}  # fmt: skip

# iBUG landmark -> name in /metadata/landmarks of 2017 and 2019
NAMES_2017 = {
    8: "center.chin.tip",
    30: "center.nose.tip",
    31: "right.nose.wing.outer",
    35: "left.nose.wing.outer",
    36: "right.eye.corner_outer",
    39: "right.eye.corner_inner",
    42: "left.eye.corner_inner",
    45: "left.eye.corner_outer",
    48: "right.lips.corner",
    51: "center.lips.upper.outer",
    54: "left.lips.corner",
    57: "center.lips.lower.outer",
    62: "center.lips.upper.inner",
    66: "center.lips.lower.inner",
}


def is_bfm2009(arrays: Mapping[str, Any]) -> bool:
    """Whether the entries of a .mat file are those of BFM 2009."""
    return {"shapeMU", "shapePC", "shapeEV", "tl"} <= arrays.keys()


def is_bfm_front(arrays: Mapping[str, Any]) -> bool:
    """Whether the entries of a .mat file are those of the 35,709-vertex cut with expressions."""
    return {"meanshape", "idBase", "exBase", "tri"} <= arrays.keys()


def bfm2009_model(arrays: Mapping[str, Any], name: str = "bfm2009") -> FaceModel:
    """BFM 2009: ``shapeMU`` (3V, 1) um, ``shapePC`` (3V, K), ``shapeEV`` (K,) deviations, ``tl`` (F, 3) from
    1.

    It has identity modes alone. Colours are not used.
    """
    mean = _vertices(arrays["shapeMU"]) * 1e-6
    deviation = np.asarray(arrays["shapeEV"], float).ravel()
    identity = _modes(arrays["shapePC"], len(mean)) * (deviation * 1e-6)[:, None, None]
    faces = outward(mean, np.asarray(arrays["tl"]).astype(np.int64) - 1)
    return _model(name, plain_topology(mean, faces, tolerance=MIRROR_TOLERANCE), mean, identity, None)


def bfm_front_model(arrays: Mapping[str, Any], name: str = "bfm2009-front") -> FaceModel:
    """The cut of Deep3DFaceReconstruction: ``meanshape`` (3V,) dm, ``idBase`` (3V, 80), ``exBase`` (3V, 64),
    ``tri`` (F, 3) and ``keypoints`` (68,) from 1."""
    mean = _vertices(arrays["meanshape"]) * 0.1
    identity = _modes(arrays["idBase"], len(mean)) * 0.1
    expression = _modes(arrays["exBase"], len(mean)) * 0.1
    faces = outward(mean, np.asarray(arrays["tri"]).astype(np.int64) - 1)
    topology = plain_topology(mean, faces, tolerance=MIRROR_TOLERANCE)
    if "keypoints" in arrays:
        corners = np.asarray(arrays["keypoints"]).astype(np.int64).ravel() - 1
        topology = replace(topology, embeddings={"ibug68": vertex_points(faces, corners)})
    return _model(name, topology, mean, identity, expression)


def bfm2017_model(arrays: Mapping[str, Any], name: str = "bfm2017") -> FaceModel:
    """BFM 2017 or 2019 from its HDF5 entries, keyed by path: ``shape/model/{mean,pcaBasis,pcaVariance}`` and
    the same under ``expression``, mm; ``shape/representer/cells`` (3, F) or (F, 3)."""
    mean, identity = _gaussian(arrays, "shape")
    expression = None
    if "expression/model/mean" in arrays:
        shift, expression = _gaussian(arrays, "expression")
        mean = mean + shift
    cells = np.asarray(arrays["shape/representer/cells"]).astype(np.int64)
    faces = outward(mean, cells.T if cells.shape[0] == 3 else cells)
    return _model(name, plain_topology(mean, faces, tolerance=MIRROR_TOLERANCE), mean, identity, expression)


def known_landmarks(arrays: Mapping[str, Any], model: FaceModel) -> dict[int, FloatArray]:
    """The iBUG landmarks that the release itself names: index -> point (3,) m on the mean face. May be
    empty.
    """
    if is_bfm2009(arrays):
        return {row: model.mean[vertex] for row, vertex in POINTS_2009.items() if vertex < len(model.mean)}
    text = arrays.get("metadata/landmarks/json")
    if text is None:
        return {}
    text = text.decode() if isinstance(text, bytes) else str(text)
    try:
        named = {entry["id"]: np.asarray(entry["coordinates"], float) * 1e-3 for entry in json.loads(text)}
    except (ValueError, KeyError, TypeError):
        return {}
    return {row: named[name] for row, name in NAMES_2017.items() if name in named}


def _model(
    name: str, topology: Topology, mean: FloatArray, identity: FloatArray, expression: FloatArray | None
) -> FaceModel:
    basis = identity if expression is None else np.concatenate([identity, expression])
    lower, upper = np.full(len(basis), -np.inf), np.full(len(basis), np.inf)
    lower[len(identity) :], upper[len(identity) :] = -3.0, 3.0
    return FaceModel(
        name=name,
        licence=LICENCE,
        topology=topology,
        mean=mean,
        basis=basis.astype(np.float32),
        blocks=(Block("identity", 0, len(identity)), Block("expression", len(identity), len(basis))),
        expression_names=(),
        expression_scale=np.zeros(0),
        lower=lower,
        upper=upper,
        arkit_map=np.zeros((0, len(basis))),
    )


def _gaussian(arrays: Mapping[str, Any], part: str) -> tuple[FloatArray, FloatArray]:
    """Mean (V, 3) m and modes (K, V, 3) m per standard deviation of one part of a 2017 or 2019 file."""
    missing = [key for key in ("mean", "pcaBasis", "pcaVariance") if f"{part}/model/{key}" not in arrays]
    if missing:
        raise WrongKindError(f"this file has no {part}/model/{missing[0]}, so it is not BFM 2017 or 2019")
    mean = _vertices(arrays[f"{part}/model/mean"]) * 1e-3
    deviation = np.sqrt(np.asarray(arrays[f"{part}/model/pcaVariance"], float).ravel())
    return mean, _modes(arrays[f"{part}/model/pcaBasis"], len(mean)) * (deviation * 1e-3)[:, None, None]


def _vertices(flat: Any) -> FloatArray:
    flat = np.asarray(flat, np.float64).ravel()
    if flat.size % 3:
        raise WrongKindError(f"a mean shape of {flat.size} numbers does not split into vertices")
    return flat.reshape(-1, 3)


def _modes(columns: Any, size: int) -> FloatArray:
    columns = np.asarray(columns, np.float64)
    if columns.ndim != 2 or columns.shape[0] != 3 * size:
        raise WrongKindError(f"modes of shape {columns.shape} do not belong to a mean of {size} vertices")
    return columns.T.reshape(-1, size, 3)
