"""The commands for avatars as typed, from a capture to a moving face and tables."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[1] / "avatar"))

from invented import SIZES, capture

from facekit.avatar.avatar_files import for_driving
from facekit.avatar.fitting import FitSettings
from facekit.cli.main import cli
from facekit.files.assets import asset
from facekit.files.capture import write_capture
from facekit.files.keypoints import KeypointTrack, read_keypoints, write_keypoints
from facekit.files.npz import read_record
from facekit.files.weights import read_weights, write_weights
from facekit.records import FaceMotion
from facekit.stages import evaluate_avatar, train_avatar

TRAIN = "train-prior avatar sheet --preset tiny --steps 3 --seed 3 --device cpu"


def type_in(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


@pytest.fixture(scope="module", autouse=True)
def _small() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(train_avatar.PRESETS, "tiny", SIZES)
        for stage in (train_avatar, evaluate_avatar):
            patch.setattr(stage, "search", lambda *_, **__: FitSettings(steps=2))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, _small: object) -> Path:
    """A capture, keypoints, and avatars of three kinds trained on it."""
    folder = tmp_path_factory.mktemp("avatar")
    sheet = capture()
    write_capture(folder / "sheet", sheet)
    assert sheet.keypoints is not None
    track = KeypointTrack(np.array(sheet.keypoints.points[:4]), sheet.keypoints.index, 25.0)
    write_keypoints(folder / "points.npz", track)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in (
            f"{TRAIN} --signal kpt -o flow.safetensors",
            f"{TRAIN} --model dam -o dam.safetensors",
            f"{TRAIN} --model dam-reg --signal hmc --base dam.safetensors -o reg.safetensors",
        ):
            result = type_in(line)
            assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture(autouse=True)
def _in_own_folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)


def test_weights_card_and_log() -> None:
    arrays, metadata = read_weights("flow.safetensors")
    assert (metadata["kind"], metadata["model"], metadata["signal"]) == ("avatar", "lip-flow", "kpt")
    assert "--model lip-flow --signal kpt --preset tiny --steps 3 --batch 8 --seed 3" in metadata["command"]
    assert json.loads(metadata["fit"])["kpt"]["steps"] == 2
    assert json.loads(metadata["plan"])["weights"]["latent"] > 0
    assert arrays["networks.decoder.mesh.weight"].dtype == np.float16
    card = Path("flow.md").read_text()
    assert "held-out frames is least" in card
    assert "Avatar of sheet: lip-flow, driven by kpt" in card
    assert Path("flow.work/log.csv").read_text().startswith("step,loss,image,mesh,latent,entropy")
    assert type_in(f"{TRAIN} -o flow.safetensors").exit_code == 2
    assert type_in(f"{TRAIN} -o again.safetensors").exit_code == 0
    assert Path("again.safetensors").read_bytes() == Path("flow.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("--model dam-reg", "--base"),
        ("--model dam --base dam.safetensors", "no other model"),
        ("--model dam-reg --base flow.safetensors", "no dam"),
        ("--batch 1", "--batch"),
    ],
)
def test_what_cannot_be_trained(line: str, word: str) -> None:
    result = type_in(f"{TRAIN} {line} -o new.safetensors")
    assert result.exit_code == 2
    assert word in result.stderr
    assert not Path("new.safetensors").exists()


@pytest.mark.parametrize(("source", "by"), [("flow", "points.npz"), ("dam", "sheet"), ("reg", "sheet")])
def test_drive(source: str, by: str) -> None:
    line = f"drive {source}.safetensors --by {by} --iterations 1 --meshes --frames -o out --json"
    result = type_in(line + (" --fit-headset" if source == "reg" else ""))
    assert result.exit_code == 0, result.stderr
    told, count = json.loads(result.stdout), 4 if by == "points.npz" else 8
    motion = read_record(Path("out", f"{by.removesuffix('.npz')}.motion.npz"), FaceMotion)
    assert (told["frames"], len(motion.vertices)) == (count, count)
    assert motion.fps == (25.0 if by == "points.npz" else 30.0)
    assert len(list(Path("out").glob("mesh_*.obj"))) == len(list(Path("out").glob("frame_*.png"))) == count
    assert Path("out/face.mp4").stat().st_size > 500
    assert ("headset" in told) == (source == "reg")


def test_the_avatar_that_comes_along() -> None:
    """Without Q, which driving does not need; a file of its name goes before it."""
    line = "drive person --by points.npz --iterations 1 --no-video --force -o out"
    result = type_in(line)
    assert result.exit_code == 0, result.stderr
    assert "4 frames of invented 1" in result.stderr
    arrays, metadata = read_weights("flow.safetensors")
    write_weights("person", for_driving(arrays), metadata)
    assert "4 frames of sheet" in type_in(line).stderr
    result = type_in("evaluate avatar person --data sheet --task encoder -o scores")
    assert result.exit_code == 2
    assert "no encoder" in result.stderr


def test_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The avatar and its keypoints fit each other; frames and steps are cut short here."""
    whole = read_keypoints(asset("person.npz"))
    few = replace(whole, points=whole.points[::40])
    monkeypatch.setattr("facekit.files.keypoints.read_keypoints", lambda _: few)
    monkeypatch.setattr("facekit.cli.drive_avatar._fitting", lambda *_: FitSettings(steps=10))
    result = type_in("demo --avatar -o demo --json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["report"]["frames"] == 3
    assert told["report"]["misfit"] < 20  # squares of 0.4 % of the picture
    assert Path(told["video"]).stat().st_size > 500
    assert "facekit drive person --by film.mp4" in result.stderr
    assert type_in("demo --avatar --mask side -o other").exit_code == 2


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("drive flow.safetensors --by points.npz --bvh", "--bvh"),
        ("drive flow.safetensors --by points.npz --target hmc", "--target"),
        ("drive flow.safetensors --by sheet --fit-headset", "--target hmc"),
        ("drive reg.safetensors --by points.npz", "headset's pictures"),
        ("drive pose --by points.npz --meshes", "--meshes"),
    ],
)
def test_what_cannot_drive(line: str, word: str) -> None:
    result = type_in(f"{line} -o out")
    assert result.exit_code == 2
    assert word in result.stderr
    assert not Path("out").exists()


def test_evaluate() -> None:
    first = type_in(
        "evaluate avatar flow.safetensors --data sheet --frames 2 --task kpt --seed 0 -o one --json"
    )
    assert first.exit_code == 0, first.stderr
    line = "evaluate avatar dam.safetensors --data sheet --with one/tables.json --frames 2 --task kpt"
    second = type_in(f"{line} --task encoder --seed 0 -o two")
    assert second.exit_code == 0, second.stderr
    text = Path("two/tables.md").read_text()
    assert "| LiP-Flow-KPT |" in text
    assert "| DAM |" in text
    assert "Table 1." in text
    assert Path("one/flow.latents.png").stat().st_size > 1000
    assert Path("two/dam.samples.png").stat().st_size > 300
    assert Path("two/sheet.fits.png").stat().st_size > 300
    wrong = type_in("evaluate avatar dam.safetensors -o three")
    assert wrong.exit_code == 2
    assert "no --data is a capture of sheet" in wrong.stderr
