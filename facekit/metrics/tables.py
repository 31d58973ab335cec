"""The tables of Diverse3DFace from the figures of single cases: means by what hides the face, and over all.

A result of one case is a dict: name, kind, failed (None or why), and fits, sets and grid, each from a name to
figures in mm (see stages.evaluate_diversity).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facekit.metrics.align import ALIGNMENTS
from facekit.metrics.histogram import error_histogram

GLOBAL, GLOBAL_LOCAL, MEAN, TRUE = "global", "global+local", "mean face", "true face"
PRINTED = "Eq. 4-6"  # the global+local model of ten and ten global modes, as the paper prints it
FITS = (GLOBAL, GLOBAL_LOCAL, PRINTED)
K_VALUES = (0.1, 0.25, 0.5, 1.0, 2.0)  # of Table 4
N_SIGMA_VALUES = (1.0, 2.0, 3.0, 4.0, 5.0)
LABELS = {"glasses": "Glasses", "mask": "Face-mask", "blob": "Random", "hand": "Hand"}
OVERALL = "Overall"
NOTHING = 0.002  # mm, a self distance of what does not vary
BIN, BINS = 0.5, 12  # of the histogram, mm

Results = Sequence[Mapping[str, Any]]
Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """One table: numbers are written with ``digits`` decimals, None as a dash."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    digits: int = 2

    def markdown(self) -> str:
        """The table as Markdown, its title above it."""
        lines = [self.columns, ["---"] * len(self.columns), *([self._text(c) for c in r] for r in self.rows)]
        return f"**{self.title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _text(self, cell: Cell) -> str:
        if cell is None:
            return "-"
        return f"{cell:.{self.digits}f}" if isinstance(cell, float) else str(cell)


def tables(results: Results, methods: Sequence[str], studied: str, align: str) -> list[Table]:
    """All tables for which there are figures; ``studied`` is the method of Table 4, ``align`` the alignment
    before errors. Failed cases do not count.
    """
    done = [result for result in results if not result["failed"]]
    made = [
        table_1(done, align),
        by_alignment(done),
        table_2(done, methods, align),
        plausibility(done, methods),
        table_4(done, "asd_v", studied),
        table_4(done, "asd_o", studied),
        histogram(done, align),
    ]
    return [table for table in made if table.rows]


def key(k: float, n_sigma: float) -> str:
    """The name of a cell of Table 4."""
    return f"{k:g} {n_sigma:g}"


def under(name: str, align: str) -> str:
    """The name of an error after an alignment."""
    return f"{name} {align}"


def mean(results: Results, part: str, name: str, figure: str) -> float | None:
    """Mean of a figure over the cases that have it; None where none has."""
    values = [result[part].get(name, {}).get(figure) for result in results]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def table_1(results: Results, align: str) -> Table:
    """Mean shape error of the fits."""
    columns = [
        ("mse", "", (MEAN, *FITS)),
        ("mse_visible", "visible: ", FITS[:2]),
        ("mse_hidden", "hidden: ", FITS[:2]),
    ]
    known = _with_errors(results)
    return Table(
        "1",
        "Table 1. Mean shape error (MSE) of the fit, mm",
        ("occluder", "cases", *(f"{prefix}{fit}" for _, prefix, fits in columns for fit in fits)),
        tuple(
            (
                kind,
                len(some),
                *(mean(some, "fits", fit, under(name, align)) for name, _, fits in columns for fit in fits),
            )
            for kind, some in _by_kind(known)
        ),
    )


def by_alignment(results: Results) -> Table:
    """The last row of Table 1 for each alignment."""
    known = _with_errors(results)
    rows = tuple(
        (how, *(mean(known, "fits", fit, under("mse", how)) for fit in (MEAN, *FITS))) for how in ALIGNMENTS
    )
    title = "Table 1, overall, by alignment, mm"
    return Table("1 by alignment", title, ("alignment", MEAN, *FITS), rows if known else ())


def table_2(results: Results, methods: Sequence[str], align: str) -> Table:
    """CSE, ASD-V, ASD-O and the ratio of their means, with what Table 3 has."""
    rows = []
    for method in methods:
        for kind, some in _by_kind([result for result in results if method in result["sets"]]):
            cse, first, seen, unseen, hidden = (
                mean(some, "sets", method, figure)
                for figure in (
                    under("cse", align),
                    under("first", align),
                    "asd_v",
                    "asd_o",
                    under("cse_hidden", align),
                )
            )
            ratio = None if seen is None or unseen is None else _ratio(unseen, seen)
            rows.append((method, kind, cse, seen, unseen, ratio, hidden, first))
    columns = ("CSE", "ASD-V", "ASD-O", "ASD-O/ASD-V", "CSE hidden", "first sample")
    title = "Tables 2 and 3. Closest sample error and self distances, mm"
    return Table("2", title, ("method", "occluder", *columns), tuple(rows))


