"""The commands for bodies as typed, from invented motions to tables and a moving body."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.files.motion import read_headset, read_motions
from facekit.files.npz import read_record
from facekit.files.weights import read_weights
from facekit.motion.skeleton import skeleton_of
from facekit.records import Motion
from facekit.stages.drive_pose import world_joints
from facekit.train import loop

TRAIN = "train-prior pose moves --preset tiny --steps 4 --seed 3 --device cpu"


def type_in(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Motions, and weights of two kinds trained on them."""
    folder = tmp_path_factory.mktemp("pose")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in (
            "synth motion -n 12 --seconds 0.4 -o moves --seed 1",
            f"{TRAIN} -o flag.safetensors",
            f"{TRAIN} --model vae -o vae.safetensors",
        ):
            result = type_in(line)
            assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture(autouse=True)
def _in_own_folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)


def test_motions_and_signals() -> None:
    names = sorted(path.name for path in Path("moves").iterdir())
    assert len(names) == 24
    assert names[:2] == ["curve_000.hmd.npz", "curve_000.motion.npz"]
    assert len(read_motions("moves")) == 12
    assert len(read_headset("moves/walk_001.hmd.npz").positions) == 12
    assert type_in("synth motion -n 2 --seconds 0.4 -o again --seed 1").exit_code == 0
    for name in ("walk_000.motion.npz", "curve_000.hmd.npz"):
        assert Path("again", name).read_bytes() == Path("moves", name).read_bytes()


def test_weights_card_and_log() -> None:
    arrays, metadata = read_weights("flag.safetensors")
    assert (metadata["kind"], metadata["model"]) == ("pose", "flag")
    assert "--model flag --preset tiny --steps 4 --batch 32 --seed 3" in metadata["command"]
    assert {value.dtype.name for value in arrays.values()} == {"float16", "float32", "int64"}
    assert "clips" in Path("flag.md").read_text()
    head = Path("flag.work/log.csv").read_text().splitlines()[0]
    assert head == "step,loss,nll,masked,categorical,region,pose,width,middle"
    assert type_in(f"{TRAIN} -o flag.safetensors").exit_code == 2


def test_a_stopped_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = loop._agreed
    monkeypatch.setattr(loop, "_agreed", lambda stop, group: True)
    first = type_in(f"{TRAIN} -o new.safetensors")
    assert "stopped after step 1; the same command with --seed 3 goes on" in first.stderr
    assert not Path("new.safetensors").exists()
    monkeypatch.setattr(loop, "_agreed", agreed)
    other = type_in(f"{TRAIN} --batch 8 -o new.safetensors")
    assert other.exit_code == 2
    assert "another training" in other.stderr
    assert "going on after step 1" in type_in(f"{TRAIN} -o new.safetensors").stderr
    assert Path("new.safetensors").read_bytes() == Path("flag.safetensors").read_bytes()


def test_driving_by_a_signal() -> None:
    result = type_in(
        "drive flag.safetensors --by moves/wave_000.hmd.npz --truth moves/wave_000.motion.npz "
        "--iterations 2 --bvh -o out --json"
    )
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["frames"] == 12
    assert 0 < told["upper"] < told["full"] < 200
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "amass.npz",
        "motion.bvh",
        "report.json",
        "skeleton.mp4",
        "skeleton.png",
        "wave_000.motion.npz",
    ]
    motion = read_record("out/wave_000.motion.npz", Motion)
    assert motion.history[-1].command.startswith("facekit drive flag.safetensors")
    (amass,) = read_motions("out/amass.npz")
    np.testing.assert_allclose(amass.root, motion.root, atol=0.03)  # set on the floor when read
    assert type_in("drive flag.safetensors --by moves/wave_000.hmd.npz -o out").exit_code == 2


def test_driving_by_a_motion() -> None:
    line = "drive vae.safetensors --by moves/look_001.motion.npz --iterations 0 --no-video"
    assert "cm off in the upper body" in type_in(line).stderr
    assert not Path("look_001.drive/skeleton.mp4").exists()


def test_the_prior_that_comes_along() -> None:
    arrays = np.load("moves/look_000.hmd.npz")
    np.savez("a.npz", **{name: arrays[name] for name in ("rotations", "positions", "fps")})
    result = type_in("drive pose --by a.npz --iterations 0 --no-video --scale 1.1 --json")
    assert result.exit_code == 0, result.stderr
    motion = read_record("a.drive/a.motion.npz", Motion)
    assert motion.joint_names.size == 15
    assert Path("a.drive/amass.npz").is_file()


def test_a_missing_hand_is_counted() -> None:
    headset = read_headset("moves/look_000.hmd.npz")
    positions = headset.positions.copy()
    positions[3:5, 2] = np.nan
    np.savez("a.npz", rotations=headset.rotations, positions=positions, fps=30.0)
    result = type_in("drive flag.safetensors --by a.npz --iterations 1 --no-video --scale 1.1 --json")
    assert json.loads(result.stdout)["hands_missing"] == 2
    np.testing.assert_allclose(
        read_record("a.drive/a.motion.npz", Motion).offsets[1:],
        1.1 * read_motions("moves")[0].offsets[1:],
        atol=1e-5,
    )


