"""evaluate completion as typed: tables from a folder of photos, drawn masks, going on, wrong requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.completion_tools import CaseTools
from facekit.cli.main import cli
from facekit.files.images import read_photo, write_image
from facekit.stages.evaluate_completion import SIDE

CLASSICAL = ["--methods", "Telea", "--methods", "Navier-Stokes"]


def type_in(*line: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", "completion", *line])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One synthetic person behind a face mask."""
    folder = tmp_path_factory.mktemp("photos") / "mask"
    line = "synth photos -n 1 --size 256 --occluder mask --seed 3 --wild 0 -o"
    assert CliRunner().invoke(cli, [*line.split(), str(folder)]).exit_code == 0
    return folder


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_tables_of_a_folder_and_going_on(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["--data", str(photos), *CLASSICAL[:2], "--methods", "no refinement", "-o", "out"]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CaseTools, "complete", stop)
        stopped = type_in(*line, "--seed", "1")
    assert stopped.exit_code == 130
    assert "the same command with --seed 1 goes on from there" in stopped.stderr
    result = type_in(*line, "--json")  # the seed is that of the folder
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["cases"], told["failed"]) == (1, {})
    assert (told["settings"]["distance"], told["settings"]["seed"]) == ("fixed filters", 1)
    rows = {row[0]: row for row in told["tables"]["pictures"]["rows"]}
    assert rows["Telea"][1] == "mask"
    assert float(rows["no refinement"][3]) > float(rows["Telea"][3]) > 8
    assert float(rows["no refinement"][5]) < float(rows["Telea"][5])
    assert 0 < told["tables"]["shape"]["rows"][0][2] < 20
    assert "fixed filters" in Path("out/tables.md").read_text()
    assert read_photo("out/sheets/00000.jpg").pixels.shape == (SIDE, 4 * SIDE, 3)  # made before the stop, too

    sheet = Path("out/sheets/00000.jpg").read_bytes()
    monkeypatch.setattr(CaseTools, "complete", stop)
    again = type_in(*line)
    assert again.exit_code == 0, again.stderr
    assert again.stdout == Path("out/tables.md").read_text()
    assert Path("out/sheets/00000.jpg").read_bytes() == sheet


def test_masks_drawn_on_whole_photos(photos: Path) -> None:
    kinds = ("mouth", "random")
    masks = [part for kind in kinds for part in ("--mask", kind)]
    result = type_in("--data", str(photos), *masks, *CLASSICAL, "--seed", "2", "-o", "a", "--json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["tables"]["pictures"]["rows"]
    assert {row[1] for row in rows} == {*kinds, "overall"}
    assert type_in("--data", str(photos), *masks, *CLASSICAL, "--seed", "2", "-o", "b").exit_code == 0
    assert Path("a/tables.md").read_bytes() == Path("b/tables.md").read_bytes()


def test_what_cannot_be_compared_is_refused() -> None:
    assert type_in("--data", "nowhere", "-o", "n").exit_code == 4
    Path("a").mkdir()
    blank = np.zeros((64, 64, 3), np.uint8)
    write_image("a/x.png", blank)
    result = type_in("--data", "a", "-o", "n")
    assert result.exit_code == 2
    assert "give --mask" in result.stderr
    Path("a/x.png").unlink()
    write_image("a/x.occluded.png", blank)
    write_image("a/x.mask.png", np.arange(64)[:, None] < np.full(64, 30))
    result = type_in("--data", "a", *CLASSICAL)
    assert result.exit_code == 2
    assert "no whole photo beside" in result.stderr
    write_image("a/x.png", blank)
    result = type_in("--data", "a", *CLASSICAL, "--force")
    assert result.exit_code == 2
    assert "no case could be evaluated" in result.stderr
