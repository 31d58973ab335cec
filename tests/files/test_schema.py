"""The table of fields agrees with records.py, where shape and dtype stand as comments."""

import inspect
import re
from dataclasses import fields

import numpy as np
import pytest

from facekit import records
from facekit.files.schema import FIELDS, RECORDS, check_array, names, parse


def classes() -> list[type[records.Record]]:
    found = [c for _, c in inspect.getmembers(records, inspect.isclass) if issubclass(c, records.Record)]
    return [cls for cls in found if cls is not records.Record]


def test_every_record_class_is_in_the_table() -> None:
    assert {cls.KIND: cls for cls in classes()} == RECORDS


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_is_in_the_table_in_order(kind: str) -> None:
    assert list(FIELDS[kind]) == names(RECORDS[kind])


def comment(cls: type[records.Record], name: str) -> tuple[str, int | None]:
    """The dtype and the number of axes that the comment beside a field states; "" where it states none."""
    line = next(x for x in inspect.getsource(cls).splitlines() if x.strip().startswith(f"{name}:"))
    match = re.search(r"# \(([^)]*)\) (float32|float64|int32|bool|uint8)?", line)
    if match is None:
        return "", None
    return match[2] or "", len([part for part in match[1].split(",") if part.strip()])


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in FIELDS for name in FIELDS[kind]])
def test_dtype_and_axes_are_those_of_the_comment(kind: str, name: str) -> None:
    dtype, axes = comment(RECORDS[kind], name)
    field = parse(FIELDS[kind][name])
    annotation = next(f.type for f in fields(RECORDS[kind]) if f.name == name)
    assert (field.record is not None) == (annotation in ("Camera", "Code", "Light", "Landmarks"))
    if "Array" in str(annotation):
        assert axes == len(field.shape)
        assert dtype in ("", field.dtype)
        assert dtype or field.dtype == "str"


def test_letters_stand_for_one_size() -> None:
    sizes: dict[str, int] = {}
    assert check_array("a", np.zeros((2, 3), np.float32), parse("float32 (N,3)"), sizes) is None
    assert check_array("b", np.zeros(2, bool), parse("bool (N)"), sizes) is None
    assert check_array("c", np.zeros(3, bool), parse("bool (N)"), sizes) == (
        "c has shape (3,), expected (N) with N = 2"
    )


def test_what_is_not_a_description() -> None:
    with pytest.raises(ValueError, match="not a field description"):
        parse("float32 of shape N")
