"""train-prior mesh-vae as typed: weights, card, log; a stopped run goes on; wrong requests are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.meshes import write_mesh
from facekit.files.models import load_model
from facekit.files.weights import read_weights
from facekit.train import loop

LINE = "train-prior mesh-vae --preset tiny --batch 2 --seed 3 -o net.safetensors --device cpu"


def type_in(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_weights_card_and_log() -> None:
    result = type_in(f"{LINE} --synthetic 40 --steps 3 --json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["seed"] == 3
    assert told["hidden"] > 0
    weights, metadata = read_weights("net.safetensors")
    assert metadata["kind"] == "mesh-vae"
    assert "--synthetic 40 --preset tiny --steps 3 --batch 2 --seed 3" in metadata["command"]
    assert "mm where hidden" in Path("net.md").read_text()
    assert Path("net.work/log.csv").read_text().splitlines()[0] == "step,loss,l1,laplacian,kl"
    assert type_in(f"{LINE} --synthetic 40 --steps 3").exit_code == 2

    finished = read_weights("net.work/checkpoint.safetensors")[0]
    again = type_in(f"{LINE} --synthetic 40 --steps 3 --force")
    assert "going on after step 3" in again.stderr
    assert all(np.array_equal(weights[k], v) for k, v in read_weights("net.safetensors")[0].items())

    other = type_in(f"{LINE} --synthetic 40 --steps 4 --force")
    assert other.exit_code == 2
    assert "another training" in other.stderr
    assert int(finished["step"]) == 3


def test_a_stopped_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = loop._agreed
    monkeypatch.setattr(loop, "_agreed", lambda stop, group: True)
    first = type_in(f"{LINE} --synthetic 40 --steps 2")
    assert first.exit_code == 0
    assert "stopped after step 1; the same command with --seed 3 goes on" in first.stderr
    assert not Path("net.safetensors").exists()
    monkeypatch.setattr(loop, "_agreed", agreed)
    assert "going on after step 1" in type_in(f"{LINE} --synthetic 40 --steps 2").stderr
    resumed = read_weights("net.safetensors")[0]
    assert type_in(f"{LINE} --synthetic 40 --steps 2 --force --work fresh").exit_code == 0
    assert all(np.array_equal(resumed[k], v) for k, v in read_weights("net.safetensors")[0].items())


def test_registered_meshes_are_learned_from() -> None:
    model = load_model()
    rng = np.random.default_rng(0)
    for person in range(10):
        folder = Path("data") / f"person{person}" / "smile"
        folder.mkdir(parents=True)
        mesh = model.instance(0.5 * rng.normal(size=model.size))
        write_mesh(folder / "smile.000001.ply", mesh, model.topology.faces)
    result = type_in(f"{LINE} --data data --steps 1")
    assert result.exit_code == 0, result.stderr
    assert "10 meshes of 10 people" in result.stderr
    assert "--data data" in Path("net.md").read_text()


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (f"{LINE} --data . --synthetic 40", 2, "either --data or --synthetic"),
        (f"{LINE} --data missing", 4, "holds no meshes"),
    ],
)
def test_wrong_requests_are_refused(line: str, code: int, says: str) -> None:
    result = type_in(line)
    assert result.exit_code == code
    assert says in result.stderr
    assert not Path("net.safetensors").exists()
