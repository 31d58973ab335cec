"""FLAME 2017 to 2023 (Li et al., Learning a model of facial shape and expression from 4D scans, 2017).

FLAME's first 300 shape modes are identity, the next 100 expression, both in standard deviations. Jaw, neck
and eyes turn about joints by linear blend skinning. facekit's models are linear, so each turn enters as one
more expression mode: the displacement per radian of the skinned template, times a typical angle. A jaw opened
by 0.3 rad then lies within a few millimetres of FLAME's own; larger angles stretch, which the bounds prevent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial.transform import Rotation

from facekit.errors import WrongKindError
from facekit.morphable.formats.surface import plain_topology, vertex_points
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import Embedding
from facekit.records import FloatArray, IntArray

IDENTITY_MODES = 300
LICENCE = "FLAME licence of its release (flame.is.tue.mpg.de); not shipped with facekit"
NECK, JAW, LEFT_EYE, RIGHT_EYE = 1, 2, 3, 4

# joint, axis, radians per standard deviation, lower and upper bound in standard deviations
TURNS = (
    (JAW, 0, 0.12, -0.25, 3.0),
    (JAW, 1, 0.04, -2.5, 2.5),
    (NECK, 0, 0.1, -3.0, 3.0),
    (NECK, 1, 0.1, -3.0, 3.0),
    (NECK, 2, 0.1, -3.0, 3.0),
    (LEFT_EYE, 0, 0.12, -3.0, 3.0),
    (LEFT_EYE, 1, 0.2, -3.0, 3.0),
    (RIGHT_EYE, 0, 0.12, -3.0, 3.0),
    (RIGHT_EYE, 1, 0.2, -3.0, 3.0),
)


def is_flame(arrays: Mapping[str, Any]) -> bool:
    """Whether the entries of a file are those of a FLAME model."""
    return {"v_template", "shapedirs", "f", "weights", "J_regressor"} <= arrays.keys()


def flame_model(
    arrays: Mapping[str, Any],
    embedding: Mapping[str, Any] | None = None,
    masks: Mapping[str, Any] | None = None,
    name: str = "flame",
) -> FaceModel:
    """A FLAME file's entries as a model of identity, expression and turns.

    arrays: ``v_template`` (V, 3) m, ``shapedirs`` (V, 3, K), ``f`` (F, 3), ``posedirs`` (V, 3, 36),
    ``J_regressor`` (J, V), ``weights`` (V, J), ``kintree_table`` (2, J). embedding: ``full_lmk_faces_idx``,
    ``full_lmk_bary_coords`` of FLAME's landmark_embedding.npy. masks: region name -> vertex list,
    FLAME_masks.pkl. Raises WrongKindError.
    """
    template = _numbers(arrays, "v_template")
    shapes = _numbers(arrays, "shapedirs")
    if template.ndim != 2 or shapes.ndim != 3 or shapes.shape[:2] != template.shape:
        raise WrongKindError(
            f"FLAME's shapedirs {shapes.shape} do not belong to its v_template {template.shape}"
        )
    modes = np.moveaxis(shapes, 2, 0)
    identity = min(IDENTITY_MODES, len(modes))
    turns = turn_modes(arrays, template)
    basis = np.concatenate([modes, turns]).astype(np.float32)
    lower, upper = np.full(len(basis), -np.inf), np.full(len(basis), np.inf)
    lower[identity : len(modes)], upper[identity : len(modes)] = -3.0, 3.0
    lower[len(modes) :] = [turn[3] for turn in TURNS[: len(turns)]]
    upper[len(modes) :] = [turn[4] for turn in TURNS[: len(turns)]]
    faces = _numbers(arrays, "f").astype(np.int64)
    regions = {key: np.asarray(value) for key, value in (masks or {}).items()}
    topology = plain_topology(template, faces, regions)
    if embedding is not None:
        points = landmark_embedding(embedding, topology.faces)
        topology = replace(topology, embeddings={"ibug68": points})
    return FaceModel(
        name=name,
        licence=LICENCE,
        topology=topology,
        mean=template,
        basis=basis,
        blocks=(Block("identity", 0, identity), Block("expression", identity, len(basis))),
        expression_names=(),
        expression_scale=np.zeros(0),
        lower=lower,
        upper=upper,
        arkit_map=np.zeros((0, len(basis))),
    )


def turn_modes(arrays: Mapping[str, Any], template: FloatArray) -> FloatArray:
    """Displacement (9, V, 3) m of the template for one standard deviation of each of :data:`TURNS`; (0, V, 3)
    where the file has not FLAME's five joints."""
    weights = _numbers(arrays, "weights")
    if weights.shape != (len(template), 5):
        return np.zeros((0, *template.shape))
    modes = []
    for joint, axis, angle, low, _ in TURNS:
        turn = np.zeros((5, 3))
        turn[joint, axis] = 2 * angle
        forward = posed(arrays, template, turn) - template
        one_sided = low > -1.0  # the jaw opens only: a secant over the angles in use
        modes.append(
            (forward if one_sided else (forward - (posed(arrays, template, -turn) - template)) / 2) / 2
        )
    return np.stack(modes)


