"""The Snakefile: its shell lines are commands that exist, its rules meet, and it runs where snakemake is."""

import re
import shutil
import stat
import subprocess
from pathlib import Path

import click
import pytest

from facekit.cli.main import COMMANDS, cli

SNAKEFILE = Path(__file__).resolve().parents[1] / "examples" / "Snakefile"
RECORDER = """#!/bin/sh
echo "$@" >> "{log}"
for word; do if [ "$before" = -o ]; then out=$word; fi; before=$word; done
if [ "$1" = complete ]; then mkdir -p "$out"; out=$out/report.json; fi
echo "$1" > "$out"
case "$2" in bad*) exit 3;; esac
"""


def rules() -> dict[str, str]:
    """Name and text of each rule."""
    parts = re.split(r"^rule (\w+):\n", SNAKEFILE.read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def shell_of(text: str) -> str:
    """The strings under ``shell:`` put together, empty for a rule that only names targets."""
    found = re.search(r"^    shell:\n((?:        \".*\"\n)+)", text, re.M)
    return "".join(re.findall(r'^        "(.*)"$', found[1], re.M)) if found else ""


def test_its_python_part_compiles() -> None:
    text = SNAKEFILE.read_text()
    compile(text[: text.index("wildcard_constraints:")], "Snakefile", "exec")


@pytest.mark.parametrize(
    ("rule", "name"),
    [("detect", "detect"), ("fit_3dmm", "fit-3dmm"), ("diversify", "diversify"), ("complete", "complete")],
)
def test_shell_lines_are_commands(rule: str, name: str) -> None:
    line = shell_of(rules()[rule])
    words = line.split()
    assert words[:2] == ["facekit", name]
    assert name in COMMANDS
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known
    assert "--force" in words  # what a failed job left must not stop its repetition


def test_every_input_is_made_by_a_rule_or_is_a_photo() -> None:
    made, wanted = set(), set()
    for text in rules().values():
        found = re.search(r"^    output:\n((?:        .*\n)+)", text, re.M)
        made |= set(re.findall(r'"(.*?)"', found[1])) if found else set()
        found = re.search(r"^    input:\n((?:        .*\n)+)", text, re.M)
        wanted |= set(re.findall(r'"(\{name\}.*?)"', found[1])) if found else set()
    records = {f"{{name}}.{kind}.npz" for kind in ("landmarks", "fit", "ensemble")}
    assert made == {*records, "{name}.complete/report.json"}
    assert wanted
    assert wanted <= made  # photos and masks come from functions


@pytest.mark.skipif(shutil.which("snakemake") is None, reason="snakemake is not installed")
def test_snakemake_runs_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bin_folder, log = tmp_path / "photos", tmp_path / "bin", tmp_path / "log"
    folder.mkdir()
    bin_folder.mkdir()
    for name in ("anna.jpg", "anna.mask.png", "my ben.png", "eve.fit.png", "bad.webp"):
        (folder / name).touch()
    script = bin_folder / "facekit"
    script.write_text(RECORDER.format(log=log))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(bin_folder), prepend=":")
    line = ["snakemake", "-s", str(SNAKEFILE), "-d", str(folder), "--cores", "2", "--keep-going"]
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    calls = log.read_text().splitlines()
    assert result.returncode == 1, result.stderr
    assert [c.split()[0] for c in calls if "anna" in c] == ["detect", "fit-3dmm", "diversify", "complete"]
    assert [c.split()[0] for c in calls if "ben" in c] == ["detect", "fit-3dmm", "diversify"]
    assert [c.split()[0] for c in calls if "bad" in c] == ["detect"]
    assert not any("eve" in c for c in calls)
    assert all(("--occlusion anna.mask.png" in c) == ("anna" in c) for c in calls if "diversify" not in c)
    assert not list(folder.glob("bad.*npz"))
