"""Whole files or none: written under a temporary name in the same folder, renamed when complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from facekit.errors import UnreadableError, UsageError

PathLike: TypeAlias = str | os.PathLike[str]


def refuse_overwrite(paths: Iterable[PathLike], force: bool) -> None:
    """Raise UsageError if one of the paths exists, unless ``force``. Commands call it before long work."""
    for path in map(Path, paths):
        if path.is_dir():
            raise UsageError(f"{path} is a folder; give a file name to write to")
        if not force and path.is_file():
            raise UsageError(f"{path} exists already; give --force to overwrite it")
        refuse_unwritable(path)


def refuse_unwritable(path: PathLike) -> None:
    """Raise UnreadableError if no file can be made at ``path``, as far as can be told without trying."""
    above = Path(path).absolute().parent
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise UnreadableError(f"cannot write {path}: {above} is no folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UnreadableError(f"cannot write {path}: the folder {above} may not be written to")


@contextmanager
def atomic_paths(paths: Sequence[PathLike], force: bool = False) -> Iterator[list[Path]]:
    """Temporary paths, one per target; all targets appear together when the block succeeds.

    When the block raises, or one of the renames fails, every target is as it was before.
    """
    targets = [Path(os.path.realpath(path)) for path in paths]
    refuse_overwrite(paths, force)
    temporary: list[Path] = []
    try:
        for shown, target in zip(paths, targets, strict=True):
            with _writing(shown):
                temporary.append(_temporary(target))
        yield list(temporary)
        refuse_overwrite(paths, force)
        _publish(paths, temporary, targets)
    finally:
        for path in temporary:
            path.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: PathLike, force: bool = False) -> Iterator[BinaryIO]:
    """A binary file that becomes ``path`` when the block succeeds and vanishes when it raises.

    Raises UsageError if the file exists and ``force`` is not set, UnreadableError if it cannot be written.
    """
    with atomic_write_all([path], force) as (file,):
        yield file


@contextmanager
def atomic_write_all(paths: Sequence[PathLike], force: bool = False) -> Iterator[list[BinaryIO]]:
    """As ``atomic_write`` for files that belong together: all of them appear, or none."""
    with atomic_paths(paths, force) as temporary, _writing(paths[0]), ExitStack() as stack:
        yield [stack.enter_context(path.open("wb")) for path in temporary]


@contextmanager
def atomic_folder(path: PathLike, force: bool = False, ours: Sequence[str] = ()) -> Iterator[Path]:
    """A temporary folder that becomes ``path`` when the block succeeds.

    An existing folder that is not empty is refused without ``force``. With ``force`` the files matching
    the patterns ``ours`` are removed from it (what an earlier run left), the new ones move in, others stay.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise UsageError(f"{path} is a file; give the name of a folder to write to")
    if not force and target.is_dir() and any(target.iterdir()):
        raise UsageError(f"the folder {path} exists already; give --force to replace its files")
    with _writing(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        temporary.chmod(0o777 & ~_umask())
    try:
        yield temporary
        with _writing(path):
            _publish_folder(temporary, target, ours)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: PathLike, text: str, force: bool = False) -> None:
    """Write UTF-8 text."""
    with atomic_write(path, force) as file:
        file.write(text.encode())


@contextmanager
def _writing(shown: PathLike) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        above = Path(shown).parent
        why = error.strerror if above.is_dir() else f"there is no folder {above}"
        raise UnreadableError(f"cannot write {shown}: {why}") from None
    except OSError as error:
        raise UnreadableError(f"cannot write {shown}: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _temporary(target: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    path = Path(name)
    path.chmod(target.stat().st_mode & 0o777 if target.is_file() else 0o666 & ~_umask())
    return path


def _publish(shown: Sequence[PathLike], temporary: Sequence[Path], targets: Sequence[Path]) -> None:
    """Rename all; when one fails, undo the renames before it."""
    done: list[tuple[Path, Path | None]] = []
    try:
        for name, source, target in zip(shown, temporary, targets, strict=True):
            with _writing(name):
                if target.exists() and not target.is_file():  # /dev/null, a named pipe: write through
                    with source.open("rb") as data, target.open("wb") as out:
                        shutil.copyfileobj(data, out)
                    continue
                backup = _keep(target) if len(targets) > 1 and target.is_file() else None
                done.append((target, backup))
                os.replace(source, target)
    except BaseException:
        for target, backup in reversed(done):
            if backup is not None:
                os.replace(backup, target)
            else:
                target.unlink(missing_ok=True)
        raise
    for _, backup in done:
        if backup is not None:
            backup.unlink(missing_ok=True)


def _keep(target: Path) -> Path:
    backup = _temporary(target)
    os.replace(target, backup)
    return backup


def _publish_folder(source: Path, target: Path, ours: Sequence[str]) -> None:
    if not target.exists():
        os.replace(source, target)
        return
    for pattern in ours:
        for stale in target.glob(pattern):
            if stale.is_file():
                stale.unlink()
    for path in sorted(source.iterdir()):
        os.replace(path, target / path.name)
