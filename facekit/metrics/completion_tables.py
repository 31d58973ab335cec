"""Tables and curves of evaluate completion from the figures of single cases (3DFaceFill, Figs. 2, 10 and 12).

A result of one case is a dict: name, kind, failed (None or why), ratio (share of the face that is hidden)
and methods, from a name to figures (see stages.evaluate_completion).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from facekit.metrics.tables import Cell, Table

PARTS = {"": "inside the mask", " face": "over the face"}
COLUMNS = {"psnr": "PSNR, dB", "ssim": "SSIM", "look": "distance"}
DIGITS = {"psnr": 2, "ssim": 3, "look": 4}
BINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)  # of the mask's share of the face
OVERALL = "overall"

Results = Sequence[Mapping[str, Any]]


def tables(results: Results, methods: Sequence[str]) -> list[Table]:
    """By what hides the face, inside the mask and over the face; by the mask's share of the face. Failed
    cases do not count.
    """
    done = [result for result in results if not result["failed"]]
    made = [by_kind(done, methods, end) for end in PARTS]
    made += [by_ratio(done, methods, figure) for figure in COLUMNS]
    return [table for table in [*made, hidden_shape(done, methods)] if table.rows]


def by_kind(done: Results, methods: Sequence[str], end: str) -> Table:
    """Means of the three figures for each method: one row for each kind, and one over all."""
    rows: list[tuple[Cell, ...]] = []
    for method in methods:
        for kind, some in by_kinds(done):
            figures = (mean(some, method, figure + end) for figure in COLUMNS)
            written = (_text(value, figure) for value, figure in zip(figures, COLUMNS, strict=True))
            rows.append((method, kind, len(some), *written))
    title = f"PSNR, SSIM and perceptual distance {PARTS[end]}"
    return Table(f"pictures{end}", title, ("method", "hidden by", "cases", *COLUMNS.values()), tuple(rows))


def by_ratio(done: Results, methods: Sequence[str], figure: str) -> Table:
    """One figure inside the mask by the mask's share of the face (Fig. 10); bins without cases are left
    out.
    """
    rows: list[tuple[Cell, ...]] = []
    for low, high, some in _bins(done):
        values = (_text(mean(some, method, figure), figure) for method in methods)
        rows.append((f"{100 * low:.0f} to {100 * high:.0f} %", len(some), *values))
    title = f"{COLUMNS[figure]} inside the mask by mask/face ratio (Fig. 10)"
    return Table(f"ratio {figure}", title, ("ratio", "cases", *methods), tuple(rows))


def hidden_shape(done: Results, methods: Sequence[str]) -> Table:
    """Mean error of the hidden part of the fit, mm, for the cases whose true shape is known."""
    known = [method for method in methods if mean(done, method, "mm hidden") is not None]
    rows = tuple(
        (kind, len(some), *(mean(some, method, "mm hidden") for method in known))
        for kind, some in by_kinds(done)
    )
    title = "Mean error of the hidden part of the face, mm"
    return Table("shape", title, ("hidden by", "cases", *known), rows if known else ())


def curves(
    results: Results, methods: Sequence[str], figure: str
) -> tuple[dict[str, list[float]], list[float]]:
    """Series by method and the middles of the bins in percent, for the picture of Fig. 10."""
    bins = list(_bins([result for result in results if not result["failed"]]))
    series = {method: [mean(some, method, figure) for _, _, some in bins] for method in methods}
    whole = {name: [float(v) for v in values if v is not None] for name, values in series.items()}
    return (
        {name: values for name, values in whole.items() if len(values) == len(bins)},
        [round(50 * (low + high)) for low, high, _ in bins],
    )


def mean(some: Results, method: str, figure: str) -> float | None:
    """Mean of a figure of a method over the cases that have it; None where none has."""
    values = [result["methods"].get(method, {}).get(figure) for result in some]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def by_kinds(done: Results) -> list[tuple[str, Results]]:
    """The cases of each kind, and all of them where there is more than one kind."""
    kinds = sorted({result["kind"] for result in done})
    parted: list[tuple[str, Results]] = [
        (kind, [result for result in done if result["kind"] == kind]) for kind in kinds
    ]
    return parted if len(parted) < 2 else [*parted, (OVERALL, done)]


def _bins(done: Results) -> list[tuple[float, float, Results]]:
    """The bins of the mask's share that have cases."""
    found: list[tuple[float, float, Results]] = []
    for low, high in pairwise(BINS):
        some = [r for r in done if low <= r["ratio"] < high or r["ratio"] == high == 1.0]
        if some:
            found.append((low, high, some))
    return found


def _text(value: float | None, figure: str) -> str | None:
    return None if value is None else f"{value:.{DIGITS[figure]}f}"
