"""Records as ``.npz`` files: one array per field, nested records with a dot, a JSON header."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import asdict, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.errors import FacekitError, NumericalError, UnreadableError, WrongKindError
from facekit.files import schema
from facekit.files.atomic import PathLike, atomic_write
from facekit.files.reading import name_content, read_bytes
from facekit.records import Record, Step

R = TypeVar("R", bound=Record)
Arrays = dict[str, NDArray[Any]]

HEADER = "facekit"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same record gives the same bytes at any time
_ZIP64 = 2**30  # bytes; larger arrays get the long form of the zip header
CORRUPT = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    OSError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
)


def write_record(path: PathLike, record: Record, force: bool = False) -> None:
    """Write a record; floats and integers are stored in the dtype that ``records.py`` states.

    Raises NumericalError if a value that must be finite is not, ValueError if a shape is wrong (a fault of
    the program, not of the user), UsageError if the file exists and ``force`` is not set.
    """
    record = _with_stated_dtypes(record)
    problem = schema.check(record)
    if problem and ("NaN" in problem or "infinite" in problem):
        raise NumericalError(f"{path} was not written: {record.KIND} {problem}")
    if problem:
        raise ValueError(f"{record.KIND}: {problem}")
    with atomic_write(path, force) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in to_arrays(record).items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry._compresslevel = 1  # type: ignore[attr-defined] # public from Python 3.13 on
            # piece by piece: pictures of a large photo would be in memory three times
            with archive.open(entry, "w", force_zip64=array.nbytes > _ZIP64) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)


def read_record(path: PathLike, cls: type[R]) -> R:
    """Read a record of one class.

    Raises UnreadableError (missing, damaged), WrongKindError (another kind, a future version).
    """
    arrays = _load(path, cls)
    record = _from_arrays(path, arrays, "", cls)
    problem = schema.check(record)
    if problem:
        raise UnreadableError(f"{path} is not a valid {record.KIND} record: {problem}")
    return record


def read_any(path: PathLike) -> Record:
    """Read a record of whatever kind the file says it is."""
    return read_record(path, Record)


def to_arrays(record: Record, prefix: str = "") -> Arrays:
    """The arrays of the file, keyed as in the file: header first, nested records as ``camera.K``."""
    arrays: Arrays = {prefix + HEADER: np.array(json.dumps(_header(record), sort_keys=True))}
    for name in schema.names(type(record)):
        value = getattr(record, name)
        if isinstance(value, Record):
            arrays |= to_arrays(value, f"{prefix}{name}.")
        else:
            arrays[prefix + name] = np.asarray(value, order="C")
    return arrays


def _header(record: Record) -> dict[str, Any]:
    return {
        "kind": record.KIND,
        "version": record.VERSION,
        "history": [asdict(step) for step in record.history],
    }


def _hint(kind: str) -> str:
    made_by = {"landmarks": "detect", "fit": "fit-3dmm", "ensemble": "diversify", "completion": "complete"}
    return f" (as written by facekit {made_by[kind]})" if kind in made_by else ""


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"


def _with_stated_dtypes(record: Record) -> Record:
    changed: dict[str, Any] = {}
    for name, line in schema.FIELDS[record.KIND].items():
        field, value = schema.parse(line), getattr(record, name)
        if field.record is not None:
            changed[name] = _with_stated_dtypes(value)
        elif field.single:
            changed[name] = float(value) if field.dtype == "float" else str(value)
        elif field.dtype == "str":
            changed[name] = np.asarray(value, dtype=np.str_)
        else:
            changed[name] = np.asarray(value).astype(field.dtype, casting="same_kind", copy=False)
    return replace(record, **changed)


def _load(path: PathLike, wanted: type[Record]) -> Arrays:
    data = read_bytes(path)
    expected = f"expected {_with_article(wanted.KIND)} record" if wanted.KIND else "expected a facekit record"
    content = name_content(data)
    if content == "a text file" or content == "a file of unknown kind":
        raise UnreadableError(f"{path}: {expected}, found {content}")
    if content != "a zip archive":
        raise WrongKindError(f"{path}: {expected}, found {content}")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            if HEADER not in archive.files:
                raise WrongKindError(f"{path}: {expected}, found an archive that facekit did not write")
            return {name: archive[name] for name in archive.files}
    except FacekitError:
        raise
    except CORRUPT as error:
        raise UnreadableError(f"{path} is damaged or incomplete; write it again") from error


def _from_arrays(path: PathLike, arrays: Arrays, prefix: str, wanted: type[R]) -> R:
    kind, history = _parse_header(path, arrays.get(prefix + HEADER), wanted)
    values: dict[str, Any] = {}
    for name, line in schema.FIELDS[kind].items():
        field = schema.parse(line)
        if field.record is not None:
            values[name] = _from_arrays(path, arrays, f"{prefix}{name}.", schema.RECORDS[field.record])
            continue
        array = arrays.get(prefix + name)
        if array is None:
            raise UnreadableError(f"{path} is not a valid {kind} record: {prefix + name} is missing")
        values[name] = array
        if field.single:
            if array.ndim or (field.dtype == "float") != (array.dtype.kind == "f"):
                raise UnreadableError(
                    f"{path} is not a valid {kind} record: {prefix + name} is not one {field.dtype}"
                )
            values[name] = array.item()
    cls = schema.RECORDS[kind]
    assert issubclass(cls, wanted)  # _parse_header compared the kinds
    return cls(history=history, **values)


def _parse_header(
    path: PathLike, header: NDArray[Any] | None, wanted: type[Record]
) -> tuple[str, tuple[Step, ...]]:
    try:
        content = json.loads(str(header))
        kind, version = str(content["kind"]), int(content["version"])
        history = tuple(
            Step(str(s["command"]), str(s["facekit"]), s.get("seed"), s.get("model"))
            for s in content["history"]
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"{path} has a damaged facekit header; write it again") from error
    if kind not in schema.RECORDS:
        raise WrongKindError(
            f"{path} holds a {kind!r} record, which this facekit does not know; update facekit"
        )
    current = schema.RECORDS[kind].VERSION
    if version > current:
        raise WrongKindError(
            f"{path} was written by a newer facekit ({kind} format {version}, this one reads {current}); "
            "update facekit"
        )
    if wanted.KIND not in ("", kind):
        found = f"{_with_article(kind)}{_hint(kind)}"
        raise WrongKindError(f"{path}: expected {_with_article(wanted.KIND)} record, found {found}")
    return kind, history
