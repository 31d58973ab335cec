"""The ICT Face Model Light (ICT-FaceKit 2020, MIT): a folder of OBJ files, or all of it in one .npz.

Centimetres, y up, +z to the camera, subject's left at +x. The identity files are meshes one standard
deviation from the neutral face, the expression files meshes at weight one. Expressions carry ARKit names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from facekit.errors import WrongKindError
from facekit.morphable.formats.surface import plain_topology, triangles, vertex_points
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import PARTS
from facekit.records import FloatArray, IntArray

LICENCE = "MIT, Copyright (c) 2020 USC Institute for Creative Technologies"
WEIGHT_PER_DEVIATION = 0.25  # ARKit weights of speech and everyday expressions mostly stay below one half
CENTIMETRE = 0.01

# vertex ranges of the released mesh of 26,719 vertices
RELEASED = 26719
NARROW_FACE, FACE = 6706, 9409
RANGES = (
    ("mouth", 11248, 13294),
    ("socket", 13294, 14062),
    ("mouth", 14062, 17039),
    ("teeth", 17039, 21451),
    ("left_eye", 21451, 23021),
    ("right_eye", 23021, 24591),
    ("left_eye", 24591, 24795),
    ("right_eye", 24795, 24999),
)


def is_ict(arrays: Mapping[str, Any]) -> bool:
    """Whether the entries of an .npz file are those of ICT Face Model Light."""
    return {"v", "id_basis", "exp_basis", "exp_names"} <= arrays.keys()


def ict_model(arrays: Mapping[str, Any], name: str = "ict") -> FaceModel:
    """The entries of ``ict_face_model_light.npz``, cm: ``v`` (V, 3), ``id_basis`` (100, V, 3) and
    ``id_scale``, ``exp_basis`` and ``exp_scale``, ``exp_names``, ``tri`` (or ``quads``), ``uv``, ``uv_tri``,
    ``lmk68`` (68,), ``mirror`` (V,)."""
    faces = triangles(arrays["tri"] if "tri" in arrays else arrays["quads"])
    chart = None
    if "uv" in arrays and ("uv_tri" in arrays or "uv_quads" in arrays):
        uv_faces = triangles(arrays["uv_tri"] if "uv_tri" in arrays else arrays["uv_quads"])
        chart = (np.asarray(arrays["uv"], np.float32), uv_faces)
    names = tuple(str(n) for n in arrays["exp_names"])
    return linear_ict(
        name,
        np.asarray(arrays["v"], float),
        faces,
        chart,
        (_scaled(arrays, "id"), _scaled(arrays, "exp")),
        names,
        arrays,
    )


def linear_ict(
    name: str,
    neutral: FloatArray,
    faces: IntArray,
    chart: tuple[FloatArray, IntArray] | None,
    modes: tuple[FloatArray, FloatArray],
    names: tuple[str, ...],
    extra: Mapping[str, Any],
) -> FaceModel:
    """The model of displacements in cm: identity (100, V, 3) per standard deviation, expression (53, V, 3) at
    weight one.

    neutral (V, 3) cm; chart: uv and uv_faces in the UDIM tiles of the release; ``extra`` may hold ``lmk68``
    (68,) vertices and ``mirror`` (V,).
    """
    mean = np.asarray(neutral, np.float64) * CENTIMETRE
    identity, expression = modes
    if identity.shape[1:] != mean.shape or expression.shape[1:] != mean.shape:
        raise WrongKindError(
            "the ICT identity or expression meshes do not have the vertices of the neutral mesh"
        )
    basis = np.concatenate([identity, expression * WEIGHT_PER_DEVIATION]) * CENTIMETRE
    lower, upper = np.full(len(basis), -np.inf), np.full(len(basis), np.inf)
    lower[len(identity) :], upper[len(identity) :] = 0.0, 1.0 / WEIGHT_PER_DEVIATION
    topology = plain_topology(mean, faces, chart=None if chart is None else one_tile(*chart))
    topology = replace(topology, parts=_parts(len(mean)), regions=_regions(len(mean)))
    if "mirror" in extra:
        topology = replace(topology, mirror=np.asarray(extra["mirror"], np.int32))
    if "lmk68" in extra:
        topology = replace(topology, embeddings={"ibug68": vertex_points(faces, np.asarray(extra["lmk68"]))})
    return FaceModel(
        name=name,
        licence=LICENCE,
        topology=topology,
        mean=mean,
        basis=basis.astype(np.float32),
        blocks=(Block("identity", 0, len(identity)), Block("expression", len(identity), len(basis))),
        expression_names=names,
        expression_scale=np.full(len(names), WEIGHT_PER_DEVIATION),
        lower=lower,
        upper=upper,
    )


def _scaled(arrays: Mapping[str, Any], kind: str) -> FloatArray:
    basis = np.asarray(arrays[f"{kind}_basis"], np.float32)
    scale = np.asarray(arrays.get(f"{kind}_scale", np.ones(len(basis))), np.float32)
    return basis * scale[:, None, None]


def one_tile(uv: FloatArray, uv_faces: IntArray) -> tuple[FloatArray, IntArray]:
    """UDIM tiles packed into one square: the face's tile 0 above, the others side by side in the lowest
    quarter.
    """
    tile = np.floor(uv[uv_faces].mean(axis=1)[:, 0]).astype(np.int64)
    if tile.max() <= 0:
        return uv, uv_faces
    key, row = np.unique(np.stack([uv_faces.ravel(), np.repeat(tile, 3)]), axis=1, return_inverse=True)
    placed = np.asarray(uv, np.float64)[key[0]]
    count = tile.max()
    inside = placed[:, 0] - key[1]
    other = key[1] > 0
    placed[:, 0] = np.where(other, (key[1] - 1 + inside) / count, inside)
    placed[:, 1] = np.where(other, placed[:, 1] * 0.25, 0.25 + placed[:, 1] * 0.75)
    return placed.astype(np.float32), row.reshape(-1, 3).astype(np.int32)


def _parts(size: int) -> IntArray:
    parts = np.zeros(size, np.uint8)
    if size == RELEASED:
        for name, start, stop in RANGES:
            parts[start:stop] = PARTS.index(name)
    return parts


def _regions(size: int) -> dict[str, FloatArray]:
    """Narrow and whole face by vertex range, on the released mesh only."""
    if size != RELEASED:
        return {}
    return {
        name: (np.arange(size) < stop).astype(np.float32)
        for name, stop in (("narrow_face", NARROW_FACE), ("face", FACE))
    }
