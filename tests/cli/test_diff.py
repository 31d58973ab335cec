"""``facekit diff`` can agree, and it can fail."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.images import write_image
from facekit.files.npz import write_record
from facekit.records import Fit, Record, Step


def diff(*args: object) -> Result:
    return CliRunner().invoke(cli, ["diff", *map(str, args)])


@pytest.fixture
def pair(records: dict[str, Record], tmp_path: Path) -> tuple[Path, Path]:
    """Two fits that differ by 1e-3 m in one vertex, and in history."""
    fit = records["fit"]
    assert isinstance(fit, Fit)
    vertices = fit.vertices.copy()
    vertices[2, 1] += 1e-3
    write_record(tmp_path / "a.npz", fit)
    write_record(tmp_path / "b.npz", replace(fit, vertices=vertices, history=(Step("x", "9"),)))
    return tmp_path / "a.npz", tmp_path / "b.npz"


def test_same(pair: tuple[Path, Path]) -> None:
    result = diff(pair[0], pair[0])
    assert (result.exit_code, result.output) == (0, "")


def test_a_tolerance_that_is_no_number_is_refused(pair: tuple[Path, Path]) -> None:
    result = diff(*pair, "--atol", "nan")
    assert result.exit_code == 2
    assert "nan is not a number" in result.stderr
    assert diff(*pair, "--atol", "inf").exit_code == 0


def test_different_names_the_worst_key(pair: tuple[Path, Path]) -> None:
    result = diff(*pair)
    assert result.exit_code == 1
    assert "differ, worst in vertices:" in result.stdout
    assert "0.001 apart at [2, 1]" in result.stdout
    assert result.stdout.count("\n") == 1


def test_tolerance_and_ignore(pair: tuple[Path, Path]) -> None:
    assert diff(*pair, "--atol", "1.1e-3").exit_code == 0
    assert diff(*pair, "--atol", "0.9e-3").exit_code == 1
    assert diff(*pair, "--rtol", "1").exit_code == 0
    assert diff(*pair, "--ignore", "vertices").exit_code == 0
    assert diff(*pair, "--ignore", "camera").exit_code == 1


def test_json(pair: tuple[Path, Path]) -> None:
    shown = json.loads(diff(*pair, "--json").stdout)
    assert shown["equal"] is False
    assert shown["differences"][0]["key"] == "vertices"
    assert json.loads(diff(pair[0], pair[0], "--json").stdout) == {"equal": True, "differences": []}


def test_pictures(tmp_path: Path) -> None:
    for name, value in (("a.png", 10), ("b.png", 13)):
        write_image(tmp_path / name, np.full((4, 4, 3), value, np.uint8))
    write_image(tmp_path / "c.png", np.full((4, 4, 4), 10, np.uint8))
    assert diff(tmp_path / "a.png", tmp_path / "b.png").exit_code == 1
    assert diff(tmp_path / "a.png", tmp_path / "b.png", "--atol", 3).exit_code == 0
    assert "alpha: only in the second file" in diff(tmp_path / "a.png", tmp_path / "c.png").stdout


def test_kinds_that_cannot_be_compared(pair: tuple[Path, Path], tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    assert diff(pair[0], tmp_path / "a.png").exit_code == 5
    assert diff(pair[0], tmp_path / "none.npz").exit_code == 4
    assert diff(*pair, "--atol", "-1").exit_code == 2
