"""The ``facekit`` command: a group that imports a subcommand only when it is called."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click

from facekit import __version__
from facekit.cli import console
from facekit.cli.usage import usage_line
from facekit.errors import FacekitError

INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130
TERMINATED = 143

# Name, module:function, one line for --help; in the order of the pipeline.
COMMANDS: dict[str, tuple[str, str]] = {
    "detect": ("facekit.cli.detect:detect", "Find face landmarks in photos."),
    "fit-3dmm": ("facekit.cli.fit_3dmm:fit_3dmm", "Fit the face model to a photo."),
    "diversify": (
        "facekit.cli.diversify:diversify",
        "Make different faces that agree with a fit where it is seen.",
    ),
    "complete": (
        "facekit.cli.complete:complete",
        "Complete the hidden part of a face: photos, meshes and a report.",
    ),
    "render": ("facekit.cli.render:render", "Draw a fit or a completion from any side."),
    "train-prior": ("facekit.cli.train_prior:train_prior", "Train a prior on faces and write its weights."),
    "drive": ("facekit.cli.drive:drive", "Move a whole body by what a headset sees."),
    "evaluate": (
        "facekit.cli.evaluate:evaluate",
        "Make the papers' tables on faces whose truth is known.",
    ),
    "synth": ("facekit.cli.synth:synth", "Make photos of synthetic faces, with the truth beside them."),
    "model": ("facekit.cli.model:model", "List, inspect, convert and build face models."),
    "info": ("facekit.cli.info:info", "Say what a file holds."),
    "diff": ("facekit.cli.diff:diff", "Compare two files within a tolerance."),
    "demo": ("facekit.cli.demo:demo", "Run the whole pipeline on a photo that comes with it."),
}


class _ReaderGoneError(Exception):
    """A broken pipe on stdout, under a name that click does not turn into exit code 1."""


class LazyGroup(click.Group):
    """Lists commands from the table, imports them on use, and turns expected errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in pipeline order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), function)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of ``--help``, from the table, so that nothing is imported."""
        with formatter.section("Commands, in the order of the pipeline"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGoneError from error

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run and exit: 0, or the code of the first error."""
        argv = list(sys.argv[1:] if args is None else args)
        console.start(argv)
        extra["standalone_mode"] = False
        sys.exit(_guarded(super().main, argv, *rest, **extra))


def _guarded(run: Any, *args: Any, **extra: Any) -> int:
    """Call and translate whatever is raised into one line on stderr and an exit code."""
    try:
        with _terminable():
            code = run(*args, **extra)
            sys.stdout.flush()
        return code if isinstance(code, int) and code else console.exit_code()
    except FacekitError as error:
        console.fail(str(error))
        return error.exit_code
    except click.UsageError as error:
        if error.message and error.ctx is not None and error.message == error.ctx.get_help():
            error.show()  # a group without a command shows its whole help
        else:
            console.fail(usage_line(error, next(iter(args), ())))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        console.fail("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, _ReaderGoneError):
        # The reader of our output has seen enough, as in `facekit info x | head -1`: no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return console.exit_code()
    except Exception as error:
        console.fail_internally(error)
        return INTERNAL_ERROR


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that half-written temporary files are removed."""

    def stop(signum: int, frame: object) -> NoReturn:
        sys.exit(TERMINATED)

    try:
        previous = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


HELP = """Complete, diverse 3D faces from one photo, hidden parts included.

Each command reads files and writes files, so that they chain in a script or a Makefile.

\b
Example:
  facekit complete photo.jpg --occlusion mask.png -n 8
"""

EXIT_CODES = """\b
Exit codes:
  0 all done   2 wrong usage   3 no face found   4 unreadable input
  5 wrong kind of file   6 model not available   7 numerical failure
"""


@click.group(
    cls=LazyGroup,
    help=HELP,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="facekit", message="%(prog)s %(version)s")
def cli() -> None:
    """See HELP."""


def main() -> NoReturn:
    """Entry point of the console script."""
    # Idle threads of OpenMP must sleep: with the default policy two pools on few cores slow each other down.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its idle threads spin whatever the policy
    if not sys.warnoptions and not {"-v", "--verbose"} & set(sys.argv):
        warnings.simplefilter("ignore")  # warnings of the libraries speak to developers
    cli.main(prog_name="facekit")


if __name__ == "__main__":
    main()
