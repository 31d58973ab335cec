"""Tables of evaluate completion from figures that were invented, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facekit.metrics.completion_tables import curves, mean, tables
from facekit.metrics.curves import COLOURS, curves_picture


def case(kind: str, ratio: float, value: float, failed: str | None = None) -> dict[str, Any]:
    figures = {f"{name}{end}": value for name in ("psnr", "ssim", "look") for end in ("", " face")}
    methods = {"Telea": figures, "full": {**figures, "psnr": value + 4, "mm hidden": 2.0}}
    return {"name": "a", "kind": kind, "failed": failed, "ratio": ratio, "methods": methods}


RESULTS = [
    case("mouth", 0.25, 20),
    case("mouth", 0.29, 22),
    case("side", 0.45, 30),
    case("side", 0.45, 99, failed="no face found"),
]
METHODS = ("Telea", "full")


def rows(name: str) -> list[tuple[Any, ...]]:
    return list(next(table for table in tables(RESULTS, METHODS) if table.name == name).rows)


def test_means_by_kind_and_over_all() -> None:
    assert rows("pictures")[:3] == [
        ("Telea", "mouth", 2, "21.00", "21.000", "21.0000"),
        ("Telea", "side", 1, "30.00", "30.000", "30.0000"),
        ("Telea", "overall", 3, "24.00", "24.000", "24.0000"),
    ]
    assert rows("pictures")[5][3] == "28.00"
    assert rows("pictures face")[5][3] == "24.00"


def test_by_ratio_only_bins_with_cases() -> None:
    assert rows("ratio psnr") == [
        ("20 to 30 %", 2, "21.00", "25.00"),
        ("40 to 50 %", 1, "30.00", "34.00"),
    ]
    assert curves(RESULTS, METHODS, "psnr") == ({"Telea": [21, 30], "full": [25, 34]}, [25, 45])


def test_shapes_where_they_are_known() -> None:
    assert rows("shape") == [("mouth", 2, 2.0), ("side", 1, 2.0), ("overall", 3, 2.0)]
    assert mean(RESULTS, "Telea", "mm hidden") is None


def test_no_case_no_table() -> None:
    assert tables(RESULTS[3:], METHODS) == []


def test_a_whole_face_hidden_is_in_the_last_bin() -> None:
    table = next(t for t in tables([case("side", 1.0, 5)], METHODS) if t.name == "ratio ssim")
    assert table.rows[0] == pytest.approx(("60 to 100 %", 1, "5.000", "5.000"))


def test_curves_may_begin_below_the_least_value() -> None:
    """A flat line lies at the bottom where the axis begins at it, and high up where it begins at zero."""

    def height(from_zero: bool) -> float:
        picture = curves_picture({"a": [20.2, 20.2], "b": [24.0, 24.0]}, (15, 25), "x", "y", from_zero)
        return float(np.nonzero((picture[60:, 100:-60] == COLOURS[0]).all(-1))[0].mean())

    assert height(False) > 1.5 * height(True)
