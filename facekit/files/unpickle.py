"""Read pickles that hold arrays, and nothing else.

FLAME and its companions come as Python pickles, some of them written by Python 2 with chumpy and scipy.sparse
objects inside. A pickle is a program; this reader runs only the few steps that build arrays and containers.
Classes of chumpy, scipy.sparse and torch are never imported: their saved state is kept in inert stand-ins.
Any other name is refused.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from facekit.errors import UnreadableError
from facekit.files.atomic import PathLike
from facekit.files.reading import read_bytes

_PLAIN = {
    "set": set,
    "frozenset": frozenset,
    "bytearray": bytearray,
    "complex": complex,
    "object": object,
    "list": list,
    "dict": dict,
    "tuple": tuple,
    "int": int,
    "long": int,
    "float": float,
    "bool": bool,
}
_INERT = ("chumpy.", "torch.", "scipy.sparse.", "scipy.spatial.")


class _Refused(Exception):
    """A name that is not needed to build arrays."""


class Saved:
    """The saved state of an object whose class was not imported: ``origin`` names it, ``state`` is what it
    kept.
    """

    origin = ""

    def __new__(cls, *arguments: Any, **named: Any) -> Saved:
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.state: Any = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read_pickle(path: PathLike) -> Any:
    """What a pickle holds, as dicts, lists, NumPy arrays and scipy.sparse matrices; chumpy arrays become
    NumPy arrays.

    Objects that cannot be turned into arrays stay as :class:`Saved`. Raises UnreadableError where the file is
    missing, damaged, or asks for anything but arrays (the message names it); nothing of it has run then.
    """
    return _load(io.BytesIO(read_bytes(path)), path)


def read_npy(path: PathLike) -> Any:
    """An ``.npy`` file, including one whose single entry is a pickled dict (FLAME's landmark embedding)."""
    return _npy(io.BytesIO(read_bytes(path)), path)


def read_npz(path: PathLike) -> dict[str, Any]:
    """All arrays of an ``.npz`` file; entries saved as pickles are read as by :func:`read_pickle`."""
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name[:-4]: _npy(io.BytesIO(archive.read(name)), path) for name in names}
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise UnreadableError(f"{path} is not a sound .npz file ({error}); fetch or write it again") from None


def _npy(stream: BinaryIO, path: PathLike) -> Any:
    try:
        version = np.lib.format.read_magic(stream)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        dtype = read_header(stream)[2]
        if dtype.hasobject:
            loaded = _load(stream, path)
            return loaded.item() if isinstance(loaded, np.ndarray) and loaded.ndim == 0 else loaded
        stream.seek(0)
        return np.load(stream, allow_pickle=False)
    except ValueError as error:
        raise UnreadableError(
            f"{path} is not a sound NumPy file ({error}); fetch or write it again."
        ) from None


def _load(stream: BinaryIO, path: PathLike) -> Any:
    try:
        loaded = _ArrayUnpickler(stream, encoding="latin-1").load()
    except _Refused as refusal:
        raise UnreadableError(
            f"{path} asks for {refusal}, which arrays do not need: "
            "the pickle is refused and nothing of it has run"
        ) from None
    except Exception as error:  # a damaged pickle can raise anything
        raise UnreadableError(
            f"{path} is not a sound pickle of arrays ({type(error).__name__}: {error})."
        ) from None
    return plain(loaded)


