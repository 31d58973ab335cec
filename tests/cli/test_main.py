"""Exit codes, the one line on stderr, and what --help may cost."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from facekit import __version__, errors
from facekit.cli import console, main
from facekit.cli.options import verbosity_options

PYTHON = [sys.executable, "-m", "facekit.cli.main"]


def error_classes() -> list[type[errors.FacekitError]]:
    return [errors.FacekitError, *errors.FacekitError.__subclasses__()]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """A command ``fail`` that raises the last exception of the list."""
    raised: list[BaseException] = []

    @click.command()
    @verbosity_options
    def fail() -> None:
        raise raised[-1]

    monkeypatch.setattr(main.cli, "list_commands", lambda ctx: ["fail"])
    monkeypatch.setattr(main.cli, "get_command", lambda ctx, name: fail)
    return raised


def test_exit_codes_are_different_and_listed_in_help() -> None:
    codes = [error.exit_code for error in error_classes()]
    assert len(set(codes)) == len(codes)
    text = CliRunner().invoke(main.cli, ["--help"]).output
    for code in codes[1:]:
        assert f"  {code} " in text


@pytest.mark.parametrize("error", error_classes())
def test_expected_errors_are_one_line(failing: list[BaseException], error: type[errors.FacekitError]) -> None:
    failing.append(error("something\nis wrong"))
    result = CliRunner().invoke(main.cli, ["fail"])
    assert result.exit_code == error.exit_code
    assert result.stderr == "facekit: something is wrong\n"
    assert result.stdout == ""


def test_unexpected_errors_are_one_line_and_a_traceback_only_with_v(failing: list[BaseException]) -> None:
    failing.append(ZeroDivisionError("by zero"))
    result = CliRunner().invoke(main.cli, ["fail"])
    assert result.exit_code == 70
    assert result.stderr.count("\n") == 1
    assert "internal error: ZeroDivisionError: by zero; re-run with -v" in result.stderr
    result = CliRunner().invoke(main.cli, ["fail", "-v"])
    assert result.exit_code == 70
    assert "Traceback" in result.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interrupted(failing: list[BaseException], error: BaseException) -> None:
    failing.append(error)
    result = CliRunner().invoke(main.cli, ["fail"])
    assert result.exit_code == 130
    assert result.stderr.strip() == "facekit: interrupted"


def test_verbosity_does_not_leak_into_the_next_run(failing: list[BaseException]) -> None:
    failing.append(ZeroDivisionError())
    CliRunner().invoke(main.cli, ["fail", "-v"])
    assert "Traceback" not in CliRunner().invoke(main.cli, ["fail"]).stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "there is no command nonsense; see facekit --help"),
        ("detct x.jpg", "there is no command detct (did you mean detect?); see facekit --help"),
        ("model convrt", "there is no command convrt (did you mean convert?); see facekit model --help"),
        ("info --nonsense", "there is no option --nonsense; see facekit info --help"),
        ("info", "missing argument 'FILE...'; see facekit info --help"),
        ("complete a.jpg -n", "option '-n' requires an argument; see facekit complete --help"),
        (
            "complete a.jpg -n 0",
            "invalid value for '-n': 0 is not in the range 1<=x<=64; see facekit complete",
        ),
    ],
)
def test_wrong_usage_is_one_line_with_a_hint(line: str, said: str) -> None:
    result = CliRunner().invoke(main.cli, line.split(), prog_name="facekit")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"facekit: {said}")


def test_a_group_without_a_command_shows_its_help() -> None:
    result = CliRunner().invoke(main.cli, ["model"], prog_name="facekit")
    assert result.stderr.startswith("Usage: facekit model ")


def test_version() -> None:
    assert CliRunner().invoke(main.cli, ["--version"]).output == f"facekit {__version__}\n"


def test_sigterm_unwinds(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from facekit.cli import main\n"
        "from facekit.files.atomic import atomic_write\n"
        "def slow(**extra):\n"
        "    with atomic_write(sys.argv[1]) as file:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "sys.exit(main._guarded(slow))\n"
    )
    args = [sys.executable, "-c", code, str(tmp_path / "out")]
    with subprocess.Popen(args, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == main.TERMINATED
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lines", [1, 100_000])
def test_reader_that_goes_away_is_no_failure(tmp_path: Path, lines: int) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": "x\n" * lines}))
    command = [*PYTHON, "info", str(tmp_path / "a.json"), "--get", "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


def test_help_imports_neither_numpy_nor_torch_nor_rich() -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['facekit', '--help']\n"
        "try:\n"
        "    runpy.run_module('facekit.cli.main', run_name='__main__', alter_sys=True)\n"
        "finally:\n"
        "    print([m for m in ('numpy', 'torch', 'rich', 'numba', 'scipy', 'PIL') if m in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.endswith("[]\n")


def test_help_takes_less_than_a_fifth_of_a_second() -> None:
    def measure() -> float:
        """CPU seconds, which other work on the machine disturbs less than the clock."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*PYTHON, "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(measure() for _ in range(5)) < 0.2


def test_run_many_goes_on_and_remembers_the_first_failure(capsys: pytest.CaptureFixture[str]) -> None:
    console.start([])

    def work(path: Path) -> str:
        if path.name == "b":
            raise errors.UnreadableError("b is bad")
        if path.name == "c":
            raise errors.NoFaceError("c is empty")
        return path.name

    results, failures = console.run_many([Path(name) for name in "abcd"], work)
    assert results == ["a", "d"]
    assert [failure.input for failure in failures] == ["b", "c"]
    assert console.exit_code() == errors.UnreadableError.exit_code
    assert "b is bad" in capsys.readouterr().err
    with pytest.raises(errors.NoFaceError, match=r"^c is empty$"):
        console.run_many([Path("c")], work)


def test_an_error_names_its_file() -> None:
    def work(path: Path) -> str:
        raise errors.NoFaceError("no face found")

    with pytest.raises(errors.NoFaceError, match=r"^photo\.jpg: no face found$"):
        console.run_many([Path("photo.jpg")], work)
    _, failures = console.run_many([Path("photo.jpg"), Path("other.jpg")], work)
    assert [failure.error for failure in failures] == ["photo.jpg: no face found", "other.jpg: no face found"]
