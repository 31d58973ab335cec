"""train-prior face-encoder as typed: weights, card, log; wrong requests are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.models import load_model
from facekit.files.weights import read_weights, write_weights
from facekit.networks.lessons import Lessons

LINE = "train-prior face-encoder --preset tiny --batch 2 --seed 3 --device cpu -o net.safetensors"


def type_in(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a work folder in which the synthetic faces are already."""
    monkeypatch.chdir(tmp_path)
    rng, modes = np.random.default_rng(0), load_model().size
    Path("net.work").mkdir()
    for index in range(20):
        face = Lessons(
            pictures=rng.integers(0, 256, (1, 48, 48, 3)).astype(np.uint8),
            code=rng.normal(size=(1, modes)).astype(np.float32),
            scale=np.full(1, 4.0, np.float32),
            rotation=np.diag([1.0, -1.0, -1.0])[None].astype(np.float32),
            origin=np.full((1, 2), 0.5, np.float32),
            focal=np.full(1, 3.0, np.float32),
            landmarks=rng.uniform(0.3, 0.7, (1, 68, 2)).astype(np.float32),
            occluders=np.zeros((0, 48, 48), np.uint8),
        )
        write_weights(f"net.work/tiny_3_{index:06d}.safetensors", face.arrays(), {})


def test_weights_card_and_log() -> None:
    result = type_in(f"{LINE} --synthetic 20 --steps 2 --json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["seed"] == 3
    assert set(told["scores"]) == {"nothing", "rectangles and occluders"}
    weights, metadata = read_weights("net.safetensors")
    assert metadata["kind"] == "face-encoder"
    assert "--synthetic 20 --preset tiny --steps 2 --batch 2 --rate 0.002 --seed 3" in metadata["command"]
    assert "the paper: 17.4 and 5.54" in Path("net.md").read_text()
    assert Path("net.work/log.csv").read_text().startswith("step,loss,shape,code,pose,landmarks,texture")
    assert type_in(f"{LINE} --synthetic 20 --steps 2").exit_code == 2
    again = type_in(f"{LINE} --synthetic 20 --steps 2 --force")
    assert "going on after step 2" in again.stderr
    assert all(np.array_equal(weights[k], v) for k, v in read_weights("net.safetensors")[0].items())
    other = type_in(f"{LINE} --synthetic 20 --steps 3 --force")
    assert "another training" in other.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--photos here", "give --from"),
        ("--data here --synthetic 30", "give one of"),
        ("--data nowhere", "is no folder"),
    ],
)
def test_wrong_requests(line: str, told: str) -> None:
    result = type_in(f"{LINE} {line}")
    assert result.exit_code != 0
    assert told in result.stderr