def posed(arrays: Mapping[str, Any], shape: FloatArray, turns: FloatArray) -> FloatArray:
    """FLAME's skinning: a shape (V, 3) m with joints turned by axis-angle vectors ``turns`` (J, 3) radians ->
    (V, 3) m.
    """
    weights, regressor = _numbers(arrays, "weights"), _numbers(arrays, "J_regressor")
    parents = _parents(arrays)
    rotation = Rotation.from_rotvec(turns).as_matrix()
    joints = regressor @ shape
    corrected = np.asarray(shape, float)
    if "posedirs" in arrays:
        correctives = _numbers(arrays, "posedirs")
        features = (rotation[1:] - np.eye(3)).ravel()
        corrected = corrected + correctives[..., : len(features)] @ features[: correctives.shape[2]]
    world, place = [rotation[0]], [joints[0]]
    for joint in range(1, len(joints)):
        parent = int(parents[joint])
        world.append(world[parent] @ rotation[joint])
        place.append(world[parent] @ (joints[joint] - joints[parent]) + place[parent])
    moved = np.stack([(corrected - j) @ w.T + p for j, w, p in zip(joints, world, place, strict=True)])
    return np.einsum("vj,jvd->vd", weights, moved)


def landmark_embedding(entries: Mapping[str, Any], faces: IntArray) -> Embedding:
    """FLAME's 68 landmarks from landmark_embedding.npy (``full_lmk_*``), or 68 vertex numbers under
    ``vertices``.
    """
    if "vertices" in entries:
        return vertex_points(faces, np.asarray(entries["vertices"]).ravel())
    if not {"full_lmk_faces_idx", "full_lmk_bary_coords"} <= entries.keys():
        raise WrongKindError(
            "the landmark embedding has no full_lmk_faces_idx and full_lmk_bary_coords for 68 points"
        )
    face = np.asarray(entries["full_lmk_faces_idx"], np.int64).reshape(-1)
    bary = np.asarray(entries["full_lmk_bary_coords"], np.float32).reshape(-1, 3)
    if len(face) != 68 or len(bary) != 68 or face.min() < 0 or face.max() >= len(faces):
        raise WrongKindError(
            f"the landmark embedding has {len(face)} points for other triangles; 68 were expected"
        )
    return Embedding(face.astype(np.int32), bary, faces[face])


def _parents(arrays: Mapping[str, Any]) -> IntArray:
    if "kintree_table" in arrays:
        return np.asarray(arrays["kintree_table"])[0].astype(np.int64)
    return np.array([-1, 0, 1, 1, 1])


def _numbers(arrays: Mapping[str, Any], key: str) -> FloatArray:
    """An entry as a dense array. Raises WrongKindError where it is missing or no array."""
    if key not in arrays:
        raise WrongKindError(f"this FLAME file has no {key}; fetch the generic model again")
    value = arrays[key]
    value = value.toarray() if sparse.issparse(value) else value
    if not isinstance(value, (np.ndarray, list, tuple)) or np.asarray(value).dtype == object:
        raise WrongKindError(f"{key} of this FLAME file is not stored as an array and cannot be used")
    return np.asarray(value, np.float64)
