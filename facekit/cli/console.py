"""What commands say: messages and progress on stderr, results on stdout, and the state of one run."""

from __future__ import annotations

import json
import math
import os
import secrets
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from facekit import __version__
from facekit.errors import FacekitError, UsageError

if TYPE_CHECKING:
    import torch
    from rich.table import Table

    from facekit.records import Step

T = TypeVar("T")
QUIET, NORMAL, VERBOSE = 0, 1, 2


@dataclass
class Run:
    """The state of one call of ``facekit``."""

    argv: list[str] = field(default_factory=list)
    verbosity: int = NORMAL
    exit_code: int = 0


_run = Run()


def start(argv: Sequence[str]) -> None:
    """Begin a run: called once by the group, before any command."""
    global _run
    _run = Run(argv=list(argv))


@contextmanager
def acting_as(argv: Sequence[str]) -> Iterator[None]:
    """Inside, files are recorded as made by this command line, for a command that runs others."""
    outer = _run.argv
    _run.argv = list(argv)
    try:
        yield
    finally:
        _run.argv = outer


def set_verbosity(level: int) -> None:
    """From -q or -v."""
    _run.verbosity = level


def exit_code() -> int:
    """The exit code that failures of single files have set so far."""
    return _run.exit_code


def say(message: str) -> None:
    """A message for the user, unless -q."""
    if _run.verbosity > QUIET:
        _print(message)


def detail(message: str) -> None:
    """A message only with -v."""
    if _run.verbosity >= VERBOSE:
        _print(message)


def warn(message: str) -> None:
    """Something odd that does not stop the work; shown with -q too."""
    _print(f"facekit: warning: {message}")


def fail(message: str) -> None:
    """The one line of an error."""
    _print(f"facekit: {' '.join(message.split())}")


def fail_internally(error: Exception) -> None:
    """An error nobody expected: one line, and the traceback with -v."""
    if _run.verbosity >= VERBOSE:
        traceback.print_exception(error)
    hint = "" if _run.verbosity >= VERBOSE else "; re-run with -v for the traceback"
    fail(f"internal error: {type(error).__name__}: {error}{hint}")


def _print(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201


@dataclass(frozen=True)
class Failure:
    """An input that could not be worked on."""

    input: str
    error: str
    exit_code: int


def _timed(path: Path, work: Callable[[Path], T]) -> T:
    """``work(path)``; with -v also how long it took, which is told and never stored."""
    started = time.perf_counter()
    with naming(path):
        result = work(path)
    detail(f"{path}: {time.perf_counter() - started:.1f} s")
    return result


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Inside, errors that do not name the file they are about get its name in front."""
    try:
        yield
    except FacekitError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error


def run_many(paths: Sequence[Path], work: Callable[[Path], T]) -> tuple[list[T], list[Failure]]:
    """Call ``work`` for each path; report the bad ones, go on, and exit with the code of the first failure.

    With one path alone the error is raised as it is.
    """
    if len(paths) == 1:
        return [_timed(paths[0], work)], []
    results: list[T] = []
    failures: list[Failure] = []
    for path in paths:
        try:
            results.append(_timed(path, work))
        except FacekitError as error:
            fail(str(error))
            failures.append(Failure(str(path), str(error), error.exit_code))
    if failures:
        _run.exit_code = _run.exit_code or failures[0].exit_code
        say(f"{len(results)} of {len(paths)} done, {len(failures)} failed")
    return results, failures


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on stderr; plain iteration with -q or where stderr is not a terminal."""
    if _run.verbosity == QUIET or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description, total, console=Console(stderr=True), transient=True)


def emit_json(value: Any) -> None:
    """A machine-readable result on stdout; NaN and infinity become null, which JSON has no other word for."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))  # noqa: T201


def emit_line(text: str) -> None:
    """One bare line of result on stdout."""
    print(text)  # noqa: T201


def emit_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table for people on stdout."""
    from rich.console import Console
    from rich.text import Text

    table = _table(columns)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 160)
    with console.capture() as captured:
        console.print(table)
    emit_line(f"{title}\n{captured.get()}".rstrip())


def _table(columns: Sequence[str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _plain(value: Any) -> Any:
    """Records of results as JSON knows them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Failure):
        return {"input": value.input, "error": value.error, "exit_code": value.exit_code}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def new_seed() -> int:
    """A seed nobody asked for; whoever uses it tells it."""
    return secrets.randbelow(2**31)


def chosen_seed(seed: int | None) -> tuple[int, torch.Generator]:
    """The seed given, or a new one that is told to the user; with a generator on the CPU.

    Raises UsageError without a seed where torchrun started several processes, which must have one in common.
    """
    import torch

    if seed is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("several processes need the same seed; give --seed")
    if seed is None:
        seed = new_seed()
        say(f"seed {seed}")
    return seed, torch.Generator().manual_seed(seed)


def torch_device(name: str) -> torch.device:
    """The device for --device; "auto" takes a GPU where there is one. Raises UsageError."""
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available[name]:
        raise UsageError(f"--device {name} is not available on this machine; use --device cpu")
    return torch.device(name)


def this_step(seed: int | None = None, model: str | None = None) -> Step:
    """The entry for the history of the files that this run writes."""
    from facekit.records import Step  # here, because it brings in NumPy, which --help can do without

    return Step(shlex.join(["facekit", *_run.argv]), __version__, seed, model)
