"""Whole files, and the words for what they are."""

import pickle
from pathlib import Path

import pytest

from facekit.errors import UnreadableError
from facekit.files.reading import name_content, read_bytes, read_json, read_text


def test_bytes_and_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9")
    assert read_bytes(tmp_path / "a").startswith(b"\xef")
    assert read_text(tmp_path / "a") == "café"


@pytest.mark.parametrize(
    ("name", "message"),
    [("none", "does not exist"), (".", "is a folder"), ("empty", "is empty"), ("file/a", "cannot read")],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnreadableError, match=message):
        read_bytes(tmp_path / name)


def test_a_name_with_a_nul_byte() -> None:
    with pytest.raises(UnreadableError, match="cannot read"):
        read_bytes("a\0b")


def test_text_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableError, match="not a text file"):
        read_text(tmp_path / "a")


def test_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, 2]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2]}
    (tmp_path / "b.json").write_text('{"a": 1,\n"b": }')
    with pytest.raises(UnreadableError, match="line 2"):
        read_json(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"\0\0\0\x1cftypavif", "an AVIF, HEIF or MP4 file"),
        (b"\x02\0\0\0\0\0\0\0{}", "a safetensors file"),
        (pickle.dumps({}), "a pickle"),
        ("naïve text\n".encode(), "a text file"),
        (b"\x00\x01", "a file of unknown kind"),
    ],
)
def test_content_is_named(data: bytes, name: str) -> None:
    assert name_content(data) == name