def test_a_signal_in_the_axes_of_openxr() -> None:
    headset = read_headset("moves/look_000.hmd.npz")
    half_turn = np.diag([-1.0, 1.0, -1.0])
    turned = half_turn @ headset.rotations @ half_turn  # of the head; the hands turn about another axis
    np.savez("a.npz", rotations=turned, positions=headset.positions @ half_turn, fps=30.0)
    line = "drive flag.safetensors --by a.npz --iterations 0 --no-video --convention openxr"
    assert type_in(line).exit_code == 0
    motion = read_record("a.drive/a.motion.npz", Motion)
    head = skeleton_of(motion).devices[0]
    np.testing.assert_allclose(world_joints(motion)[:, head], headset.positions[:, 0], atol=1e-4)


def test_tables() -> None:
    line = "evaluate pose flag.safetensors vae.safetensors --data moves --frames 4 -k 2 --runs 2 --seed 1"
    result = type_in(f"{line} -o tables --json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert list(told["results"]) == ["flag", "vae"]
    text = Path("tables/tables.md").read_text()
    assert "| flag | z = mu_H |" in text
    assert "best of 2 samples" in text
    assert Path("tables/iterations.png").stat().st_size > 1000
    assert "was trained on" not in result.stderr
    Path("b").mkdir()
    Path("b/vae.safetensors").symlink_to(Path("vae.safetensors").resolve())
    again = type_in(f"{line} b/vae.safetensors --part train -o other")
    assert "flag.safetensors was trained on" in again.stderr
    assert "| flag | z = mu_H |" in again.stdout
    assert "| b/vae | z = 0 |" in again.stdout


def make_bad_files() -> None:
    """Signals and archives of clips with one thing wrong each."""
    headset = read_headset("moves/look_000.hmd.npz")
    R, p = headset.rotations, headset.positions
    blind = p.copy()
    blind[2, 0] = np.nan
    np.savez("millimetres.npz", rotations=R, positions=1000 * p, fps=30)
    np.savez("stretched.npz", rotations=1.1 * R, positions=p, fps=30)
    np.savez("two.npz", rotations=R[:, :2], positions=p[:, :2], fps=30)
    np.savez("blind.npz", rotations=R, positions=blind, fps=30)
    Path("cut.npz").write_bytes(Path("blind.npz").read_bytes()[:400])
    motion = read_motions("moves")[0]
    arrays = {
        "joint_names": motion.joint_names,
        "parents": motion.parents,
        "offsets": motion.offsets,
        "rotations": motion.rotations,
        "root_translation": motion.root,
        "clip_names": np.array(["one", "two"]),
        "clip_lengths": np.array([5, 7]),
    }
    np.savez("clips.npz", **arrays)
    np.savez("plain.npz", **(arrays | {"offsets": 1.2 * motion.offsets}))
    np.savez("fewer.npz", **(arrays | {"rotations": motion.rotations[:, :-1]}))


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("drive flag.safetensors --by moves/none.npz", 4, "does not exist"),
        ("drive flag.safetensors --by flag.md", 5, "expected an .npz file"),
        ("drive moves/look_000.hmd.npz --by moves/look_000.hmd.npz", 5, "expected a .safetensors"),
        ("drive flag.safetensors --by moves/look_000.hmd.npz --clip look", 2, "leave out --clip"),
        ("drive flag.safetensors --by clips.npz", 2, "holds 2 clips"),
        ("drive flag.safetensors --by clips.npz --clip three", 2, "one of one, two"),
        ("drive flag.safetensors --by millimetres.npz", 4, "millimetres"),
        ("drive flag.safetensors --by stretched.npz", 4, "axes are not of length one"),
        ("drive flag.safetensors --by two.npz", 4, "head, left hand, right hand"),
        ("drive flag.safetensors --by blind.npz", 4, "head is missing in frame 2"),
        ("drive flag.safetensors --by cut.npz", 4, "damaged or incomplete"),
        ("drive flag.safetensors --by fewer.npz", 4, "joints, but rotations"),
        ("drive flag.safetensors --by moves/look_000.motion.npz --convention openxr", 2, "leave out --conv"),
        ("train-prior pose fewer.npz --seed 1 -o x.safetensors", 4, "joints, but rotations"),
        ("train-prior pose moves/look_000.motion.npz --seed 1 -o x.safetensors", 2, "at least 3"),
        ("train-prior pose nowhere --seed 1 -o x.safetensors", 4, "does not exist"),
        ("evaluate pose flag.safetensors --data plain.npz --part all -o x", 5, "another skeleton"),
        ("evaluate pose pose --data plain.npz --part all -o x", 5, "another skeleton"),
    ],
)
def test_wrong_requests_are_refused(line: str, code: int, says: str) -> None:
    make_bad_files()
    before = sorted(Path().iterdir())
    result = type_in(line)
    assert result.exit_code == code, result.stderr
    assert says in result.stderr
    assert [line.startswith("facekit: ") for line in result.stderr.splitlines()].count(True) == 1
    assert sorted(Path().iterdir()) == before
