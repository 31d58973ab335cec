"""Captures on disk: what is written is read back; damage is told in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekit.avatar.capture import Capture, Hmc, Keypoints, Mesh, Views, blank, pack
from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files.capture import ARRAYS, FILES, HEAD, new_capture, read_capture, write_capture
from facekit.records import Camera, Step

N, V, M, H, W, T, L = 3, 5, 2, 6, 10, 8, 4


@pytest.fixture
def capture() -> Capture:
    rng = np.random.default_rng(0)

    def floats(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    def pixels(*shape: int) -> np.ndarray:
        return rng.integers(0, 256, shape, np.uint8)

    def cameras(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return rng.normal(size=(count, 3, 3)), np.tile(np.eye(3), (count, 1, 1)), rng.normal(size=(count, 3))

    faces = np.array([[0, 1, 2], [2, 3, 4]], np.int32)
    front = Camera(np.diag([9.0, 9.0, 1.0]), np.eye(3), np.array([0, 0, 1.0]), np.array([8, 8], np.int32))
    masks = pack(rng.random((N, M, H, W)) < 0.5)
    return Capture(
        "anna",
        Mesh(faces, floats(6, 2), faces),
        ("neutral", "smile"),
        np.array([0, 1, 1], np.int32),
        np.array([False, True, True]),
        rng.normal(size=(N, 3, 4)),
        floats(N, V, 3),
        pixels(N, T, T, 3),
        Views(("a", "b"), *cameras(M), floats(M, 3), floats(M, 3), pixels(N, M, H, W, 3), masks),
        Hmc(*cameras(3), rng.normal(size=(N, 3, 4)), pixels(N, 3, 4, 9), pixels(N, 3, 4, 2)),
        Keypoints(
            "", np.arange(L, dtype=np.int32), faces[[0, 1, 0, 1]], floats(L, 3), front, floats(N, L, 2)
        ),
        ("jawOpen",),
        floats(N, 1),
        (Step("facekit synth capture", "0.1.0", 7),),
    )


def get(capture: Capture, name: str) -> np.ndarray:
    value = capture
    for step in name.split("."):
        value = getattr(value, step)
    return value


def test_read_gives_what_was_written(capture: Capture, tmp_path: Path) -> None:
    write_capture(tmp_path / "c", capture)
    back = read_capture(tmp_path / "c")
    for name in [*ARRAYS, *FILES]:
        np.testing.assert_array_equal(get(back, name), get(capture, name))
        assert get(back, name).dtype == get(capture, name).dtype
    assert isinstance(back.meshes, np.memmap)
    assert not back.meshes.flags.writeable
    for name in ("subject", "segments", "expression_names", "history"):
        assert getattr(back, name) == getattr(capture, name)
    assert back.views is not None
    assert back.views.names == ("a", "b")


def test_parts_may_be_absent(capture: Capture, tmp_path: Path) -> None:
    write_capture(tmp_path / "c", replace(capture, hmc=None, keypoints=None))
    back = read_capture(tmp_path / "c")
    assert back.hmc is None
    assert back.keypoints is None
    assert not (tmp_path / "c" / "hmc.npy").exists()


def test_same_capture_same_bytes(capture: Capture, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_capture(tmp_path / name, capture)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_a_failed_maker_leaves_nothing(capture: Capture, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_capture(tmp_path / "c", capture) as made:
        made.meshes[0] = 1
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_refuses_to_overwrite(capture: Capture, tmp_path: Path) -> None:
    write_capture(tmp_path / "c", capture)
    (tmp_path / "c" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        write_capture(tmp_path / "c", capture)
    write_capture(tmp_path / "c", replace(capture, hmc=None), force=True)
    assert not (tmp_path / "c" / "hmc.npy").exists()
    assert (tmp_path / "c" / "notes.txt").exists()


def test_wrong_shapes_are_a_fault_of_the_program(capture: Capture, tmp_path: Path) -> None:
    for wrong, words in (
        (replace(capture, head=capture.head[:2]), "head"),
        (replace(capture, segment=capture.segment + 1), "segment points outside 2"),
        (replace(capture, mesh=replace(capture.mesh, faces=capture.mesh.faces + 1)), "mesh.faces points"),
    ):
        with pytest.raises(ValueError, match=words):
            write_capture(tmp_path / "c", wrong)
    assert list(tmp_path.iterdir()) == []


def test_more_than_the_disk_holds(capture: Capture, tmp_path: Path) -> None:
    huge = replace(capture, textures=blank((N, 10**7, 10**7, 3)))
    with pytest.raises(UsageError, match="does not fit on the disk"):
        write_capture(tmp_path / "c", huge)


def test_damage_is_told_in_one_sentence(capture: Capture, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="does not exist"):
        read_capture(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableError, match="is no capture"):
        read_capture(tmp_path / "empty")
    for name, text in (
        (FILES["meshes"][0], "damaged or incomplete"),
        ("capture.npz", "damaged or incomplete"),
    ):
        write_capture(tmp_path / "c", capture, force=True)
        path = tmp_path / "c" / name
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(UnreadableError, match=text):
            read_capture(tmp_path / "c")
    write_capture(tmp_path / "c", capture, force=True)
    np.save(tmp_path / "c" / "meshes.npy", capture.meshes[:2])
    with pytest.raises(UnreadableError, match="meshes has shape"):
        read_capture(tmp_path / "c")


def test_newer_and_other_kinds(capture: Capture, tmp_path: Path) -> None:
    write_capture(tmp_path / "c", capture)
    head = json.loads((tmp_path / "c" / HEAD).read_text())
    for change, words in (({"version": 99}, "newer facekit"), ({"kind": "fit"}, "not that of a capture")):
        (tmp_path / "c" / HEAD).write_text(json.dumps(head | change))
        with pytest.raises(WrongKindError, match=words):
            read_capture(tmp_path / "c")
