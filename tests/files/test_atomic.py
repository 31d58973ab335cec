"""A file is written whole or not at all, and nothing is left behind."""

import os
from pathlib import Path

import pytest

from facekit.errors import UnreadableError, UsageError
from facekit.files.atomic import (
    atomic_folder,
    atomic_write,
    atomic_write_all,
    refuse_overwrite,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="boom"), atomic_write(path, force=True) as file:
        file.write(b"half of the n")
        raise RuntimeError("boom")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / "a.txt") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_overwriting_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(UsageError, match="--force"):
        write_text(path, "new")
    assert path.read_text() == "old"
    write_text(path, "new", force=True)
    assert path.read_text() == "new"


def test_what_cannot_be_written_is_said_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_overwrite([tmp_path / "new" / "a.txt"], force=False)
    with pytest.raises(UnreadableError, match=r"a\.txt: there is no folder .*new"):
        write_text(tmp_path / "new" / "a.txt", "x")
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableError, match="file is no folder"):
        refuse_overwrite([tmp_path / "file" / "a.txt"], force=False)
    monkeypatch.setattr(os, "access", lambda *_: False)  # as in a read-only folder, which root can write to
    with pytest.raises(UnreadableError, match="may not be written to"):
        refuse_overwrite([tmp_path / "a.txt"], force=True)


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(UsageError, match="--force"), atomic_write(path) as file:
        file.write(b"mine")
        path.write_text("theirs")
    assert path.read_text() == "theirs"


def test_permissions_are_those_of_an_ordinary_new_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "x")
    (tmp_path / "b.txt").touch()
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode
    (tmp_path / "b.txt").chmod(0o640)
    write_text(tmp_path / "b.txt", "x", force=True)
    assert (tmp_path / "b.txt").stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_text(tmp_path / "link.txt", "new", force=True)
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_device_is_written_through() -> None:
    write_text(os.devnull, "x")
    assert not Path(os.devnull).is_file()


def test_a_set_appears_together_or_not_at_all(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_text("old a")
    with pytest.raises(RuntimeError), atomic_write_all(paths, force=True) as (first, second):
        first.write(b"new a")
        second.write(b"new b")
        raise RuntimeError
    assert paths[0].read_text() == "old a"
    assert names(tmp_path) == ["a"]
    with atomic_write_all(paths, force=True) as (first, second):
        first.write(b"new a")
        second.write(b"new b")
    assert [path.read_text() for path in paths] == ["new a", "new b"]
    assert names(tmp_path) == ["a", "b"]


def test_a_failed_rename_undoes_those_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(f"old {path.name}")
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        if Path(target) == paths[1] and Path(source).read_text() == "new":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(UnreadableError, match="No space left"), atomic_write_all(paths, force=True) as files:
        for file in files:
            file.write(b"new")
    assert [path.read_text() for path in paths] == ["old a", "old b"]
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("path", ["missing/a.txt", "file/a.txt"])
def test_what_cannot_be_written_says_so(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableError, match="cannot write"):
        write_text(tmp_path / path, "x")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        write_text(tmp_path, "x", force=True)


def test_folder_appears_when_complete(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), atomic_folder(out) as folder:
        (folder / "a").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == []
    with atomic_folder(out) as folder:
        (folder / "a").write_text("x")
        assert not out.exists()
    assert names(out) == ["a"]


def test_folder_replaces_its_own_files_and_keeps_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("face_0.obj", "face_1.obj", "notes.txt"):
        (out / name).write_text("old")
    with pytest.raises(UsageError, match="--force"), atomic_folder(out):
        pass
    with atomic_folder(out, force=True, ours=["face_*.obj"]) as folder:
        (folder / "face_0.obj").write_text("new")
    assert names(out) == ["face_0.obj", "notes.txt"]
    assert (out / "face_0.obj").read_text() == "new"
    assert names(tmp_path) == ["out"]
