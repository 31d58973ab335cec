"""A model survives storage bit by bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekit.errors import WrongKindError
from facekit.files.models import load_model, write_model
from facekit.morphable.albedo import AlbedoModel
from facekit.morphable.arrays import from_arrays, to_arrays
from facekit.morphable.model import FaceModel


def test_round_trip(model: FaceModel) -> None:
    again = from_arrays(*to_arrays(model))
    assert again.digest == model.digest
    assert again.blocks == model.blocks
    assert again.topology.embeddings.keys() == model.topology.embeddings.keys()
    for name, weight in model.topology.regions.items():
        assert np.array_equal(again.topology.regions[name], weight)
    for name in ("faces", "uv", "uv_faces", "mirror", "parts"):
        assert np.array_equal(getattr(again.topology, name), getattr(model.topology, name))
    if model.arkit_map is not None:
        assert again.arkit_map is not None
        assert np.array_equal(again.arkit_map, model.arkit_map)


def assert_same_skin(one: AlbedoModel | None, other: AlbedoModel | None) -> None:
    assert one is not None
    assert other is not None
    for name in ("mean", "basis", "mask", "residual"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        assert a is None or (a.dtype == b.dtype and np.array_equal(a, b)), name


def test_the_default_model_is_written_small_and_whole(tmp_path: Path) -> None:
    model, path = load_model("default"), tmp_path / "a.safetensors"
    write_model(path, model)
    assert path.stat().st_size < 16e6
    again = load_model(str(path))
    assert again.digest == model.digest
    assert_same_skin(again.albedo, model.albedo)
    assert model.albedo is not None
    with pytest.raises(AssertionError):
        assert_same_skin(replace(model.albedo, residual=None), model.albedo)


@pytest.mark.parametrize("with_residual", [False, True])
def test_an_albedo_that_is_not_symmetric_is_written_in_full(small: FaceModel, with_residual: bool) -> None:
    rng = np.random.default_rng(0)
    mean, basis = rng.random((5, 5, 3), np.float32), rng.random((2, 5, 5, 3), np.float32)
    residual = rng.random((5, 5), np.float32) if with_residual else None
    model = replace(small, albedo=AlbedoModel(mean, basis, rng.random((5, 5)) > 0.5, residual))
    again = from_arrays(*to_arrays(model))
    assert again.digest == model.digest
    assert_same_skin(again.albedo, model.albedo)


def test_a_written_model_is_read_back(small: FaceModel, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    write_model(path, small)
    assert load_model(str(path)).digest == small.digest
    first = path.read_bytes()
    write_model(path, small, force=True)
    assert path.read_bytes() == first


def test_a_change_does_not_go_unseen(small: FaceModel) -> None:
    other = replace(small, basis=small.basis * np.float32(1.001))
    assert from_arrays(*to_arrays(other)).digest != small.digest


def test_other_weights_are_refused(small: FaceModel) -> None:
    arrays, metadata = to_arrays(small)
    with pytest.raises(WrongKindError, match="not a facekit face model"):
        from_arrays(arrays, {})
    with pytest.raises(WrongKindError, match="version"):
        from_arrays(arrays, {**metadata, "version": "99"})


def test_the_shipped_model_is_small_and_names_its_source(root: Path) -> None:
    path = root / "facekit" / "assets" / "face.safetensors"
    assert path.stat().st_size < 10e6
    notice = (root / "NOTICE").read_text()
    assert "ICT" in notice
    assert "USC Institute for Creative Technologies" in notice
    assert "USC Institute for Creative Technologies" in load_model("default").licence
