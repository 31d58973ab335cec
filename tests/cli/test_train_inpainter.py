"""facekit train-prior inpainter as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.weights import read_weights
from facekit.texture.inpainter import Inpainter

TRAIN = "train-prior inpainter photos --preset tiny --seed 0 --device cpu"


def type_in(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


def test_photos_become_weights_that_can_be_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert type_in("synth photos -n 2 --size 160 -o photos --seed 1").exit_code == 0
    result = type_in(f"{TRAIN} --steps 2 -o one.safetensors --json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["seed"] == 0
    arrays, told = read_weights("one.safetensors")
    assert Inpainter.from_arrays(arrays, told).network.inputs == 7
    assert "train-prior inpainter photos --preset tiny --input refine --steps 2" in told["command"]
    assert "2 photos" in Path("one.md").read_text()
    kept = {path: path.stat().st_mtime_ns for path in Path("one.work/examples").iterdir()}
    assert len(kept) == 4
    other = type_in(f"{TRAIN} --steps 3 -o one.safetensors --force")
    assert other.exit_code != 0
    assert "another training" in other.stderr
    more = f"{TRAIN} --steps 1 --begin one.safetensors --adversarial 1 -o two.safetensors --work two"
    Path("two").mkdir()
    Path("one.work/examples").rename("two/examples")
    result = type_in(more)
    assert result.exit_code == 0, result.stderr
    assert {path.name: time for path, time in kept.items()} == {
        path.name: path.stat().st_mtime_ns for path in Path("two/examples").iterdir()
    }
    wrong = type_in(
        f"{TRAIN} --steps 1 --begin one.safetensors --input plain -o three.safetensors --work two"
    )
    assert wrong.exit_code != 0