class _ArrayUnpickler(pickle.Unpickler):
    """Resolves names from a short table; makes a fresh inert class for each name of :data:`_INERT`."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        super().__init__(stream, encoding=encoding)
        self._saved: dict[str, type[Saved]] = {}

    def find_class(self, module: str, name: str) -> Any:
        known = self._known(module, name)
        if known is not None:
            return known
        origin = f"{module}.{name}"
        if (module + ".").startswith(_INERT):
            if origin not in self._saved:
                self._saved[origin] = type("Saved", (Saved,), {"origin": origin})
            return self._saved[origin]
        raise _Refused(origin)

    def _known(self, module: str, name: str) -> Callable[..., Any] | None:
        if module in ("builtins", "__builtin__"):
            return _PLAIN.get(name)
        if module.replace("._core", ".core") in ("numpy.core.multiarray", "numpy"):
            table: dict[str, Callable[..., Any]] = {
                "_reconstruct": _new_array,
                "scalar": _scalar,
                "ndarray": np.ndarray,
                "dtype": np.dtype,
            }
            return table.get(name)
        if module.replace("._core", ".core") == "numpy.core.numeric" and name == "_frombuffer":
            return _from_buffer
        others: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("_codecs", "encode"): _encode,
            ("copy_reg", "_reconstructor"): _new_object,
            ("copyreg", "_reconstructor"): _new_object,
        }
        return others.get((module, name))


def _new_array(subtype: object, shape: tuple[int, ...], dtype: object) -> NDArray[Any]:
    """An array still to be filled; pickles give shape (0,) here and the rest as state."""
    if tuple(shape) != (0,):
        raise ValueError("an array of unusual construction")
    return np.zeros((0,), "b")


def _scalar(dtype: np.dtype[Any], data: Any = b"") -> Any:
    if dtype.hasobject:
        raise ValueError("a scalar of objects")
    return np.frombuffer(data.encode("latin-1") if isinstance(data, str) else data, dtype, count=1)[0]


def _from_buffer(data: Any, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> NDArray[Any]:
    if dtype.hasobject:
        raise ValueError("a buffer of objects")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C").copy()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Protocol 2 spells bytes as text to be encoded."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"text in {encoding}")
    return text.encode("latin-1")


def _new_object(cls: type, base: type, state: object) -> Any:
    """Old protocols make objects this way; only stand-ins may be made."""
    if not (isinstance(cls, type) and issubclass(cls, Saved)):
        raise _Refused(getattr(cls, "__name__", "an object"))
    made = cls.__new__(cls)
    made.__init__()  # type: ignore[misc]
    return made


def plain(item: Any) -> Any:
    """Containers with every stand-in turned into the array it saved, where it saved one."""
    if isinstance(item, dict):
        return {plain(key): plain(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return type(item)(plain(value) for value in item)
    if isinstance(item, np.ndarray) and item.dtype == object:
        return (
            plain(item.item())
            if item.ndim == 0
            else np.array([plain(v) for v in item.flat] + [None], object)[:-1].reshape(item.shape)
        )
    if isinstance(item, Saved):
        state = getattr(item, "state", {})
        if item.origin.startswith("chumpy."):
            return _chumpy(item, state)
        if item.origin.startswith("scipy.sparse."):
            return _sparse(item, state)
    return item


def _chumpy(item: Saved, state: Any) -> Any:
    """chumpy.Ch keeps its numbers in ``x``; a Select picks ``idxs`` of the flattened ``a``."""
    if not isinstance(state, dict):
        return item
    if "x" in state:
        return np.asarray(plain(state["x"]))
    if {"a", "idxs", "preferred_shape"} <= state.keys():
        source = plain(state["a"])
        if isinstance(source, np.ndarray):
            return source.ravel()[np.asarray(state["idxs"])].reshape(state["preferred_shape"])
    return item


def _sparse(item: Saved, state: Any) -> Any:
    kind = item.origin.rsplit(".", 1)[1][:3]
    if not isinstance(state, dict) or kind not in ("csc", "csr", "coo"):
        return item
    shape = state.get("_shape", state.get("shape"))
    if kind == "coo":
        rows = state["coords"] if "coords" in state else (state["row"], state["col"])
        return sparse.coo_matrix((state["data"], tuple(rows)), shape=shape)
    make = sparse.csc_matrix if kind == "csc" else sparse.csr_matrix
    return make((state["data"], state["indices"], state["indptr"]), shape=shape)
