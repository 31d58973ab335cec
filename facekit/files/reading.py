"""Whole files into memory, with one sentence for each way in which that can fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from facekit.errors import UnreadableError
from facekit.files.atomic import PathLike

# First bytes of common files, to name what was given instead of what was expected.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"#?RADIANCE", "an HDR picture"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"glTF", "a GLB mesh"),
    (b"ply\n", "a PLY mesh"),
    (b"ply\r\n", "a PLY mesh"),
    (b"\x93NUMPY", "a single NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF document"),
    *((bytes([0x80, protocol]), "a pickle") for protocol in range(2, 6)),
)


def read_bytes(path: PathLike) -> bytes:
    """The file's bytes. Raises UnreadableError if it is missing, a folder, empty or not readable."""
    if Path(path).is_dir():
        raise UnreadableError(f"{path} is a folder, not a file")
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise UnreadableError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise UnreadableError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if not data:
        raise UnreadableError(f"{path} is empty")
    return data


def refuse_missing(path: PathLike) -> None:
    """Raise UnreadableError unless there is a file; for those that another program reads."""
    if Path(path).is_dir():
        raise UnreadableError(f"{path} is a folder, not a file")
    if not Path(path).exists():
        raise UnreadableError(f"{path} does not exist")


def read_text(path: PathLike) -> str:
    """The file's text, UTF-8 with or without a byte-order mark. Raises UnreadableError."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(f"{path} is not a text file") from None


def read_json(path: PathLike) -> Any:
    """The parsed JSON document. Raises UnreadableError naming the line where it breaks."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UnreadableError(f"{path} is not valid JSON: line {error.lineno}, {error.msg}") from None


def name_content(data: bytes) -> str:
    """What the first bytes say the file is, as words for a message: "a PNG picture"."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP picture"
    if data[4:8] == b"ftyp":
        return "an AVIF, HEIF or MP4 file"
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
        return "a safetensors file"
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    head = data[:4096].decode("utf-8", errors="ignore")
    lost = len(data[:4096]) - len(head.encode())
    printable = all(letter >= " " or letter in "\t\r\n\f" for letter in head)
    return "a text file" if printable and lost < 4 else "a file of unknown kind"
