"""evaluate diversity as typed: tables from a folder of photos, going on after a stop, wrong requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli import evaluation_tools
from facekit.cli.main import cli
from facekit.files.images import write_image

MESHES = ["--from-meshes", "-n", "2"]
LINEAR = ["--methods", "flame+dpp", "--methods", "global+local+dpp"]


def type_in(*line: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", "diversity", *line])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic people, one behind glasses and one behind a face mask."""
    folder = tmp_path_factory.mktemp("photos")
    for i, kind in enumerate(("glasses", "mask")):
        line = f"synth photos -n 1 --size 256 --occluder {kind} --seed {i} --wild 0 -o"
        assert CliRunner().invoke(cli, [*line.split(), str(folder / kind)]).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mesh VAE that has learned nothing."""
    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    line = "train-prior mesh-vae --preset tiny --batch 2 --seed 3 --synthetic 40 --steps 1 -o"
    assert CliRunner().invoke(cli, [*line.split(), str(path)]).exit_code == 0
    return path


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on both faces that nothing stopped; fitted to meshes, which takes a second."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    line = ["--data", str(photos), *LINEAR[:2], *MESHES, "--seed", "5", "-q", "-o", str(folder)]
    result = type_in(*line)
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def fitted_to_photos(photos: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with all methods on the photo behind the mask; tells its tables as JSON."""
    folder = tmp_path_factory.mktemp("photo") / "out"
    line = ["--data", str(photos / "mask"), "--weights", str(weights), "-n", "2", "--seed", "1", "--json"]
    result = type_in(*line, "-o", str(folder))
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == json.loads((folder / "tables.json").read_text())
    return folder


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_tables_of_all_methods(fitted_to_photos: Path) -> None:
    told = json.loads((fitted_to_photos / "tables.json").read_text())
    assert told["cases"] == 1
    assert told["failed"] == {}
    assert told["settings"]["align"] == "similarity"
    rows = {(row[0], row[1]): row for row in told["tables"]["2"]["rows"]}
    assert len(rows) == 5 * 2
    for row in rows.values():
        cse, seen, unseen = row[2:5]
        assert 0.1 < cse < 20
        assert 0 <= seen < unseen
    first = told["tables"]["1"]["rows"][-1]
    assert first[:2] == ["Overall", 1]
    assert all(0.1 < value < 20 for value in first[2:])
    assert {row[0] for row in told["tables"]["plausibility"]["rows"]} >= {"true face", "flame+vae+dpp"}
    text = (fitted_to_photos / "tables.md").read_text()
    assert "errors after alignment: similarity" in text
    assert (fitted_to_photos / "histogram.png").stat().st_size > 1000


def test_it_goes_on_where_it_stopped(photos: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["--data", str(photos), *LINEAR[:2], *MESHES, "-o", "out"]
    diversify = evaluation_tools.CaseTools.diversify
    calls: list[str] = []

    def stopped(tools: evaluation_tools.CaseTools, *rest: object) -> object:
        calls.append(tools.case.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return diversify(tools, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluation_tools.CaseTools, "diversify", stopped)
    first = type_in(*line, "--seed", "5")
    assert first.exit_code == 130
    assert "the same command with --seed 5 goes on from there" in first.stderr
    assert not Path("out/tables.md").exists()
    assert type_in(*line).exit_code == 0  # the seed is that of the folder
    assert len(calls) == 3  # the first case was not done again
    assert json.loads(Path("out/settings.json").read_text())["seed"] == 5

    assert json.loads((whole / "tables.json").read_text()) == json.loads(Path("out/tables.json").read_text())

    other = type_in(*line, "--region", "head")
    assert other.exit_code == 2
    assert "with region face, not head" in other.stderr
    before, count = Path("out/tables.md").read_text(), len(calls)
    assert type_in(*line, "--align", "none").exit_code == 0
    assert len(calls) == count  # nothing has to be done again
    assert Path("out/tables.md").read_text() != before
    assert "alignment: none" in Path("out/tables.md").read_text()
    line[1] = str(photos / "mask")
    assert type_in(*line, "--region", "head", "--seed", "5", "--force").exit_code == 0
    assert "measured: head" in Path("out/tables.md").read_text()


def test_fits_to_meshes_err_less_than_fits_to_photos(whole: Path, fitted_to_photos: Path) -> None:
    mesh, photo = (
        {row[0]: row[3:] for row in json.loads((folder / "tables.json").read_text())["tables"]["1"]["rows"]}
        for folder in (whole, fitted_to_photos)
    )
    assert all(
        exact < 0.7 * guessed for exact, guessed in zip(mesh["Face-mask"], photo["Face-mask"], strict=True)
    )


def _write_noise(photo: Path, mask: Path) -> None:
    """A photo without a face, and a mask."""
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    write_image(photo, noise)
    write_image(mask, np.arange(128)[:, None] < np.full(128, 20))


def test_photos_without_truth_have_self_distances_alone(photos: Path) -> None:
    for folder, source in (("mask", "00000.mask.png"), ("occ", "00000.occluded.png")):
        Path("bench", folder).mkdir(parents=True)
        Path("bench", folder, "s00_mask.png").write_bytes((photos / "mask" / source).read_bytes())
    _write_noise(Path("bench/occ/s01_mask.png"), Path("bench/mask/s01_mask.png"))
    result = type_in("--data", "bench", *LINEAR[:2], "-n", "2", "--seed", "1", "--json")
    assert result.exit_code == 0, result.stderr
    assert "no face found" in result.stderr  # told, and left out
    told = json.loads(result.stdout)
    assert len(told["failed"]) == 1
    tables = told["tables"]
    assert "1" not in tables
    assert [row[1] for row in tables["2"]["rows"]] == ["Face-mask", "Overall"]
    assert all(row[2] is None and row[4] > 0 for row in tables["2"]["rows"])
    meshes = type_in("--data", "bench", "--from-meshes", *LINEAR[:2], "--seed", "1", "-o", "b")
    assert meshes.exit_code == 2
    assert "has no truth" in meshes.stderr


def test_photos_without_a_face_alone_are_refused() -> None:
    Path("data").mkdir()
    _write_noise(Path("data/noise.png"), Path("data/noise.mask.png"))
    result = type_in("--data", "data", *LINEAR[:2], "--seed", "1")
    assert result.exit_code == 2
    assert "no case could be evaluated: no face found" in result.stderr


def test_wrong_requests() -> None:
    assert type_in("--data", "nowhere").exit_code == 4
    Path("empty").mkdir()
    empty = type_in("--data", "empty", "--seed", "1", "-o", "a")
    assert empty.exit_code == 2
    assert "holds no photo with a mask" in empty.stderr
    assert type_in("--methods", "global+nonsense").exit_code == 2
    assert type_in("-n", "1").exit_code == 2
    assert type_in("--weights", "none.safetensors").exit_code == 4
    Path("full").mkdir()
    Path("full/note.txt").touch()
    assert type_in("-o", "full", *LINEAR, "--cases", "1", "--seed", "1").exit_code == 2
