"""Records survive the file, and every way in which a file can be wrong has its own sentence."""

import io
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facekit.errors import NumericalError, UnreadableError, UsageError, WrongKindError
from facekit.files.npz import read_any, read_record, write_record
from facekit.records import Camera, Completion, Fit, Landmarks, Record

KINDS = ["landmarks", "camera", "light", "code", "fit", "ensemble", "completion"]


def assert_equal(a: Record, b: Record) -> None:
    """Same class, history, dtypes and bytes, nested records included."""
    assert type(a) is type(b)
    for field in fields(a):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, Record):
            assert_equal(x, y)
        elif isinstance(x, np.ndarray):
            assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()), field.name
        else:
            assert x == y or (x != x and y != y), field.name


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(records: dict[str, Record], tmp_path: Path, kind: str) -> None:
    write_record(tmp_path / "a.npz", records[kind])
    assert_equal(records[kind], read_record(tmp_path / "a.npz", type(records[kind])))
    assert_equal(records[kind], read_any(tmp_path / "a.npz"))


def test_the_comparison_above_can_fail(records: dict[str, Record]) -> None:
    camera = records["camera"]
    assert isinstance(camera, Camera)
    with pytest.raises(AssertionError):
        assert_equal(camera, replace(camera, t=np.nextafter(camera.t, 9)))
    fit = records["fit"]
    assert isinstance(fit, Fit)
    with pytest.raises(AssertionError):
        assert_equal(fit, replace(fit, camera=replace(camera, history=fit.history)))


@pytest.mark.parametrize("kind", KINDS)
def test_same_record_same_bytes(records: dict[str, Record], tmp_path: Path, kind: str) -> None:
    for name in ("a.npz", "b.npz"):
        write_record(tmp_path / name, records[kind])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_pictures_are_written_without_a_copy(records: dict[str, Record], tmp_path: Path) -> None:
    completion = records["completion"]
    assert isinstance(completion, Completion)
    pictures = np.zeros((10, 2000, 2000, 3), np.uint8)
    mask = np.zeros((2000, 2000), bool)
    window, size = np.array([0, 0, 2000, 2000], np.int32), np.array([2000, 2000], np.int32)
    large = replace(completion, patches=pictures, mask=mask, window=window, image_size=size)
    large = replace(large, textures=large.textures[:1].repeat(10, 0))
    tracemalloc.start()
    write_record(tmp_path / "a.npz", large)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 0.8 * pictures.nbytes


def test_the_file_is_plain_npz(records: dict[str, Record], tmp_path: Path) -> None:
    write_record(tmp_path / "a.npz", records["fit"])
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        header = json.loads(str(archive["facekit"]))
        assert (header["kind"], header["version"]) == ("fit", 1)
        assert header["history"][0]["command"] == "facekit detect 'my photo.jpg'"
        assert archive["camera.K"].shape == (3, 3)


def test_stated_dtypes_are_stored(records: dict[str, Record], tmp_path: Path) -> None:
    landmarks = records["landmarks"]
    assert isinstance(landmarks, Landmarks)
    write_record(tmp_path / "a.npz", replace(landmarks, points=landmarks.points.astype(np.float64)))
    assert_equal(landmarks, read_any(tmp_path / "a.npz"))


def test_another_kind(records: dict[str, Record], tmp_path: Path) -> None:
    write_record(tmp_path / "a.npz", records["fit"])
    with pytest.raises(WrongKindError, match="expected a landmarks record, found a fit"):
        read_record(tmp_path / "a.npz", Landmarks)


def test_overwriting_needs_force(records: dict[str, Record], tmp_path: Path) -> None:
    write_record(tmp_path / "a.npz", records["camera"])
    with pytest.raises(UsageError, match="--force"):
        write_record(tmp_path / "a.npz", records["camera"])
    write_record(tmp_path / "a.npz", records["camera"], force=True)


@pytest.mark.parametrize(("key", "value"), [("t", np.nan), ("K", np.inf)])
def test_values_that_are_not_finite_are_not_written(
    records: dict[str, Record], tmp_path: Path, key: str, value: float
) -> None:
    camera = records["camera"]
    with pytest.raises(NumericalError, match=key):
        write_record(tmp_path / "a.npz", replace(camera, **{key: np.full_like(getattr(camera, key), value)}))
    assert not list(tmp_path.iterdir())


def test_wrong_shapes_are_not_written(records: dict[str, Record], tmp_path: Path) -> None:
    fit = records["fit"]
    assert isinstance(fit, Fit)
    with pytest.raises(ValueError, match=r"visible has shape \(3,\), expected \(V\) with V = 4"):
        write_record(tmp_path / "a.npz", replace(fit, visible=fit.visible[:3]))
    assert not list(tmp_path.iterdir())


