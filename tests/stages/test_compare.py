"""The comparer finds every kind of difference, and nothing where there is none."""

import numpy as np
import pytest

from facekit.stages.compare import compare

SAME = {
    "points": np.array([[1.0, np.nan], [np.inf, -np.inf]], np.float32),
    "hidden": np.array([True, False]),
    "names": np.array(["a", "b"]),
    "camera.K": np.eye(3),
    "empty": np.zeros((0, 3)),
    "count": 3,
    "model": "default",
}

DIFFERENT = {
    "one value": {"camera.K": np.eye(3) + 1e-9},
    "NaN against a number": {"points": np.array([[1, 2], [np.inf, -np.inf]], np.float32)},
    "number against NaN": {"points": np.array([[np.nan, np.nan], [np.inf, -np.inf]], np.float32)},
    "infinity against a number": {"points": np.array([[1, np.nan], [1e30, -np.inf]], np.float32)},
    "sign of infinity": {"points": np.array([[1, np.nan], [-np.inf, -np.inf]], np.float32)},
    "truth": {"hidden": np.array([True, True])},
    "text in an array": {"names": np.array(["a", "c"])},
    "text": {"model": "other"},
    "integer": {"count": 4},
    "shape": {"camera.K": np.eye(4)},
    "empty shape": {"empty": np.zeros((0, 2))},
    "family": {"hidden": np.array([1, 0])},
    "additional key": {"zzz": 1},
}


def test_a_content_equals_itself() -> None:
    assert compare(SAME, {key: np.array(value) for key, value in SAME.items()}) == []


@pytest.mark.parametrize("case", DIFFERENT)
@pytest.mark.parametrize("swap", [False, True])
def test_each_difference_is_found(case: str, swap: bool) -> None:
    pair = (SAME, SAME | DIFFERENT[case])
    found = compare(*reversed(pair) if swap else pair)
    assert [difference.key for difference in found] == list(DIFFERENT[case])


@pytest.mark.parametrize("key", SAME)
@pytest.mark.parametrize("swap", [False, True])
def test_a_missing_key_is_a_difference_wherever_it_stands(key: str, swap: bool) -> None:
    less = {name: value for name, value in SAME.items() if name != key}
    (found,) = compare(less, SAME) if swap else compare(SAME, less)
    assert found.key == key
    assert found.reason == f"only in the {'second' if swap else 'first'} file"


def test_tolerances() -> None:
    a, b = {"x": np.array([1.0, 100.0])}, {"x": np.array([1.01, 101.0])}
    assert compare(a, b, atol=1.001) == []
    assert compare(a, b, rtol=0.01) == []
    (found,) = compare(a, b, atol=0.5)
    assert found.size == pytest.approx(1)
    assert found.reason == "100 against 101, 1 apart at [1], 1 of 2 values beyond tolerance"


def test_bytes_do_not_wrap_around() -> None:
    (found,) = compare({"x": np.array([0], np.uint8)}, {"x": np.array([255], np.uint8)}, atol=254)
    assert found.size == 255


def test_tolerance_does_not_excuse_infinity() -> None:
    assert compare({"x": np.array([1.0])}, {"x": np.array([np.inf])}, atol=1e9, rtol=1)


def test_worst_comes_first() -> None:
    a = {"a": 1.0, "b": 1.0, "c": "x"}
    found = compare(a, {"a": 2.0, "b": 5.0, "c": "y"})
    assert [difference.key for difference in found] == ["c", "b", "a"]


def test_ignored_keys_cover_those_below_and_no_others() -> None:
    a = {"camera.K": 1, "cameras": 1, "camera": 1}
    b = {"camera.K": 2, "cameras": 2, "camera": 2}
    assert [difference.key for difference in compare(a, b, ignore=["camera"])] == ["cameras"]
