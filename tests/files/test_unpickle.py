"""Pickles of arrays are read; pickles that do anything else are refused before they do it."""

import io
import os
import pickle
import pickletools
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from facekit.errors import UnreadableError
from facekit.files.unpickle import Saved, read_npy, read_npz, read_pickle


@pytest.fixture
def fake_chumpy(monkeypatch):
    """A module that pickles as chumpy does, gone again before the file is read."""
    module, reordering = types.ModuleType("chumpy.ch"), types.ModuleType("chumpy.reordering")

    class Ch:
        def __init__(self, **state):
            self.__dict__.update(state, _dirty_vars=set(), _itr=None, _status="new")

    class Select(Ch):
        pass

    for cls, home in ((Ch, module), (Select, reordering)):
        cls.__module__, cls.__qualname__ = home.__name__, cls.__name__
        setattr(home, cls.__name__, cls)
        monkeypatch.setitem(sys.modules, home.__name__, home)
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    return Ch, Select


def write(path: Path, item, protocol=2) -> Path:
    path.write_bytes(pickle.dumps(item, protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_back_under_every_protocol(tmp_path, protocol):
    item = {
        "f32": np.arange(12, dtype=np.float32).reshape(3, 4),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "scalar": np.float64(2.5),
        "text": "m",
        "bytes": b"\xff\x00",
        "nested": [np.array([True, False]), {"n": 3}],
        "strings": np.array(["a", "bc"]),
    }
    read = read_pickle(write(tmp_path / "a.pkl", item, protocol))
    assert read.keys() == item.keys()
    for key in ("f32", "fortran", "strings"):
        np.testing.assert_array_equal(read[key], item[key])
        assert read[key].dtype == item[key].dtype
    assert read["scalar"] == 2.5
    assert read["bytes"] == b"\xff\x00"
    np.testing.assert_array_equal(read["nested"][0], [True, False])


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_chumpy_and_sparse_become_arrays_without_chumpy(tmp_path, fake_chumpy, protocol):
    Ch, Select = fake_chumpy
    values = np.arange(24.0).reshape(4, 3, 2)
    regressor = sparse.csc_matrix(np.eye(5, 7))
    item = {
        "v_template": Ch(x=values[:, :, 0]),
        "shapedirs": Select(a=Ch(x=values), idxs=np.arange(12), preferred_shape=(2, 6)),
        "J_regressor": regressor,
        "product": Ch(a=1, b=2),
    }
    path = write(tmp_path / "flame.pkl", item, protocol)
    for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        sys.modules.pop(name)
    read = read_pickle(path)
    assert "chumpy" not in sys.modules
    np.testing.assert_array_equal(read["v_template"], values[:, :, 0])
    np.testing.assert_array_equal(read["shapedirs"], np.arange(12.0).reshape(2, 6))
    np.testing.assert_array_equal(read["J_regressor"].toarray(), regressor.toarray())
    assert isinstance(read["product"], Saved)
    assert read["product"].origin == "chumpy.ch.Ch"


def test_python_2_pickle_of_an_array(tmp_path):
    """What cPickle of Python 2 writes: bytes of the array as text, old module names."""
    data = np.arange(3, dtype="<f8").tobytes()
    text = "".join(f"\\x{b:02x}" for b in data)
    program = (
        "(dp0\nS'v'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n"
        "(I1\n(L3L\ntp8\ncnumpy\ndtype\np9\n(S'f8'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\n"
        f"S'{text}'\np15\ntp16\nbs."
    )
    path = tmp_path / "old.pkl"
    path.write_bytes(program.encode("ascii"))
    np.testing.assert_array_equal(read_pickle(path)["v"], [0.0, 1.0, 2.0])


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def attacks(marker: Path):
    touch = f"touch {marker}"
    yield "os.system", Calls(os.system, touch)
    yield "eval", Calls(eval, f"open({str(marker)!r}, 'w')")
    yield "exec", Calls(exec, f"open({str(marker)!r}, 'w')")
    yield "open", Calls(open, str(marker), "w")
    yield "getattr", Calls(getattr, os, "system") if False else Calls(getattr, "", "join")
    yield "numpy.load", Calls(np.load, str(marker))
    yield "nested in an array", np.array([Calls(os.system, touch)], object)
    yield "inside a sparse state", {"a": [1, (2, Calls(os.system, touch))]}


NAMES = [name for name, _ in attacks(Path("x"))]


@pytest.mark.parametrize("which", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_in_a_pickle_does_not_run(tmp_path, which, protocol):
    marker = tmp_path / "it-ran"
    path = write(tmp_path / "bad.pkl", list(attacks(marker))[which][1], protocol)
    with pytest.raises(UnreadableError) as failure:
        read_pickle(path)
    assert not marker.exists()
    message = str(failure.value)
    assert "\n" not in message
    assert str(path) in message


def test_the_attack_would_run_with_the_ordinary_reader(tmp_path):
    """The tests above would notice: the standard unpickler does run the command."""
    marker = tmp_path / "it-ran"
    path = write(tmp_path / "bad.pkl", Calls(os.system, f"touch {marker}"))
    with path.open("rb") as file:
        pickle.load(file)
    assert marker.exists()


def test_the_refusal_names_the_class(tmp_path):
    path = write(tmp_path / "bad.pkl", Calls(os.system, "true"))
    with pytest.raises(UnreadableError, match=r"posix\.system|nt\.system"):
        read_pickle(path)


@pytest.mark.parametrize("module", ["chumpy.ch", "scipy.sparse.csc", "torch.storage", "torch._utils"])
def test_inert_names_never_import(tmp_path, module):
    """A call of a chumpy, scipy or torch name builds a stand-in, whatever the name and arguments."""
    marker = tmp_path / "it-ran"
    program = f"c{module}\nanything\n(S'touch {marker}'\ntR."
    path = tmp_path / "stub.pkl"
    path.write_bytes(program.encode())
    pickletools.dis(path.read_bytes(), out=io.StringIO())
    assert isinstance(read_pickle(path), Saved)
    assert not marker.exists()


def test_dotted_names_do_not_reach_through(tmp_path):
    """Protocol 4 resolves dotted names: numpy's ``dtype.__class__`` and the like must be refused."""
    for module, name in (
        ("numpy", "dtype.__class__"),
        ("builtins", "list.__class__"),
        ("collections", "abc"),
    ):
        program = (
            b"\x80\x04"
            + b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name))
            + b"\x93."
        )
        path = tmp_path / "dotted.pkl"
        path.write_bytes(program)
        with pytest.raises(UnreadableError, match="refused"):
            read_pickle(path)


def test_npy_with_a_pickled_dict_and_npz(tmp_path):
    embedding = {
        "full_lmk_faces_idx": np.arange(68)[None],
        "full_lmk_bary_coords": np.full((1, 68, 3), 1 / 3),
    }
    np.save(tmp_path / "landmark_embedding.npy", np.array(embedding, object), allow_pickle=True)
    read = read_npy(tmp_path / "landmark_embedding.npy")
    np.testing.assert_array_equal(read["full_lmk_faces_idx"], embedding["full_lmk_faces_idx"])
    np.savez(tmp_path / "m.npz", plain=np.arange(3), wrapped=np.array({"a": np.ones(2)}, object))
    arrays = read_npz(tmp_path / "m.npz")
    np.testing.assert_array_equal(arrays["plain"], np.arange(3))
    np.testing.assert_array_equal(arrays["wrapped"]["a"], np.ones(2))


@pytest.mark.parametrize("reader", [read_pickle, read_npy, read_npz])
@pytest.mark.parametrize("content", [b"", b"\x80", b"not this", b"\x93NUMPY\x01\x00", b"PK\x03\x04broken"])
def test_damaged_files_get_one_sentence(tmp_path, reader, content):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as failure:
        reader(path)
    assert str(path) in str(failure.value)
    with pytest.raises(UnreadableError):
        reader(tmp_path / "missing")


def test_truncation_anywhere_is_reported(tmp_path):
    whole = pickle.dumps({"a": np.arange(50.0), "b": [1, 2, "three"]}, 2)
    for end in range(1, len(whole), 7):
        path = tmp_path / "cut.pkl"
        path.write_bytes(whole[:end])
        with pytest.raises(UnreadableError):
            read_pickle(path)