def spoil(path: Path, **changes: Any) -> None:
    """Rewrite an archive with some arrays changed; None removes one."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays = {name: array for name, array in (arrays | changes).items() if array is not None}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def header(**changes: Any) -> np.ndarray:
    return np.array(json.dumps({"kind": "fit", "version": 1, "history": []} | changes))


DAMAGES: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "future version": (
        {"facekit": header(version=2)},
        WrongKindError,
        r"newer facekit \(fit format 2.* update",
    ),
    "future version inside": (
        {"camera.facekit": header(kind="camera", version=9)},
        WrongKindError,
        "camera format 9",
    ),
    "unknown kind": ({"facekit": header(kind="hologram")}, WrongKindError, r"'hologram'.*update"),
    "no header": ({"facekit": None}, WrongKindError, "did not write"),
    "header is not JSON": ({"facekit": np.array("{")}, UnreadableError, "header"),
    "header is a list": ({"facekit": np.array("[]")}, UnreadableError, "header"),
    "header is a number": ({"facekit": np.array(3)}, UnreadableError, "header"),
    "missing field": ({"vertices": None}, UnreadableError, "vertices is missing"),
    "missing nested field": ({"camera.K": None}, UnreadableError, "camera.K is missing"),
    "missing nested record": ({"camera.facekit": None}, UnreadableError, "header"),
    "wrong dtype": ({"vertices": np.zeros((4, 3))}, UnreadableError, "vertices is float64, expected float32"),
    "wrong number of axes": ({"vertices": np.zeros(12, np.float32)}, UnreadableError, r"shape \(12,\)"),
    "wrong size": ({"landmarks68": np.zeros((67, 3), np.float32)}, UnreadableError, r"expected \(68,3\)"),
    "sizes disagree": ({"visible": np.zeros(5, bool)}, UnreadableError, r"expected \(V\) with V = 4"),
    "NaN": ({"vertices": np.full((4, 3), np.nan, np.float32)}, UnreadableError, "vertices holds NaN"),
    "infinity": ({"camera.t": np.full(3, np.inf)}, UnreadableError, "camera.t holds infinite"),
    "text for a number": ({"vertices": np.array("x")}, UnreadableError, "vertices"),
    "number for a text": ({"outcome": np.array(3.0)}, UnreadableError, "outcome"),
    "array for a text": ({"outcome": np.array(["a", "b"])}, UnreadableError, "outcome"),
    "text for a float": ({"landmarks.score": np.array("high")}, UnreadableError, "score"),
    "stats are not JSON": ({"stats": np.array("{seconds: 1}")}, UnreadableError, "stats is not valid JSON"),
    "stats are a list": ({"stats": np.array("[1]")}, UnreadableError, "stats is not a JSON object"),
    "faces out of range": (
        {"faces": np.full((2, 3), 4, np.int32)},
        UnreadableError,
        "outside the 4 vertices",
    ),
    "negative faces": ({"faces": np.full((2, 3), -1, np.int32)}, UnreadableError, "outside the 4 vertices"),
    "unknown scheme": ({"landmarks.scheme": np.array("abc")}, UnreadableError, "landmarks.scheme"),
    "scheme and count": (
        {"landmarks.scheme": np.array("mediapipe478")},
        UnreadableError,
        "68 rows, mediapipe478 has 478",
    ),
    "negative sigma": ({"landmarks.sigma": np.full(68, -1, np.float32)}, UnreadableError, "sigma"),
    "focal length": ({"camera.K": np.zeros((3, 3))}, UnreadableError, "camera.K or image_size is not"),
    "picture of no size": ({"camera.image_size": np.zeros(2, np.int32)}, UnreadableError, "must be positive"),
    "no rotation": ({"camera.R": np.zeros((3, 3))}, UnreadableError, "camera.R is no rotation"),
    "a reflection": ({"camera.R": np.diag([1.0, 1.0, -1.0])}, UnreadableError, "camera.R is no rotation"),
    "order of harmonics": ({"light.order": np.array("1 x y z")}, UnreadableError, "light.order"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_records(records: dict[str, Record], tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.fit.npz"
    write_record(path, records["fit"])
    spoil(path)
    assert_equal(records["fit"], read_any(path))  # rewriting alone does no harm
    changes, error, message = DAMAGES[damage]
    spoil(path, **changes)
    with pytest.raises(error, match=message) as raised:
        read_record(path, Fit)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_pickle_inside_does_not_run(records: dict[str, Record], tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return Path.touch, (tmp_path / "trapped",)  # type: ignore[return-value]

    path = tmp_path / "a.npz"
    write_record(path, records["camera"])
    spoil(path, K=np.array([Trap()], dtype=object))
    with pytest.raises(UnreadableError, match="damaged"):
        read_any(path)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("keep", [0, 1, 3, 20, 100, 1000, -1, -30])
def test_truncated_files(records: dict[str, Record], tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.npz"
    write_record(path, records["fit"])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableError, match=r"damaged|empty|unknown kind|text file"):
        read_any(path)


def test_flipped_bytes_never_give_another_error(records: dict[str, Record], tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_record(path, records["light"])
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x55]) + good[position + 1 :])
        try:
            read_any(path)
        except (UnreadableError, WrongKindError):
            continue


def png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "error", "found"),
    [(png(), WrongKindError, "a PNG picture"), (b"hello\n", UnreadableError, "a text file")],
)
def test_other_files(tmp_path: Path, content: bytes, error: type[Exception], found: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(error, match=f"expected a fit record, found {found}"):
        read_record(path, Fit)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="does not exist"):
        read_any(tmp_path / "none.npz")
    with pytest.raises(UnreadableError, match="is a folder"):
        read_any(tmp_path)
