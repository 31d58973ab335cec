"""The examples do what they say, with a command that records; shell/complete.sh runs the script for real."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# Stands in for facekit: notes its arguments, writes the file after -o (complete: a folder), fails on "bad".
RECORDER = """#!/bin/sh
echo "$@" >> "$LOG"
out=$(echo "$@" | sed 's/.* -o \\([^ ]*\\).*/\\1/')
if [ "$1" = complete ]; then mkdir -p "$out"; out=$out/report.json; fi
echo "$1" > "$out"
case "$2" in bad*) exit 3;; esac
"""

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def command(folder: Path, text: str) -> dict[str, str]:
    """An environment in which ``facekit`` is the script ``text``."""
    folder.mkdir()
    script = folder / "facekit"
    script.write_text(text)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "LOG": str(folder / "log")}


def make(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    line = ["make", "-f", str(EXAMPLES / "Makefile"), "-C", str(folder), *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


def log(environment: dict[str, str]) -> list[str]:
    """The calls since the last look."""
    path = Path(environment["LOG"])
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("anna.jpg", "anna.mask.png", "ben.png", "eve.fit.png"):
        (folder / name).touch()
    return folder


@needs_make
def test_make_runs_the_stages_in_order(photos: Path, tmp_path: Path) -> None:
    environment = command(tmp_path / "bin", RECORDER)
    result = make(photos, environment)
    assert result.returncode == 0, result.stderr
    calls = log(environment)
    assert [c.split()[0] for c in calls if "anna" in c] == ["detect", "fit-3dmm", "diversify", "complete"]
    assert [c.split()[0] for c in calls if "ben" in c] == ["detect", "fit-3dmm", "diversify"]
    assert all(
        ("--occlusion anna.mask.png" in c) == ("anna" in c) for c in calls if not c.startswith("diversify")
    )
    assert not any("eve" in c for c in calls)
    kept = {"anna.landmarks.npz", "anna.fit.npz", "anna.ensemble.npz", "anna.complete", "ben.ensemble.npz"}
    assert kept <= {p.name for p in photos.iterdir()}


@needs_make
def test_the_mask_of_an_occluded_photo_is_not_that_of_the_clean_one(tmp_path: Path) -> None:
    """Files as synth photos --occluder writes them."""
    folder, environment = tmp_path / "synth", command(tmp_path / "bin", RECORDER)
    folder.mkdir()
    for name in ("00000.png", "00000.occluded.png", "00000.mask.png", "00000.truth.npz"):
        (folder / name).touch()
    result = make(folder, environment)
    assert result.returncode == 0, result.stderr
    calls = [c.split() for c in log(environment)]
    hidden = {c[1]: "00000.mask.png" in c for c in calls if c[0] != "diversify"}
    assert hidden == {"00000.png": False, "00000.occluded.png": True}
    assert [c[1] for c in calls if c[0] == "complete"] == ["00000.occluded.png"]


@needs_make
def test_make_repeats_only_what_has_changed(photos: Path, tmp_path: Path) -> None:
    environment = command(tmp_path / "bin", RECORDER)
    make(photos, environment)
    log(environment)
    make(photos, environment)
    assert log(environment) == []
    for number, path in enumerate(sorted(photos.rglob("*"), key=lambda p: p.stat().st_mtime_ns)):
        os.utime(path, (1_000_000 + number, 1_000_000 + number))
    (photos / "anna.mask.png").touch()
    make(photos, environment)
    calls = log(environment)
    assert {c.split()[1] for c in calls} == {"anna.jpg", "anna.fit.npz"}
    assert {c.split()[0] for c in calls} == {"detect", "fit-3dmm", "diversify", "complete"}


@needs_make
def test_make_keeps_nothing_of_a_failed_stage(photos: Path, tmp_path: Path) -> None:
    environment = command(tmp_path / "bin", RECORDER)
    (photos / "bad.jpg").touch()
    result = make(photos, environment, "-k")
    assert result.returncode == 2
    assert not list(photos.glob("bad.*npz"))
    assert (photos / "anna.complete" / "report.json").exists()


@needs_make
def test_make_clean_leaves_the_photos(photos: Path, tmp_path: Path) -> None:
    environment = command(tmp_path / "bin", RECORDER)
    before = sorted(p.name for p in photos.iterdir())
    make(photos, environment)
    make(photos, environment, "clean")
    assert sorted(p.name for p in photos.iterdir()) == before


def test_pipeline_stops_at_the_first_failure(tmp_path: Path) -> None:
    environment = command(tmp_path / "bin", RECORDER)
    script = str(EXAMPLES / "pipeline.sh")
    assert subprocess.run([script], capture_output=True, check=False).returncode == 2
    result = subprocess.run([script, "bad.jpg", "mask.png"], env=environment, cwd=tmp_path, check=False)
    assert result.returncode == 3
    assert len(log(environment)) == 1
