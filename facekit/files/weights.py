"""Named arrays with their settings: safetensors files, read and written as NumPy arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from facekit.errors import UnreadableError, WrongKindError
from facekit.files.atomic import PathLike, atomic_write
from facekit.files.reading import name_content, read_bytes

Arrays = dict[str, NDArray[Any]]


def read_weights(path: PathLike) -> tuple[Arrays, dict[str, str]]:
    """The arrays and the metadata of a ``.safetensors`` file. Raises UnreadableError, WrongKindError."""
    return decode_weights(read_bytes(path), path)


def decode_weights(data: bytes, path: PathLike) -> tuple[Arrays, dict[str, str]]:
    """As ``read_weights`` for bytes in memory; ``path`` is for the messages."""
    content = name_content(data)
    if content != "a safetensors file":
        raise WrongKindError(f"{path}: expected a .safetensors file, found {content}")
    try:
        arrays = safetensors.numpy.load(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(f"{path} is damaged or incomplete; copy or write it again") from error
    return arrays, metadata


def write_weights(
    path: PathLike, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], force: bool = False
) -> None:
    """Write arrays and metadata; the same content gives the same bytes."""
    with atomic_write(path, force) as file:
        file.write(encode_weights(arrays, metadata))


def encode_weights(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a ``.safetensors`` file with its metadata in sorted order."""
    plain = safetensors.numpy.save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    length = int.from_bytes(plain[:8], "little")
    # The library stores metadata in hash order, which differs from run to run; so the header is made here.
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} | json.loads(
        plain[8 : 8 + length]
    )
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + plain[8 + length :]
