"""``facekit synth capture`` and what ``facekit info`` says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.capture import read_capture

SMALL = ("--preset", "tiny", "--frames", "3", "--held-out", "2", "--cameras", "1", "--seed", "4")


def type_in(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synth") / "anna"
    result = type_in("synth", "capture", "-o", path, *SMALL, "--keypoint-noise", "0.01", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["folder"] == str(path)
    assert (told["frames"], told["held_out"], told["cameras"], told["seed"]) == (3, 2, 1, 4)
    return path


def test_what_was_asked_for(folder: Path) -> None:
    capture = read_capture(folder)
    assert capture.subject == "invented 4"
    assert capture.history[0].command.startswith("facekit synth capture -o")
    assert capture.history[0].seed == 4
    assert capture.textures.shape == (5, 32, 32, 3)


def test_info(folder: Path) -> None:
    result = type_in("info", folder)
    assert result.exit_code == 0
    assert "capture, format 1" in result.stdout
    assert type_in("info", folder, "--get", "held_out_frames").stdout == "2\n"
    shown = json.loads(type_in("info", folder, "--json").stdout)
    assert shown["values"]["views.images"]["shape"] == [5, 1, 48, 48, 3]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (("--test-on", "E0"), "--test-on goes with --from"),
        (("--from", "nowhere"), "not in Multiface's layout"),
        (("--from", "nowhere", "--held-out", "3"), "use --test-on"),
        (("--preset", "paper"), "does not fit on the disk"),
        (("--frames", "2"), "x>=3"),
    ],
)
def test_one_sentence_for_what_cannot_be(wish: tuple[str, ...], words: str, tmp_path: Path) -> None:
    result = type_in("synth", "capture", "-o", tmp_path / "c", "--seed", "1", *wish)
    assert result.exit_code != 0
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "c").exists()


def test_refuses_a_folder_before_work(folder: Path) -> None:
    result = type_in("synth", "capture", "-o", folder, *SMALL)
    assert result.exit_code == 2
    assert "--force" in result.stderr
