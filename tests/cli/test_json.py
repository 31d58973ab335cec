"""facekit render and synth tell what they wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.meshes import write_mesh

TETRAHEDRON = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_render_as_json() -> None:
    write_mesh("face.obj", TETRAHEDRON, FACES)
    made = run("render", "face.obj", "--size", "32", "--turntable", "t.gif", "--frames", "3", "--json")
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["picture"] == "face.render.png"
    assert (told["turntable"], told["frames"]) == ("t.gif", 3)
    assert Path(told["picture"]).is_file()
    assert Path(told["turntable"]).is_file()
    again = run("render", "face.obj", "--size", "32", "--json")
    assert (again.exit_code, again.stdout) == (2, "")


def test_synth_as_json() -> None:
    line = ("-n", "2", "--size", "64", "--occluder", "glasses", "--seed", "3")
    made = run("synth", "photos", *line, "-o", "p", "--json")
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)
    assert (told["folder"], told["seed"]) == ("p", 3)
    files = [path for photo in told["photos"] for path in photo.values()]
    assert sorted(files) == sorted(str(path) for path in Path("p").iterdir())
    made = run("synth", "motion", "-n", "1", "--seconds", "0.2", "-o", "m", "--json")
    told = json.loads(made.stdout)["motions"][0]
    assert sorted(told.values()) == sorted(str(path) for path in Path("m").iterdir())


def test_model_convert_as_json() -> None:
    made = run("model", "convert", "default", "-o", "m.safetensors", "--json")
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["path"] == "m.safetensors"
    assert told["sha256"] == json.loads(run("model", "info", "m.safetensors", "--json").stdout)["sha256"]
