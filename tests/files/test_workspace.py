"""The folder of an evaluation: it goes on with the same settings, and refuses others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facekit.errors import UsageError
from facekit.files.workspace import Workspace
from facekit.records import Record

SETTINGS = {"seed": 1, "align": "none"}


def test_figures_and_fits_come_back(tmp_path: Path, records: dict[str, Record]) -> None:
    space = Workspace(tmp_path / "a")
    assert space.settings == {}
    space.begin(SETTINGS, force=False)
    assert space.settings == SETTINGS
    assert space.known("x") == {}
    assert space.fit("x", "global") is None
    space.keep("x", {"fits": {"global": {"mse": 1.5}}})
    space.keep_fit("x", "global", records["fit"])  # type: ignore[arg-type]
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    space.keep_picture("x", "no light", picture)
    Workspace(tmp_path / "a").begin(SETTINGS, force=False)
    assert space.known("x") == {"fits": {"global": {"mse": 1.5}}}
    assert space.fit("x", "global") is not None
    assert np.array_equal(space.picture("x", "no light"), picture)
    assert space.picture("y", "no light") is None


def test_other_settings_are_refused_and_start_again_with_force(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "a")
    space.begin(SETTINGS, force=False)
    space.keep("x", {"failed": None})
    (tmp_path / "a" / "cases" / "note.txt").touch()
    with pytest.raises(UsageError, match="with align none, not rigid"):
        space.begin(SETTINGS | {"align": "rigid"}, force=False)
    assert space.known("x")
    space.begin(SETTINGS | {"align": "rigid"}, force=True)
    assert space.known("x") == {}
    assert (tmp_path / "a" / "cases" / "note.txt").exists()


def test_an_evaluation_of_which_nothing_is_done_may_change(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "a")
    space.begin(SETTINGS, force=False)
    space.begin(SETTINGS | {"align": "rigid"}, force=False)
    assert space.settings["align"] == "rigid"


def test_force_starts_again_with_the_same_settings_too(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "a")
    space.begin(SETTINGS, force=False)
    space.keep("x", {"failed": None})
    space.keep_picture("x", "no light", np.zeros((2, 2, 3), np.uint8))
    space.begin(SETTINGS, force=True)
    assert (space.known("x"), space.picture("x", "no light")) == ({}, None)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    with pytest.raises(UsageError, match="--force"):
        Workspace(tmp_path).begin(SETTINGS, force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