def plausibility(results: Results, methods: Sequence[str]) -> Table:
    """How plausible the samples are, beside the true faces and the fits."""
    columns = (
        ("Mahalanobis", "mahalanobis", np.mean),
        ("most", "mahalanobis_most", np.max),
        ("within radius", "within", np.mean),
        ("least quality", "quality_least", np.min),
        ("lips or lids passed", "passed", np.mean),
        ("cut triangles", "cut_triangles", np.mean),
    )
    rows: list[tuple[Cell, ...]] = []
    for part, name in [*(("fits", fit) for fit in (TRUE, *FITS)), *(("sets", method) for method in methods)]:
        figures = [result[part][name] for result in results if name in result[part]]
        if any(figures):
            rows.append((name, *(_over(figures, figure, how) for _, figure, how in columns)))
    title = "Plausibility of the samples"
    return Table("plausibility", title, ("", *(label for label, _, _ in columns)), tuple(rows))


def table_4(results: Results, figure: str, studied: str) -> Table:
    """One of the two halves of Table 4: rows k, columns n_sigma."""
    some = [result for result in results if result["grid"]]
    label = {"asd_v": "ASD-V", "asd_o": "ASD-O"}[figure]
    rows = tuple(
        (f"k = {k:g}", *(mean(some, "grid", key(k, s), figure) for s in N_SIGMA_VALUES)) for k in K_VALUES
    )
    return Table(
        f"4 {label}",
        f"Table 4. {label} of {studied} by k and n_sigma, {_count(some)}, mm",
        ("", *(f"n_sigma = {s:g}" for s in N_SIGMA_VALUES)),
        rows if some else (),
    )


def histogram(results: Results, align: str) -> Table:
    """Fig. 6: share of the cases by the error of the fit, percent."""
    series = fit_errors(results, align)
    if not series:
        return Table("histogram", "", (), ())
    edges, _ = error_histogram([], BIN, BINS)
    shares = {name: 100 * error_histogram(values, BIN, BINS)[1] for name, values in series.items()}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (_step(edges[i], edges[i + 1]), *(float(shares[name][i]) for name in series)) for i in range(BINS)
    )
    return Table("histogram", "Figure 6. Share of the cases by MSE, percent", ("MSE, mm", *series), rows, 0)


def fit_errors(results: Results, align: str) -> dict[str, list[float]]:
    """MSE of each case for each fit that has it."""
    done, figure = [result["fits"] for result in results if not result["failed"]], under("mse", align)
    series = {
        name: [fits[name][figure] for fits in done if figure in fits.get(name, {})]
        for name in (GLOBAL, GLOBAL_LOCAL)
    }
    return {name: values for name, values in series.items() if values}


def _with_errors(results: Results) -> Results:
    """Those with a true face."""
    return [result for result in results if under("mse", ALIGNMENTS[0]) in result["fits"].get(GLOBAL, {})]


def _by_kind(results: Results) -> list[tuple[str, Results]]:
    """The results by what hides the face, in the order of LABELS, then all of them."""
    kinds = dict.fromkeys([*LABELS, *sorted({result["kind"] for result in results})])
    rows: list[tuple[str, Results]] = []
    for kind in kinds:
        some = [result for result in results if result["kind"] == kind]
        if some:
            rows.append((LABELS.get(kind, kind), some))
    return [*rows, (OVERALL, results)] if rows else []


def _count(some: Results) -> str:
    return f"{len(some)} case{'s' * (len(some) != 1)}"


def _ratio(a: float, b: float) -> Cell:
    """a / b; in words where b is nothing."""
    return a / b if b > NOTHING else "infinite"


def _over(figures: Results, name: str, how: Callable[[list[float]], Any]) -> float | None:
    values = [one[name] for one in figures if one.get(name) is not None]
    return float(how(values)) if values else None


def _step(low: float, high: float) -> str:
    return f"{low:g} to {high:g}" if np.isfinite(high) else f"over {low:g}"
