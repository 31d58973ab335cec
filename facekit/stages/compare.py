"""What two files' contents differ in, within a tolerance."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Difference:
    """One key that differs."""

    key: str
    reason: str  # for the user
    size: float  # largest absolute difference; infinite where there is no number for it


def compare(
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    atol: float = 0.0,
    rtol: float = 0.0,
    ignore: Collection[str] = (),
) -> list[Difference]:
    """All differences between two contents, the worst first.

    Values are arrays or plain values. Numbers are equal where abs(a - b) <= atol + rtol * abs(b), or both are
    NaN or the same infinity; everything else must be identical. A key in one of them alone is a difference.
    ``ignore`` names keys; a key also covers those below it ("camera" covers "camera.K").
    """
    found = []
    for key in dict.fromkeys([*a, *b]):
        if any(key == name or key.startswith(f"{name}.") for name in ignore):
            continue
        if key not in a or key not in b:
            found.append(Difference(key, f"only in the {'first' if key in a else 'second'} file", np.inf))
        elif difference := _compare_values(key, np.asarray(a[key]), np.asarray(b[key]), atol, rtol):
            found.append(difference)
    return sorted(found, key=lambda difference: -difference.size)


def _compare_values(
    key: str, a: NDArray[Any], b: NDArray[Any], atol: float, rtol: float
) -> Difference | None:
    if a.shape != b.shape:
        return Difference(key, f"shape {a.shape} against {b.shape}", np.inf)
    if _family(a) != _family(b):
        return Difference(key, f"{a.dtype} against {b.dtype}", np.inf)
    if _family(a) != "number":
        unequal = np.count_nonzero(a != b)
        if not unequal:
            return None
        reason = f"{_short(a)} against {_short(b)}" if a.ndim == 0 else f"{unequal} of {a.size} values differ"
        return Difference(key, reason, np.inf)
    x, y = a.astype(np.float64), b.astype(np.float64)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(x - y))
    gap = np.where(np.isnan(gap), np.inf, gap)
    allowed = atol + rtol * np.where(np.isfinite(y), np.abs(y), 0.0)
    beyond = gap > allowed
    if not beyond.any():
        return None
    worst = np.unravel_index(np.argmax(np.where(beyond, gap, -1.0)), gap.shape)
    where = f" at [{', '.join(map(str, worst))}]" if a.ndim else ""
    share = f", {np.count_nonzero(beyond)} of {a.size} values beyond tolerance" if a.ndim else ""
    size = float(gap[worst])
    return Difference(key, f"{x[worst]:.6g} against {y[worst]:.6g}, {size:.3g} apart{where}{share}", size)


def _family(array: NDArray[Any]) -> str:
    return {"f": "number", "i": "number", "u": "number", "b": "truth", "U": "text"}.get(
        array.dtype.kind, "other"
    )


def _short(value: NDArray[Any]) -> str:
    text = repr(value.item())
    return text if len(text) <= 40 else f"{text[:37]}..."
