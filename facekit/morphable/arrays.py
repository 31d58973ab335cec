"""A face model as named arrays with metadata, the form in which it is stored, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import WrongKindError
from facekit.morphable import albedo
from facekit.morphable.albedo import AlbedoModel
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import REGIONS, Embedding, Topology

FORMAT, VERSION = "facekit-face-model", 1
ALBEDO = "albedo."  # before the names of what belongs to the albedo model
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
    skin, about_skin = _skin_arrays(model.albedo) if model.albedo is not None else ({}, {})
    arrays |= {f"{ALBEDO}{name}": array for name, array in skin.items()}
    metadata = {
        **{f"{ALBEDO}{name}": text for name, text in about_skin.items()},
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
        albedo=_skin(arrays, metadata),
        arkit_map=arrays["arkit_map"].astype(np.float64) if "arkit_map" in arrays else None,
    )


def _skin_arrays(skin: AlbedoModel) -> tuple[Arrays, dict[str, str]]:
    """The arrays of an albedo file where these hold the model exactly, otherwise the whole maps."""
    try:
        arrays, metadata = albedo.to_arrays(skin)
        again = albedo.from_arrays(arrays, metadata)
        if all(np.array_equal(getattr(again, name), array) for name, array in _maps(skin).items()):
            return arrays, metadata
    except ValueError:  # not symmetric
        pass
    return {name: _smallest(array) for name, array in _maps(skin).items()}, {}


def _maps(skin: AlbedoModel) -> Arrays:
    maps = {name: getattr(skin, name) for name in ("mean", "basis", "mask", "residual")}
    return {name: array for name, array in maps.items() if array is not None}


def _skin(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> AlbedoModel | None:
    own = {name.removeprefix(ALBEDO): array for name, array in arrays.items() if name.startswith(ALBEDO)}
    about = {name.removeprefix(ALBEDO): text for name, text in metadata.items() if name.startswith(ALBEDO)}
    if not own:
        return None
    if about:
        return albedo.from_arrays(own, about)
    mask = own.pop("mask")
    return AlbedoModel(mask=mask, **{name: array.astype(np.float32) for name, array in own.items()})


def _smallest(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == np.bool_:
        return array
    with np.errstate(over="ignore"):
        for dtype in (np.float16, np.float32):
            small = array.astype(dtype)
            if np.array_equal(small.astype(array.dtype), array):
                return small
    return array
