"""Any file that facekit writes or reads, as flat keys and values: for looking at files and comparing them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facekit.files.atomic import PathLike
from facekit.files.capture import KIND as CAPTURE
from facekit.files.capture import VERSION as CAPTURE_VERSION
from facekit.files.capture import capture_values, is_capture, read_capture
from facekit.files.images import read_photo
from facekit.files.meshes import SUFFIXES, read_mesh
from facekit.files.npz import HEADER, read_any, to_arrays
from facekit.files.reading import name_content, read_bytes, read_json
from facekit.files.weights import decode_weights
from facekit.records import Record, Step


@dataclass(frozen=True)
class Contents:
    """What a file holds."""

    kind: str  # a record's kind, or "capture", "mesh", "picture", "weights", "json"
    values: dict[str, Any]  # arrays and plain values by key, nested ones with a dot
    version: int = 1
    history: tuple[Step, ...] = field(default=(), compare=False)


def read_contents(path: PathLike) -> Contents:
    """Read whatever the file is, by its first bytes. Raises UnreadableError, WrongKindError."""
    suffix = Path(path).suffix.lower()
    if is_capture(path):
        capture = read_capture(path)
        return Contents(CAPTURE, capture_values(capture), CAPTURE_VERSION, capture.history)
    if suffix == ".json":
        return Contents("json", flatten(read_json(path)))
    if suffix in SUFFIXES:
        return Contents("mesh", _given(read_mesh(path)))
    data = read_bytes(path)
    content = name_content(data)
    if content == "a safetensors file":
        arrays, metadata = decode_weights(data, path)
        return Contents("weights", {**{f"metadata.{key}": text for key, text in metadata.items()}, **arrays})
    if "picture" in content or content.startswith("an AVIF"):
        return Contents("picture", _given(read_photo(path)))
    record = read_any(path)
    return Contents(record.KIND, record_values(record), record.VERSION, record.history)


def record_values(record: Record) -> dict[str, Any]:
    """The fields of a record, nested ones and those of its JSON texts with a dot; history left out."""
    values: dict[str, Any] = {}
    for key, array in to_arrays(record).items():
        if key.rpartition(".")[2] == HEADER:
            continue
        if key.rpartition(".")[2] == "stats":
            values |= flatten(json.loads(array.item()), f"{key}.")
        else:
            values[key] = array if array.ndim else array.item()
    return values


def flatten(document: Any, prefix: str = "") -> dict[str, Any]:
    """A JSON document as dotted keys; lists of numbers stay together, other lists count their members."""
    if isinstance(document, list):
        if document and all(
            isinstance(item, int | float) and not isinstance(item, bool) for item in document
        ):
            return {prefix.removesuffix("."): np.array(document)}
        document = {str(index): item for index, item in enumerate(document)}
    if not isinstance(document, Mapping):
        return {prefix.removesuffix("."): "null" if document is None else document}
    values: dict[str, Any] = {}
    for key, item in document.items():
        values |= flatten(item, f"{prefix}{key}.")
    return values


def _given(thing: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(thing).items() if value is not None}
