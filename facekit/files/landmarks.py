"""Landmarks from elsewhere: JSON, iBUG ``.pts``, text, ``.npy`` and ``.npz``; and facekit's own files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files.atomic import PathLike
from facekit.files.npz import HEADER, read_record
from facekit.files.reading import name_content, read_bytes, read_json, read_text
from facekit.records import SCHEMES, Landmarks

KEYS = ("points", "landmarks", "landmarks_2d", "landmarks68_2d")
SIGMA = 0.01  # of the face's longer side, where the file says nothing of its own accuracy
COUNTS = " or ".join(str(n) for n in sorted(SCHEMES.values()))

Table = dict[str, NDArray[np.float64]]


def read_landmarks(path: PathLike, size: tuple[int, ...]) -> Landmarks:
    """Landmarks of one face in a photo of ``size`` (H, W).

    * facekit's ``.landmarks.npz``: as it is; it must belong to a photo of this size.
    * JSON: a list of 68 or 478 rows [x, y] or [x, y, depth], or an object with such a list as "points" (or
      "landmarks", "landmarks_2d") and, if known, "sigma" and "hidden", a value each. A row null is missing.
    * ``.pts`` (iBUG): pixels count from 1 there; they are moved by half a pixel.
    * ``.npz`` with an array named as in JSON, ``.npy``, or text with one point a line.

    Pixels of the upright photo, corner at (0, 0). Points without "sigma" get 1 % of the face's longer side.
    Raises UnreadableError, WrongKindError (not landmarks), UsageError (not of this photo).
    """
    height, width = size[:2]
    data = read_bytes(path)
    if name_content(data) == "a zip archive" and f"{HEADER}.npy".encode() in data:
        landmarks = read_record(path, Landmarks)
        if tuple(landmarks.image_size) != (width, height):
            other = "×".join(str(n) for n in landmarks.image_size)
            raise UsageError(f"{path} belongs to a photo of {other} pixels; this one has {width}×{height}")
        return landmarks
    return _record(path, _parse(path, data), (width, height))


def _parse(path: PathLike, data: bytes) -> Table:
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        return _from_json(path, read_json(path))
    if suffix == ".pts":
        return {"points": _from_pts(path, read_text(path)) - 0.5}
    if suffix in (".npz", ".npy"):
        return _from_numpy(path, data)
    if name_content(data) == "a text file":
        return {"points": _from_lines(path, read_text(path).splitlines())}
    content = name_content(data)
    raise WrongKindError(f"{path}: expected landmarks as .json, .pts, .npz, .npy or text, found {content}")


def _from_json(path: PathLike, content: Any) -> Table:
    table = content if isinstance(content, dict) else {"points": content}
    key = next((k for k in KEYS if k in table), None)
    if key is None:
        raise WrongKindError(f"{path} has no list named {', '.join(KEYS)}")
    rows = table[key]
    if not isinstance(rows, list) or not rows:
        raise WrongKindError(f"{path}: {key} is not a list of points")
    width = max((len(r) for r in rows if isinstance(r, list)), default=2)
    points = [[np.nan] * width if row is None else row for row in rows]
    extra = {k: table[k] for k in ("sigma", "hidden") if k in table}
    return {"points": _numbers(path, points), **{k: _numbers(path, v) for k, v in extra.items()}}


def _from_pts(path: PathLike, text: str) -> NDArray[np.float64]:
    _, brace, body = text.partition("{")
    if not brace:
        raise UnreadableError(f"{path} is not a .pts file: it has no {{")
    return _from_lines(path, body.partition("}")[0].splitlines())


def _from_lines(path: PathLike, lines: list[str]) -> NDArray[np.float64]:
    rows = [line.replace(",", " ").split() for line in lines if line.strip() and not line.startswith("#")]
    return _numbers(path, rows)


def _from_numpy(path: PathLike, data: bytes) -> Table:
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        arrays = (
            {"points": loaded} if isinstance(loaded, np.ndarray) else {k: loaded[k] for k in loaded.files}
        )
    except Exception as error:  # a damaged zip raises whatever its parts raise
        raise UnreadableError(f"{path} is not a sound NumPy file") from error
    key = next((k for k in KEYS if k in arrays), None)
    if key is None:
        raise WrongKindError(f"{path} has no array named {', '.join(KEYS)}")
    extra = {k: arrays[k] for k in ("sigma", "hidden") if k in arrays}
    return {"points": _numbers(path, arrays[key]), **{k: _numbers(path, v) for k, v in extra.items()}}


def _numbers(path: PathLike, rows: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UnreadableError(f"{path}: the points are not rows of two or three numbers") from error


def _record(path: PathLike, table: Table, size: tuple[int, int]) -> Landmarks:
    """Checks, and the record."""
    points = table["points"]
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise WrongKindError(f"{path}: expected {COUNTS} rows of two or three numbers, found {points.shape}")
    scheme = next((name for name, count in SCHEMES.items() if count == len(points)), None)
    if scheme is None:
        raise WrongKindError(f"{path} has {len(points)} points; expected {COUNTS}")
    flat = points[:, :2]
    seen = np.isfinite(flat).all(axis=1)
    if seen.sum() < 6:
        raise WrongKindError(f"{path} has only {seen.sum()} points that are not missing; 6 are needed")
    low, high = flat[seen].min(axis=0), flat[seen].max(axis=0)
    side = float((high - low).max())
    if (high <= 2).all():
        raise UsageError(f"{path} holds points between 0 and 1; give them in pixels of the photo")
    if (high <= 0).any() or (low >= np.array(size)).any():
        raise UsageError(f"{path}: the points lie outside the photo of {size[0]}×{size[1]} pixels")
    sigma = table.get("sigma", np.full(len(points), SIGMA * side))
    hidden = table.get("hidden", np.zeros(len(points)))
    if sigma.shape != (len(points),) or hidden.shape != (len(points),) or not (sigma[seen] > 0).all():
        raise WrongKindError(f"{path}: sigma (positive) and hidden must have one value for each point")
    depth = points[:, 2] if points.shape[1] == 3 else np.full(len(points), np.nan)
    return Landmarks(
        scheme=scheme,
        points=np.where(seen[:, None], flat, np.nan).astype(np.float32),
        depth=np.where(seen, depth, np.nan).astype(np.float32),
        sigma=np.where(seen, sigma, np.inf).astype(np.float32),
        hidden=hidden > 0,
        score=float("nan"),
        box=np.concatenate([low, high]).astype(np.float32),
        crop=np.eye(3),
        image_size=np.array(size, dtype=np.int32),
        detector="imported",
    )
