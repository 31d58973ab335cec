"""A face model as named arrays with metadata, the form in which it is stored, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import WrongKindError
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import REGIONS, Embedding, Topology

FORMAT, VERSION = "facekit-face-model", 1
TOPOLOGY = {"faces": np.int32, "uv": np.float32, "uv_faces": np.int32, "mirror": np.int32, "parts": np.uint8}

Arrays = dict[str, NDArray[Any]]


def to_arrays(model: FaceModel) -> tuple[Arrays, dict[str, str]]:
    """Arrays and metadata of a model; floats are stored in the smallest type that holds them exactly."""
    topology = model.topology
    arrays: Arrays = {name: getattr(topology, name).astype(dtype) for name, dtype in TOPOLOGY.items()}
    for name in ("mean", "basis", "expression_scale", "lower", "upper"):
        arrays[name] = _smallest(getattr(model, name))
    if model.arkit_map is not None:
        arrays["arkit_map"] = _smallest(model.arkit_map)
    for name, weight in topology.regions.items():
        arrays[f"regions.{name}"] = _smallest(weight)
    for name, embedding in topology.embeddings.items():
        arrays[f"embeddings.{name}.face"] = embedding.face.astype(np.int32)
        arrays[f"embeddings.{name}.bary"] = embedding.bary.astype(np.float32)
    if model.albedo is not None:
        for name in ("mean", "basis", "mask"):
            arrays[f"albedo.{name}"] = getattr(model.albedo, name)
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "name": model.name,
        "licence": model.licence,
        "units": "m; modes in m per standard deviation; y up, face along +z, subject's left at +x",
        "blocks": json.dumps([[block.name, block.start, block.stop] for block in model.blocks]),
        "expression_names": json.dumps(list(model.expression_names)),
        "digest": model.digest,
    }
    return arrays, metadata


def from_arrays(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> FaceModel:
    """The model of such arrays. Raises WrongKindError for other arrays or a later version."""
    if metadata.get("format") != FORMAT:
        raise WrongKindError("these weights are not a facekit face model")
    if int(metadata.get("version", "0")) > VERSION:
        raise WrongKindError(
            f"the face model has version {metadata['version']}: this facekit reads {VERSION}"
        )
    faces = arrays["faces"].astype(np.int32)
    stored = sorted(name[8:] for name in arrays if name.startswith("regions."))
    stored.sort(key=lambda name: REGIONS.index(name) if name in REGIONS else len(REGIONS))
    regions = {name: arrays[f"regions.{name}"].astype(np.float32) for name in stored}
    embeddings = {}
    for key in sorted(arrays):
        if key.startswith("embeddings.") and key.endswith(".face"):
            name, face = key.split(".")[1], arrays[key].astype(np.int32)
            bary = arrays[f"embeddings.{name}.bary"].astype(np.float32)
            embeddings[name] = Embedding(face, bary, faces[face])
    structure = {name: arrays[name].astype(dtype) for name, dtype in TOPOLOGY.items()}
    topology = Topology(**structure, regions=regions, embeddings=embeddings)
    return FaceModel(
        name=metadata["name"],
        licence=metadata["licence"],
        topology=topology,
        mean=arrays["mean"].astype(np.float64),
        basis=arrays["basis"].astype(np.float32),
        blocks=tuple(Block(n, int(a), int(b)) for n, a, b in json.loads(metadata["blocks"])),
        expression_names=tuple(json.loads(metadata["expression_names"])),
        expression_scale=arrays["expression_scale"].astype(np.float64),
        lower=arrays["lower"].astype(np.float64),
        upper=arrays["upper"].astype(np.float64),
        albedo=_albedo(arrays),
        arkit_map=arrays["arkit_map"].astype(np.float64) if "arkit_map" in arrays else None,
    )


def _albedo(arrays: Mapping[str, NDArray[Any]]) -> Any:
    if "albedo.mean" not in arrays:
        return None
    from facekit.morphable.albedo import AlbedoModel

    return AlbedoModel(**{name: arrays[f"albedo.{name}"] for name in ("mean", "basis", "mask")})


def _smallest(array: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        for dtype in (np.float16, np.float32):
            small = array.astype(dtype)
            if np.array_equal(small.astype(array.dtype), array):
                return small
    return array
