"""Values of a file in few words, for people and for programs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL = 16  # values up to this many are shown in full


def describe(value: Any) -> dict[str, Any]:
    """Type, shape and range of a value as a JSON object; the value itself where it is small."""
    array = np.asarray(value)
    if array.dtype.kind == "U":
        out: dict[str, Any] = {"dtype": "text", "shape": list(array.shape)}
    else:
        out = {"dtype": str(array.dtype), "shape": list(array.shape)}
    if array.size <= SMALL:
        out["value"] = array.tolist()
    elif array.dtype.kind in "fiu":
        finite = array[np.isfinite(array)]
        out["finite"] = int(finite.size)
        if finite.size:
            out |= {
                "min": finite.min().item(),
                "max": finite.max().item(),
                "mean": finite.mean(dtype=np.float64).item(),
            }
    elif array.dtype.kind == "b":
        out["true"] = int(np.count_nonzero(array))
    return out


def summary(value: Any) -> tuple[str, str, str]:
    """Type, shape and content of a value as three cells of a table."""
    array = np.asarray(value)
    kind = "text" if array.dtype.kind == "U" else str(array.dtype)
    shape = "×".join(map(str, array.shape))
    return kind, shape, _content(array)


def bare(value: Any) -> str:
    """A value as plain text: rows of the last axis on lines, numbers apart by spaces, truth as 0 and 1."""
    array = np.asarray(value)
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.ndim == 0:
        return str(array[()])
    apart = "\n" if array.dtype.kind == "U" else " "
    rows: Any = array.reshape(-1, array.shape[-1]) if array.size else []
    return "\n".join(apart.join(str(item) for item in row) for row in rows)


def _content(array: NDArray[Any]) -> str:
    if array.size == 0:
        return "empty"
    if array.dtype.kind == "U":
        return _shorten(", ".join(array.ravel()[:8].tolist()) + (", …" if array.size > 8 else ""))
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array)} of {array.size} true" if array.ndim else str(array)
    if array.size <= SMALL:
        return " ".join(f"{item:.5g}" for item in array.ravel().tolist())
    finite = array[np.isfinite(array)]
    if not finite.size:
        return "no finite value"
    missing = f", {array.size - finite.size} not finite" if finite.size < array.size else ""
    return f"{finite.min():.5g} to {finite.max():.5g}, mean {finite.mean(dtype=np.float64):.5g}{missing}"


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
