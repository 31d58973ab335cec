"""Histogram and tables from figures that were invented, worked out by hand."""

from typing import Any

import numpy as np
import pytest

from facekit.metrics import error_histogram
from facekit.metrics.figure import COLOURS, histogram_picture
from facekit.metrics.tables import Table, key, tables


def case(name: str, kind: str, scale: float, failed: str | None = None) -> dict[str, Any]:
    fits = {
        "mean face": {"mse none": 4 * scale},
        "global": {"mse none": 2 * scale},
        "global+local": {"mse none": scale},
    }
    method = {"cse none": scale, "asd_v": 0.5 * scale, "asd_o": 3 * scale, "mahalanobis": scale}
    return {
        "name": name,
        "kind": kind,
        "failed": failed,
        "fits": fits if not failed else {},
        "sets": {"flame+dpp": method} if not failed else {},
        "grid": {key(0.5, 3): {"asd_v": scale, "asd_o": 4 * scale}} if kind == "glasses" else {},
    }


RESULTS = [
    case("a", "glasses", 1),
    case("b", "glasses", 3),
    case("c", "blob", 2),
    case("d", "blob", 9, failed="no face found"),
]


def made(name: str) -> Table:
    return next(table for table in tables(RESULTS, ["flame+dpp"], "flame+dpp", "none") if table.name == name)


def test_table_1_has_means_by_occluder_and_over_all() -> None:
    rows = {row[0]: row for row in made("1").rows}
    assert rows["Glasses"][:5] == ("Glasses", 2, 8.0, 4.0, 2.0)
    assert rows["Random"][:5] == ("Random", 1, 8.0, 4.0, 2.0)
    assert rows["Overall"][:5] == ("Overall", 3, 8.0, 4.0, 2.0)
    assert rows["Overall"][5] is None  # no figures of the visible part


def test_table_2_has_the_ratio_of_the_means() -> None:
    row = made("2").rows[-1]
    assert row[:6] == ("flame+dpp", "Overall", 2.0, 1.0, 6.0, 6.0)


def test_table_4_has_one_cell_from_two_cases() -> None:
    table = made("4 ASD-O")
    assert "2 cases" in table.title
    assert table.rows[2] == ("k = 0.5", None, None, 8.0, None, None)
    assert sum(cell is not None for row in table.rows for cell in row[1:]) == 1


def test_figure_6_sums_to_all_cases() -> None:
    rows = made("histogram").rows
    assert sum(float(row[1] or 0) for row in rows) == pytest.approx(100)
    assert rows[4][1] == pytest.approx(100 / 3)  # global: 2 mm in "2 to 2.5"
    assert rows[-1][1] == pytest.approx(100 / 3)  # and 6 mm in "over 5.5"


def test_tables_without_figures_are_left_out() -> None:
    assert tables([RESULTS[-1]], ["flame+dpp"], "flame+dpp", "none") == []
    assert [table.name for table in tables([case("a", "hand", 1)], [], "x", "none")] == [
        "1",
        "1 by alignment",
        "plausibility",
        "histogram",
    ]


def test_markdown() -> None:
    text = Table("x", "Title", ("a", "b"), (("one", 1.234), ("two", None))).markdown()
    assert text == "**Title**\n\n| a | b |\n| --- | --- |\n| one | 1.23 |\n| two | - |"


def test_bins_hold_what_lies_between_their_edges() -> None:
    edges, shares = error_histogram([0.0, 0.4, 0.5, 1.9, 70.0], 0.5, 3)
    assert edges.tolist() == [0.0, 0.5, 1.0, np.inf]
    assert shares.tolist() == [0.4, 0.2, 0.4]
    assert error_histogram([], 0.5, 3)[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("errors", [[-1.0], [np.nan], [np.inf]])
def test_what_is_no_error_is_refused(errors: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        error_histogram(errors, 0.5, 3)


def test_the_higher_bar_is_drawn_higher() -> None:
    picture = histogram_picture({"a": [0.1, 0.2, 0.3, 0.7], "b": [0.8]}, 0.5, 2, "mm")
    grey, blue = ((picture[30:] == colour).all(axis=-1).sum() for colour in COLOURS[:2])
    assert grey == pytest.approx(blue, rel=0.02)  # both sum to all
    low = histogram_picture({"a": [0.1, 0.7], "b": [0.1, 0.1]}, 0.5, 2, "mm")
    rows = [np.flatnonzero((low[30:] == colour).all(axis=-1).any(axis=1)).min() for colour in COLOURS[:2]]
    assert rows[1] < rows[0]
    with pytest.raises(ValueError, match="at most"):
        histogram_picture({name: [1.0] for name in "abcd"}, 0.5, 2, "mm")
