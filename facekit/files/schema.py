"""What each field of each record must look like in a file: one line a field, for reading and writing.

A line is ``dtype (shape) words``. A letter in a shape stands for one size within the record; the words are
``nan`` (NaN allowed) and ``inf`` (infinity allowed). ``str``, ``json`` and ``float`` are single values,
``record NAME`` is nested.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.records import (
    SCHEMES,
    SH_ORDER,
    Camera,
    Code,
    Completion,
    Ensemble,
    FaceMotion,
    Fit,
    Headset,
    Landmarks,
    Light,
    Motion,
    Record,
)

RECORDS: dict[str, type[Record]] = {
    cls.KIND: cls
    for cls in (Landmarks, Camera, Light, Code, Fit, Ensemble, Completion, Motion, Headset, FaceMotion)
}

FIELDS: dict[str, dict[str, str]] = {
    "landmarks": {
        "scheme": "str",
        "points": "float32 (L,2) nan",
        "depth": "float32 (L) nan",
        "sigma": "float32 (L) inf",
        "hidden": "bool (L)",
        "score": "float nan",
        "box": "float32 (4)",
        "crop": "float64 (3,3)",
        "image_size": "int32 (2)",
        "detector": "str",
    },
    "camera": {
        "K": "float64 (3,3)",
        "R": "float64 (3,3)",
        "t": "float64 (3)",
        "image_size": "int32 (2)",
    },
    "light": {
        "sh": "float32 (9,3)",
        "order": "str",
    },
    "code": {
        "identity": "float32 (I)",
        "expression": "float32 (E)",
        "local": "float32 (J)",
        "albedo": "float32 (A)",
    },
    "fit": {
        "model": "str",
        "model_sha256": "str",
        "code": "record code",
        "arkit": "float32 (E)",
        "arkit_names": "str (E)",
        "camera": "record camera",
        "light": "record light",
        "vertices": "float32 (V,3)",
        "faces": "int32 (F,3)",
        "visible": "bool (V)",
        "landmarks68": "float32 (68,3)",
        "landmarks68_2d": "float32 (68,2)",
        "landmarks": "record landmarks",
        "covariance": "float32 (K,K)",
        "photo_sha256": "str",
        "outcome": "str",
        "stats": "json",
    },
    "ensemble": {
        "model": "str",
        "model_sha256": "str",
        "method": "str",
        "codes": "float32 (N,K)",
        "vertices": "float32 (N,V,3)",
        "faces": "int32 (F,3)",
        "landmarks68": "float32 (N,68,3)",
        "hidden": "bool (V)",
        "quality": "float32 (N)",
        "stats": "json",
    },
    "completion": {
        "window": "int32 (4)",
        "patches": "uint8 (N,H,W,3)",
        "mask": "bool (H,W)",
        "textures": "uint8 (N,T,T,3)",
        "confidence": "uint8 (T,T)",
        "image_size": "int32 (2)",
        "photo_sha256": "str",
        "stats": "json",
    },
    "motion": {
        "clip": "str",
        "subject": "str",
        "fps": "float",
        "joint_names": "str (J)",
        "parents": "int32 (J)",
        "offsets": "float32 (J,3)",
        "rotations": "float32 (T,J,3)",
        "root": "float32 (T,3)",
    },
    "headset": {
        "fps": "float",
        "scale": "float",
        "rotations": "float32 (T,3,3,3) nan",
        "positions": "float32 (T,3,3) nan",
    },
    "face-motion": {
        "clip": "str",
        "subject": "str",
        "fps": "float",
        "latents": "float32 (T,Z)",
        "vertices": "float32 (T,V,3)",
        "faces": "int32 (F,3)",
        "misfit": "float32 (T)",
    },
}


@dataclass(frozen=True)
class Field:
    """One parsed line of the table."""

    dtype: str
    shape: tuple[str, ...]
    nan: bool
    inf: bool
    record: str | None = None

    @property
    def single(self) -> bool:
        """A plain Python value rather than an array."""
        return self.shape == () and self.record is None


def parse(line: str) -> Field:
    """Parse one line, e.g. ``float32 (L,2) nan``."""
    if line.startswith("record "):
        return Field("record", (), False, False, line.removeprefix("record "))
    match = re.fullmatch(r"(\w+)(?: \(([\w,]+)\))?((?: nan| inf)*)", line)
    if match is None:
        raise ValueError(f"not a field description: {line!r}")
    dtype, shape, words = match[1], match[2], match[3].split()
    return Field(dtype, tuple(shape.split(",")) if shape else (), "nan" in words, "inf" in words)


def check_array(name: str, value: NDArray[Any], field: Field, sizes: dict[str, int]) -> str | None:
    """What is wrong with the array, or None. ``sizes`` collects what each letter stands for."""
    kind = "U" if field.dtype == "str" else np.dtype(field.dtype).kind
    wrong_type = value.dtype.kind != "U" if kind == "U" else value.dtype != np.dtype(field.dtype)
    if wrong_type:
        return f"{name} is {value.dtype}, expected {field.dtype}"
    expected = ",".join(field.shape)
    if value.ndim != len(field.shape):
        return f"{name} has shape {value.shape}, expected ({expected})"
    for size, letter in zip(value.shape, field.shape, strict=True):
        if size != (int(letter) if letter.isdigit() else sizes.setdefault(letter, size)):
            known = ", ".join(f"{key} = {n}" for key, n in sizes.items() if key in field.shape)
            return f"{name} has shape {value.shape}, expected ({expected})" + (
                f" with {known}" if known else ""
            )
    if kind == "f" and not field.nan and np.isnan(value).any():
        return f"{name} holds NaN"
    if kind == "f" and not field.inf and np.isinf(value).any():
        return f"{name} holds infinite values"
    return None


def check_single(name: str, value: Any, field: Field) -> str | None:
    """What is wrong with a plain value, or None."""
    if field.dtype == "float":
        if not field.nan and not np.isfinite(value):
            return f"{name} is {value}"
        return None
    if not isinstance(value, str):
        return f"{name} is not text"
    if field.dtype == "json":
        try:
            if not isinstance(json.loads(value), dict):
                return f"{name} is not a JSON object"
        except json.JSONDecodeError:
            return f"{name} is not valid JSON"
    return None


def check_meaning(record: Record) -> str | None:
    """Rules between fields that no single line can say, or None."""
    if isinstance(record, Landmarks):
        expected = SCHEMES.get(record.scheme)
        if expected is None:
            return f"scheme is {record.scheme!r}, expected one of {', '.join(SCHEMES)}"
        if len(record.points) != expected:
            return f"points has {len(record.points)} rows, {record.scheme} has {expected} landmarks"
        if (record.sigma < 0).any() or np.isnan(record.sigma).any():
            return "sigma holds negative or missing values"
    if isinstance(record, Camera):
        if min(record.K[0, 0], record.K[1, 1]) <= 0 or (record.image_size <= 0).any():
            return "K or image_size is not that of a camera: focal lengths and sizes must be positive"
        if np.abs(record.R @ record.R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(record.R) < 0:
            return "R is no rotation"
    if isinstance(record, Light) and record.order != SH_ORDER:
        return f"order is {record.order!r}, expected {SH_ORDER!r}"
    if isinstance(record, Fit | Ensemble | FaceMotion):
        count = record.vertices.shape[-2]
        if len(record.faces) and (record.faces.min() < 0 or record.faces.max() >= count):
            return f"faces points outside the {count} vertices"
    if isinstance(record, Motion):
        before = np.arange(len(record.parents))
        if (record.parents[:1] != -1).any() or not (
            (record.parents[1:] >= 0).all() and (record.parents < before).all()
        ):
            return "parents is no tree: one root (-1) first, then each joint after its parent"
    if isinstance(record, Motion | Headset | FaceMotion) and record.fps <= 0:
        return f"fps is {record.fps}"
    return None


def check(record: Record, prefix: str = "") -> str | None:
    """The first thing that is wrong with a record, nested ones included, or None."""
    sizes: dict[str, int] = {}
    for name, line in FIELDS[record.KIND].items():
        field, value = parse(line), getattr(record, name)
        if field.record is not None:
            problem = check(value, f"{prefix}{name}.")
        elif field.single:
            problem = check_single(prefix + name, value, field)
        else:
            problem = check_array(prefix + name, value, field, sizes)
        if problem:
            return problem
    problem = check_meaning(record)
    return prefix + problem if problem else None


def names(cls: type[Record]) -> list[str]:
    """Field names of a record class, without ``history``."""
    return [field.name for field in fields(cls) if field.name != "history"]
