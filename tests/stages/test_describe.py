"""Values in few words."""

import json

import numpy as np
import pytest

from facekit.stages.describe import bare, describe, summary


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.eye(2), "1.0 0.0\n0.0 1.0"),
        (np.array([640, 480], np.int32), "640 480"),
        (np.float32(0.1), "0.1"),
        (np.array([True, False]), "1 0"),
        ("a text", "a text"),
        (np.array(["a b", "c"]), "a b\nc"),
        (3, "3"),
        (np.zeros((0, 3)), ""),
        (np.arange(8).reshape(2, 2, 2), "0 1\n2 3\n4 5\n6 7"),
    ],
)
def test_bare(value: object, text: str) -> None:
    assert bare(value) == text


def test_bare_numbers_lose_nothing() -> None:
    values = np.random.default_rng(0).normal(size=100).astype(np.float32)
    assert np.array_equal(np.array(bare(values).split(), np.float32), values)


def test_describe_small_and_large() -> None:
    assert describe(np.array([1.5, 2])) == {"dtype": "float64", "shape": [2], "value": [1.5, 2.0]}
    large = describe(np.r_[np.full(30, np.nan), 1.0, 3.0])
    assert large == {"dtype": "float64", "shape": [32], "finite": 2, "min": 1.0, "max": 3.0, "mean": 2.0}
    assert describe(np.arange(20) > 4)["true"] == 15
    assert "min" not in describe(np.full(20, np.nan))
    assert json.dumps(describe(np.arange(20, dtype=np.uint8)))


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        (np.zeros((0, 3), np.float32), ("float32", "0×3", "empty")),
        (np.full(30, np.nan), ("float64", "30", "no finite value")),
        (np.r_[np.zeros(29), np.inf], ("float64", "30", "0 to 0, mean 0, 1 not finite")),
        (np.arange(3) > 0, ("bool", "3", "2 of 3 true")),
        ("x" * 100, ("text", "", "x" * 79 + "…")),
        (2.5, ("float64", "", "2.5")),
    ],
)
def test_summary(value: object, cells: tuple[str, str, str]) -> None:
    assert summary(value) == cells
