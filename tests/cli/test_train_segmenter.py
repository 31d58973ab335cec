"""train-prior segmenter as typed: weights, card, log; a stopped run goes on; wrong requests are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.weights import read_weights
from facekit.train import loop

LINE = "train-prior segmenter --preset tiny --seed 3 -o net.safetensors --device cpu"


def type_in(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled") / "photos"
    line = f"synth photos -n 2 --size 96 --occluder hand --face-mask --seed 1 -o {folder}"
    result = type_in(line)
    assert result.exit_code == 0, result.stderr
    assert len(list(folder.glob("*.face.png"))) == 2
    return folder


@pytest.fixture(autouse=True)
def _in_own_folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").symlink_to(photos)
    monkeypatch.chdir(tmp_path)


def test_weights_card_and_log() -> None:
    result = type_in(f"{LINE} --data photos --steps 2 --json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["seed"] == 3
    assert 0 <= told["occluder"] <= 1
    weights, metadata = read_weights("net.safetensors")
    assert metadata["kind"] == "face segmenter"
    assert "--data photos --preset tiny --steps 2 --batch 2 --seed 3" in metadata["command"]
    assert "for the occluder" in Path("net.md").read_text()
    assert Path("net.work/log.csv").read_text().splitlines()[0] == "step,loss,occluder_iou"
    assert type_in(f"{LINE} --data photos --steps 2").exit_code == 2

    again = type_in(f"{LINE} --data photos --steps 2 --force")
    assert "going on after step 2" in again.stderr
    assert all(np.array_equal(weights[k], v) for k, v in read_weights("net.safetensors")[0].items())


def test_a_stopped_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = loop._agreed
    monkeypatch.setattr(loop, "_agreed", lambda stop, group: True)
    first = type_in(f"{LINE} --data photos --steps 2")
    assert first.exit_code == 0
    assert "stopped after step 1; the same command with --seed 3 goes on" in first.stderr
    assert not Path("net.safetensors").exists()
    monkeypatch.setattr(loop, "_agreed", agreed)
    other = type_in(f"{LINE} --data photos --steps 3")
    assert other.exit_code == 2
    assert "another training" in other.stderr
    assert type_in(f"{LINE} --data photos --steps 2").exit_code == 0


def test_half_precision_is_another_training_towards_nearly_the_same() -> None:
    assert type_in(f"{LINE} --data photos --steps 2").exit_code == 0
    line = f"{LINE.replace('net', 'half')} --data photos --steps 2 --bfloat16"
    assert type_in(f"{line} --work net.work").exit_code == 2  # that of full precision
    assert type_in(line).exit_code == 0
    whole, half = (read_weights(f"{name}.safetensors") for name in ("net", "half"))
    assert "--bfloat16" in half[1]["command"]
    away = max(float(np.abs(half[0][k].astype(float) - v).max()) for k, v in whole[0].items())
    assert 0 < away < 0.05


def test_a_training_from_weights() -> None:
    assert type_in(f"{LINE} --data photos --steps 1").exit_code == 0
    line = LINE.replace("net", "again").replace("--seed 3", "--seed 4")
    line += " --data photos --steps 1 --start net.safetensors"
    assert type_in(line).exit_code == 0
    assert read_weights("again.safetensors")[1]["command"].endswith("--start net.safetensors")
    first, second = (read_weights(f"{name}.safetensors")[0] for name in ("net", "again"))
    apart = np.abs(first["out.weight"].astype(float) - second["out.weight"].astype(float)).max()
    assert apart < 0.01  # of random weights 1 and more
    small = type_in(f"{line.replace('tiny', 'small')} --work elsewhere --force")
    assert small.exit_code == 2
    assert "preset" in small.stderr


def test_synthetic_faces_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type_in(f"{LINE} --synthetic 2 --steps 1").exit_code == 0
    kept = sorted(path.name for path in Path("net.work/faces").iterdir())
    assert kept == ["3_000000.safetensors", "3_000001.safetensors"]


def test_wrong_requests() -> None:
    both = type_in(f"{LINE} --data photos --synthetic 4")
    assert both.exit_code == 2
    assert "not both" in both.stderr
    Path("empty").mkdir()
    assert type_in(f"{LINE} --data empty").exit_code == 2
    assert type_in(f"{LINE} --data nowhere").exit_code == 4
