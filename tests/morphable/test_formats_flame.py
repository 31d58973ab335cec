"""FLAME files, written by the tests in that format, become models in facekit's units and axes."""

import json
import pickle
import sys
import types

import numpy as np
import pytest
from small_head import (
    EMBEDDING,
    HEAD,
    TRIANGLES,
    V,
    flame_arrays,
    in_facekit_conventions,
)

from facekit.errors import WrongKindError
from facekit.files.models import load_model
from facekit.morphable.formats import flame
from facekit.morphable.topology import PARTS


@pytest.fixture
def flame_folder(tmp_path):
    (tmp_path / "generic_model.pkl").write_bytes(pickle.dumps(flame_arrays(), 2))
    np.save(tmp_path / "landmark_embedding.npy", np.array(EMBEDDING, object), allow_pickle=True)
    masks = {"nose": np.array([3, 4]), "left_eyeball": np.arange(20, 30)}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(masks, 2))
    return tmp_path


def test_flame_pickle_with_landmarks_and_masks(flame_folder):
    model = load_model(str(flame_folder / "generic_model.pkl"))
    in_facekit_conventions(model)
    assert model.block("identity").size == 300
    assert model.block("expression").size == 100 + len(flame.TURNS)
    assert model.topology.regions["nose"][[3, 4, 5]].tolist() == [1, 1, 0]
    assert (model.topology.parts[20:30] == PARTS.index("left_eye")).all()
    points = model.topology.embeddings["ibug68"].points(model.mean)
    corner = HEAD[TRIANGLES[EMBEDDING["full_lmk_faces_idx"][0]]]
    np.testing.assert_allclose(
        points, np.einsum("lcd,lc->ld", corner, EMBEDDING["full_lmk_bary_coords"][0]), atol=1e-8
    )
    assert load_model(str(flame_folder)).digest == model.digest


def test_flame_with_chumpy_inside_equals_plain_arrays(tmp_path, monkeypatch):
    chumpy = types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x):
            self.x = x

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    chumpy.Ch = Ch
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", chumpy)
    arrays = flame_arrays(6, 3)
    wrapped = {k: Ch(v) if k in ("v_template", "shapedirs", "posedirs") else v for k, v in arrays.items()}
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(wrapped, 2))
    monkeypatch.delitem(sys.modules, "chumpy.ch")
    monkeypatch.delitem(sys.modules, "chumpy")
    (tmp_path / "new.pkl").write_bytes(pickle.dumps(arrays))
    old, new = (load_model(str(tmp_path / name)) for name in ("old.pkl", "new.pkl"))
    assert old.digest == new.digest


def test_flame_npz(tmp_path):
    arrays = flame_arrays(5, 4)
    arrays["J_regressor"] = arrays["J_regressor"].toarray()
    np.savez(tmp_path / "flame.npz", **arrays)
    in_facekit_conventions(load_model(str(tmp_path / "flame.npz")))


def test_landmarks_of_flame_as_vertex_numbers(tmp_path):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(flame_arrays(2, 1)))
    assert "ibug68" not in load_model(str(tmp_path / "m.pkl")).topology.embeddings
    (tmp_path / "lmk.json").write_text(json.dumps(list(range(68))))
    model = load_model(str(tmp_path / "m.pkl"), tmp_path / "lmk.json")
    np.testing.assert_allclose(model.topology.embeddings["ibug68"].points(model.mean), HEAD[:68], atol=1e-9)


def test_turning_the_root_moves_the_whole_head_rigidly():
    arrays = flame_arrays(2, 1) | {"posedirs": np.zeros((V, 3, 36))}
    turn = np.zeros((5, 3))
    turn[0] = [0.3, -0.5, 0.2]
    moved = flame.posed(arrays, HEAD, turn)
    before, after = (np.linalg.norm(x[:, None] - x[None], axis=2) for x in (HEAD, moved))
    np.testing.assert_allclose(after, before, atol=1e-12)
    assert np.abs(moved - HEAD).max() > 0.01


def test_a_vertex_bound_to_one_joint_turns_about_it():
    arrays = flame_arrays(2, 1) | {"posedirs": np.zeros((V, 3, 36)), "weights": np.eye(5)[np.arange(V) % 5]}
    turn = np.zeros((5, 3))
    turn[flame.JAW] = [0.2, 0, 0]
    moved = flame.posed(arrays, HEAD, turn)
    joint = (arrays["J_regressor"] @ HEAD)[flame.JAW]
    jaw = np.arange(V) % 5 == flame.JAW
    np.testing.assert_allclose(moved[~jaw], HEAD[~jaw], atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.norm(moved[jaw] - joint, axis=1), np.linalg.norm(HEAD[jaw] - joint, axis=1), atol=1e-12
    )
    assert np.abs(moved[jaw] - HEAD[jaw]).max() > 1e-3


def test_turn_modes_approximate_the_skinning():
    """The linear jaw stays within a tenth of the motion of the skinned one up to 0.24 rad."""
    arrays = flame_arrays(2, 1)
    modes = flame.turn_modes(arrays, HEAD)
    turn = np.zeros((5, 3))
    turn[flame.JAW, 0] = 2 * flame.TURNS[0][2]
    truth = flame.posed(arrays, HEAD, turn) - HEAD
    np.testing.assert_allclose(2 * modes[0], truth, atol=1e-12)
    truth = flame.posed(arrays, HEAD, turn / 2) - HEAD
    assert np.abs(modes[0] - truth).max() < 0.2 * np.abs(truth).max()


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "weights", "J_regressor", "f"])
def test_flame_without_an_entry_is_refused(tmp_path, key):
    arrays = flame_arrays(2, 1)
    del arrays[key]
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(arrays))
    with pytest.raises(WrongKindError):
        load_model(str(tmp_path / "m.pkl"))


def test_embedding_of_another_topology_is_refused(flame_folder):
    other = EMBEDDING | {"full_lmk_faces_idx": np.full((1, 68), 9000)}
    np.save(flame_folder / "landmark_embedding.npy", np.array(other, object), allow_pickle=True)
    with pytest.raises(WrongKindError, match="68"):
        load_model(str(flame_folder))
