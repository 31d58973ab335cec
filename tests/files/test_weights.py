"""Weights and packaged files."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from facekit.errors import ModelUnavailableError, UnreadableError, WrongKindError
from facekit.files.assets import asset, has_asset, read_asset_weights
from facekit.files.weights import encode_weights, read_weights, write_weights

ARRAYS = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "a": np.array([1, 2, 3], np.float16),
    "empty": np.zeros((0, 4), np.int32),
    "flag": np.array(True),
}
METADATA = {"kind": "test", "settings": '{"width": 3, "name": "é"}', "a": ""}


def test_round_trip(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", ARRAYS, METADATA)
    arrays, metadata = read_weights(tmp_path / "a.safetensors")
    assert metadata == METADATA
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)


def test_the_library_reads_it_too(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", ARRAYS, METADATA)
    loaded = safetensors.numpy.load_file(tmp_path / "a.safetensors")
    assert np.array_equal(loaded["b.weight"], ARRAYS["b.weight"])
    with safetensors.safe_open(tmp_path / "a.safetensors", "np") as file:
        assert file.metadata() == METADATA


def test_same_content_same_bytes() -> None:
    backwards = dict(reversed(METADATA.items()))
    assert encode_weights(ARRAYS, METADATA) == encode_weights(ARRAYS, backwards)
    assert encode_weights(ARRAYS, METADATA) != encode_weights(ARRAYS, METADATA | {"a": "b"})


@pytest.mark.parametrize("keep", [12, 200, -1])
def test_truncated(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.safetensors"
    write_weights(path, ARRAYS, METADATA)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises((UnreadableError, WrongKindError)):
        read_weights(path)


def test_other_file(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_text("weights")
    with pytest.raises(WrongKindError, match="found a text file"):
        read_weights(tmp_path / "a.safetensors")


def test_packaged_file_that_is_not_there() -> None:
    assert not has_asset("nothing.safetensors")
    with pytest.raises(ModelUnavailableError, match=r"nothing\.safetensors"):
        asset("nothing.safetensors")
    with pytest.raises(ModelUnavailableError):
        read_asset_weights("nothing.safetensors")
