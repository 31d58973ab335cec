"""``facekit info`` on every kind of file."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.images import write_image
from facekit.files.meshes import write_mesh
from facekit.files.npz import write_record
from facekit.files.weights import write_weights
from facekit.records import Record

KINDS = ["landmarks", "camera", "light", "code", "fit", "ensemble", "completion"]


def info(*args: object) -> Result:
    return CliRunner().invoke(cli, ["info", *map(str, args)])


@pytest.fixture
def files(records: dict[str, Record], tmp_path: Path) -> dict[str, Path]:
    paths = {kind: tmp_path / f"{kind}.npz" for kind in records}
    for kind, record in records.items():
        write_record(paths[kind], record)
    paths |= {
        "picture": tmp_path / "a.png",
        "mesh": tmp_path / "a.obj",
        "weights": tmp_path / "a.safetensors",
    }
    paths["json"] = tmp_path / "a.json"
    write_image(paths["picture"], np.zeros((4, 6, 3), np.uint8))
    write_mesh(paths["mesh"], np.eye(3), np.array([[0, 1, 2]]))
    write_weights(paths["weights"], {"layer.weight": np.zeros((2, 3), np.float32)}, {"kind": "flow"})
    paths["json"].write_text('{"faces": [{"psnr": 20.5, "ok": true}], "sizes": [1, 2], "none": null}')
    return paths


@pytest.mark.parametrize("kind", [*KINDS, "picture", "mesh", "weights", "json"])
def test_table_and_json(files: dict[str, Path], kind: str) -> None:
    result = info(files[kind])
    assert result.exit_code == 0
    assert result.stderr == ""
    assert f"{kind}, format 1" in result.stdout
    shown = json.loads(info(files[kind], "--json").stdout)
    assert shown["kind"] == kind
    assert shown["values"]
    for key in shown["values"]:
        assert key in result.stdout
        assert info(files[kind], "--get", key).exit_code == 0


def test_get(files: dict[str, Path], records: dict[str, Record]) -> None:
    printed = info(files["fit"], "--get", "camera.K").stdout
    expected = records["fit"].camera.K  # type: ignore[attr-defined]
    assert np.array_equal(np.array(printed.split(), float).reshape(3, 3), expected)
    assert info(files["fit"], "--get", "kind").stdout == "fit\n"
    assert info(files["fit"], "--get", "outcome").stdout == "The fit converged.\n"
    assert info(files["fit"], "--get", "stats.iterations").stdout == "12\n"
    assert info(files["weights"], "--get", "metadata.kind").stdout == "flow\n"
    assert info(files["json"], "--get", "faces.0.psnr").stdout == "20.5\n"
    assert json.loads(info(files["fit"], "--get", "camera.R", "--json").stdout) == np.eye(3).tolist()


def test_history_is_shown(files: dict[str, Path]) -> None:
    assert "facekit detect 'my photo.jpg'" in info(files["fit"]).stdout
    assert json.loads(info(files["fit"], "--json").stdout)["history"][0]["seed"] == 7


def test_unknown_key_lists_those_there_are(files: dict[str, Path]) -> None:
    result = info(files["camera"], "--get", "nope")
    assert result.exit_code == 2
    assert "it has kind, version, K, R, t, image_size" in result.stderr
    assert result.stdout == ""


def test_several_files_with_a_bad_one(files: dict[str, Path], tmp_path: Path) -> None:
    result = info(files["fit"], tmp_path / "none.npz", files["mesh"], "--json")
    assert result.exit_code == 4
    first, second, failure = json.loads(result.stdout)
    assert (first["kind"], second["kind"]) == ("fit", "mesh")
    assert failure["exit_code"] == 4
    assert "none.npz does not exist" in result.stderr
