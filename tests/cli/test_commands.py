"""What every command owes its user: help, an example, and a decent answer to bad input.

The table lists each command once, with its smallest call; a test fails where a command is not in it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import COMMANDS, cli
from facekit.files.images import write_image

BAD = "{bad}"


@dataclass(frozen=True)
class Minimal:
    """The smallest calls of a command in which a bad file stands for an input."""

    calls: tuple[tuple[str, ...], ...] = ()
    codes: frozenset[int] = frozenset({4, 5})  # unreadable, or of another kind
    takes_folders: bool = False  # then a folder that lacks something is wrong usage


MINIMAL_COMMANDS = {
    "detect": Minimal(((BAD,), ("photo.png", "--occlusion", BAD), ("photo.png", "--landmarks", BAD))),
    "fit-3dmm": Minimal(((BAD,), ("photo.png", "--occlusion", BAD), ("photo.png", "--landmarks", BAD))),
    "diversify": Minimal(((BAD, "-n", "2"),)),
    "complete": Minimal(
        ((BAD, "--occlusion", "mask.png"), ("photo.png", "--occlusion", BAD)), takes_folders=True
    ),
    "render": Minimal(((BAD,),), takes_folders=True),
    "train-prior": Minimal(),  # makes its own data
    "drive": Minimal(((BAD, "--by", "photo.png"),)),
    "evaluate": Minimal((("pose", "photo.png", "--data", BAD),)),
    "synth": Minimal((("occlude", BAD, "-o", "out"),)),
    "model": Minimal((("info", BAD), ("convert", BAD, "-o", "out.safetensors")), frozenset({4, 5, 6})),
    "info": Minimal(((BAD,), (BAD, "--json"), (BAD, "--get", "kind"))),
    "diff": Minimal(((BAD, "photo.png"), ("photo.png", BAD))),
    "demo": Minimal(),  # brings its own photo
}


def walk() -> list[tuple[str, click.Command]]:
    """Every command and subcommand that --help lists, with its path."""
    found = []
    ctx = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(ctx, name)
        assert command is not None
        found.append((name, command))
        found += [(f"{name} {sub}", child) for sub, child in getattr(command, "commands", {}).items()]
    return found


ALL = walk()


def test_every_command_is_in_the_table() -> None:
    assert list(MINIMAL_COMMANDS) == list(COMMANDS)


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_help(path: str, command: click.Command) -> None:
    result = CliRunner().invoke(cli, [*path.split(), "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: {cli.name} {path} ")
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts} has no help"
            assert parameter.help.endswith((".", "…")), f"the help of {path} {parameter.opts} is no sentence"


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_common_options(path: str, command: click.Command) -> None:
    options = {name for parameter in command.params for name in parameter.opts}
    if not isinstance(command, click.Group):
        assert {"-q", "--quiet", "-v", "--verbose", "--json"} <= options
    if "--output" in options:
        assert {"-o", "--force"} <= options


def example_lines(command: click.Command) -> list[str]:
    return [line.strip() for line in (command.help or "").splitlines() if line.strip().startswith("facekit ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_use_options_that_exist(name: str) -> None:
    command = dict(ALL)[name]
    lines = example_lines(command)
    assert lines, f"{name} --help shows no example"
    for line in lines:
        words = line.removeprefix("facekit ").split("|")[0].split()
        path = " ".join(words[:2]) if isinstance(command, click.Group) else words[0]
        known = {option for parameter in dict(ALL)[path].params for option in parameter.opts}
        used = {word.split("=")[0] for word in words if re.fullmatch(r"-n|-o|--[a-z].*", word)}
        assert used <= known, line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a good photo and mask."""
    monkeypatch.chdir(tmp_path)
    write_image("photo.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    write_image("mask.png", np.eye(64, dtype=bool))
    return tmp_path


def spoil(folder: Path, kind: str) -> str:
    """Make one bad input; returns its name."""
    if kind == "missing":
        return "missing.png"
    if kind == "folder":
        (folder / "folder.png").mkdir()
    else:
        png = (folder / "photo.png").read_bytes()
        content = {"empty": b"", "text": b"I am no picture.\n", "truncated": png[: len(png) // 2]}[kind]
        (folder / f"{kind}.png").write_bytes(content)
    return f"{kind}.png"


CALLS = [(name, call) for name in COMMANDS for call in MINIMAL_COMMANDS[name].calls]


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder"])
@pytest.mark.parametrize(("name", "call"), CALLS, ids=[" ".join([name, *call]) for name, call in CALLS])
def test_bad_input(folder: Path, name: str, call: tuple[str, ...], kind: str) -> None:
    bad = spoil(folder, kind)
    before = sorted(folder.rglob("*"))
    result = CliRunner().invoke(cli, [name, *(bad if word == BAD else word for word in call)])
    row = MINIMAL_COMMANDS[name]
    assert_decent(result, row.codes | {2} if kind == "folder" and row.takes_folders else row.codes)
    assert bad in result.stderr
    assert sorted(folder.rglob("*")) == before


def assert_decent(result: Result, codes: frozenset[int]) -> None:
    """One line on stderr that names no exception, and an exit code of the right kind."""
    assert result.exit_code in codes, result.stderr
    assert result.stdout == ""
    lines = [
        line for line in result.stderr.splitlines() if line.startswith("facekit: ") and "warning" not in line
    ]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr


def test_the_check_above_can_fail(folder: Path) -> None:
    result = CliRunner().invoke(cli, ["info", "photo.png"])
    with pytest.raises(AssertionError):
        assert_decent(result, frozenset({4, 5}))
