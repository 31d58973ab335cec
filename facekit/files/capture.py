"""A capture as a folder: capture.json with its names, capture.npz with what is small, and one ``.npy`` file
for each thing of which every frame has its own. Those are mapped into memory, so that a frame is read when
it is used."""

from __future__ import annotations

import io
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.avatar.capture import Capture, Hmc, Keypoints, Mesh, Views
from facekit.errors import FacekitError, UnreadableError, UsageError, WrongKindError
from facekit.files.atomic import PathLike, atomic_folder, write_text
from facekit.files.npz import CORRUPT
from facekit.files.reading import read_bytes, read_json
from facekit.files.schema import check_array, parse
from facekit.records import Camera, Step

KIND, VERSION = "capture", 1
HEAD, SMALL = "capture.json", "capture.npz"

# What capture.npz holds, by the fields of Capture.
ARRAYS = {
    "mesh.faces": "int32 (F,3)",
    "mesh.uv": "float32 (U,2)",
    "mesh.uv_faces": "int32 (F,3)",
    "segment": "int32 (N)",
    "held_out": "bool (N)",
    "head": "float64 (N,3,4)",
    "expression": "float32 (N,E)",
    "views.K": "float64 (M,3,3)",
    "views.R": "float64 (M,3,3)",
    "views.t": "float64 (M,3)",
    "views.gain": "float32 (M,3) nan",
    "views.bias": "float32 (M,3) nan",
    "hmc.K": "float64 (S,3,3)",
    "hmc.R": "float64 (S,3,3)",
    "hmc.t": "float64 (S,3)",
    "hmc.pose": "float64 (N,3,4)",
    "keypoints.index": "int32 (L)",
    "keypoints.corners": "int32 (L,3)",
    "keypoints.bary": "float32 (L,3)",
    "keypoints.camera.K": "float64 (3,3)",
    "keypoints.camera.R": "float64 (3,3)",
    "keypoints.camera.t": "float64 (3)",
    "keypoints.camera.image_size": "int32 (2)",
}
# What has a file of its own, and what it looks like.
FILES = {
    "meshes": ("meshes.npy", "float32 (N,V,3)"),
    "textures": ("textures.npy", "uint8 (N,T,T,3)"),
    "views.images": ("views.npy", "uint8 (N,M,H,W,3)"),
    "views.masks": ("view_masks.npy", "uint8 (N,M,H,B)"),
    "hmc.images": ("hmc.npy", "uint8 (N,S,h,w)"),
    "hmc.masks": ("hmc_masks.npy", "uint8 (N,S,h,b)"),
    "keypoints.points": ("keypoints.npy", "float32 (N,L,2) nan"),
}
OURS = (HEAD, SMALL, *(name for name, _ in FILES.values()))
OPTIONAL = ("views", "hmc", "keypoints")


def write_capture(path: PathLike, capture: Capture, force: bool = False) -> None:
    """Write a capture: the folder appears whole, or not at all.

    Raises UsageError if it exists and ``force`` is not set, ValueError for arrays of wrong shapes.
    """
    with new_capture(path, capture, force) as made:
        for name in FILES:
            source = _get(capture, name)
            if source is not None:
                _get(made, name)[...] = source


@contextmanager
def new_capture(path: PathLike, like: Capture, force: bool = False) -> Iterator[Capture]:
    """A capture to be filled: arrays of the shapes of ``like``, all writable, the large ones files.

    What is small (head, segments, cameras, poses ...) starts as in ``like``. The folder appears when the
    block succeeds. ``like`` may hold arrays that take no memory, see ``blank``.
    """
    _require(like)
    refuse_lack(path, _bytes(like))
    with atomic_folder(path, force, OURS) as folder:
        arrays = {name: np.array(_get(like, name)) for name in ARRAYS if _get(like, name) is not None}
        mapped = {}
        for name, (file, line) in FILES.items():
            shape = getattr(_get(like, name), "shape", None)
            if shape is not None:
                arrays[name] = mapped[name] = np.lib.format.open_memmap(
                    folder / file, mode="w+", dtype=np.dtype(parse(line).dtype), shape=shape
                )
        made = _assemble(_head(like), arrays)
        yield made
        for array in mapped.values():
            array.flush()
        _require(made)
        small = {name: array for name, array in arrays.items() if name not in FILES}
        with (folder / SMALL).open("wb") as out:
            np.savez(out, **small)
        write_text(folder / HEAD, json.dumps(_head(made), indent=2) + "\n")


def is_capture(path: PathLike) -> bool:
    """Whether a folder holds a capture."""
    return (Path(path) / HEAD).is_file()


def read_capture(path: PathLike) -> Capture:
    """Read a capture; pictures, textures, meshes and keypoints are mapped into memory, read-only.

    Raises UnreadableError (missing, damaged) or WrongKindError.
    """
    folder = Path(path)
    if not is_capture(folder):
        what = "does not exist" if not folder.exists() else f"is no capture: there is no {HEAD} in it"
        raise UnreadableError(f"{path} {what}; make one with facekit synth capture")
    head = read_json(folder / HEAD)
    found = head.get("kind") if isinstance(head, dict) else None
    if found != KIND or int(head.get("version", 0)) > VERSION:
        why = (
            "was written by a newer facekit; update facekit" if found == KIND else "is not that of a capture"
        )
        raise WrongKindError(f"{folder / HEAD} {why}")
    try:
        with np.load(io.BytesIO(read_bytes(folder / SMALL)), allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
        for name, (file, _) in FILES.items():
            if _wanted(head, name):
                arrays[name] = np.load(folder / file, mmap_mode="r", allow_pickle=False)
        capture = _assemble(head, arrays)
    except FacekitError:
        raise
    except (*CORRUPT, TypeError, AttributeError) as error:
        raise UnreadableError(f"the capture {path} is damaged or incomplete; write it again") from error
    problem = wrong(capture)
    if problem:
        raise UnreadableError(f"{path} is not a valid capture: {problem}")
    return capture


def capture_values(capture: Capture) -> dict[str, Any]:
    """What a capture holds, flat, as ``facekit info`` shows it."""
    views, hmc, points = capture.views, capture.hmc, capture.keypoints
    values: dict[str, Any] = {
        "subject": capture.subject,
        "frames": len(capture),
        "training_frames": len(capture.frames("training")),
        "held_out_frames": len(capture.frames("held-out")),
        "segments": np.array(capture.segments),
        "held_out_segments": np.array(capture.segments)[np.unique(capture.segment[capture.held_out])],
    }
    if views is not None:
        values["views.names"] = np.array(views.names)
    if hmc is not None:
        values["hmc.names"] = np.array(hmc.names)
    if points is not None:
        values["keypoints.scheme"] = points.scheme
    arrays = {name: _get(capture, name) for name in (*FILES, *ARRAYS)}
    return values | {name: array for name, array in arrays.items() if array is not None}


def wrong(capture: Capture) -> str | None:
    """The first thing that is wrong with the shapes and indices of a capture, or None."""
    sizes: dict[str, int] = {}
    for name, line in {**ARRAYS, **{key: line for key, (_, line) in FILES.items()}}.items():
        array = _get(capture, name)
        if array is None:
            continue
        given = parse(line)
        if name in FILES:  # not read through for NaN: it would take longer than all else
            given = replace(given, nan=True, inf=True)
        problem = check_array(name, array, given, sizes)
        if problem:
            return problem
    vertices, mesh = capture.meshes.shape[1], capture.mesh
    for what, index, count in (
        ("mesh.faces", mesh.faces, vertices),
        ("mesh.uv_faces", mesh.uv_faces, len(mesh.uv)),
        ("segment", capture.segment, len(capture.segments)),
    ):
        if index.size and (index.min() < 0 or index.max() >= count):
            return f"{what} points outside {count} entries"
    return None


def _require(capture: Capture) -> None:
    problem = wrong(capture)
    if problem:
        raise ValueError(f"capture: {problem}")


def refuse_lack(path: PathLike, size: int) -> None:
    """UsageError where the disk has no room for a capture of ``size`` bytes."""
    above = Path(path).absolute().parent
    while not above.exists():
        above = above.parent
    free = shutil.disk_usage(above).free
    if size > free:
        raise UsageError(
            f"a capture of {size / 1e9:,.1f} GB does not fit on the disk of {path}, which has "
            f"{free / 1e9:,.1f} GB left; ask for fewer frames or cameras or a smaller preset"
        )


def _bytes(capture: Capture) -> int:
    arrays = [_get(capture, name) for name in FILES]
    return sum(math.prod(array.shape) * array.itemsize for array in arrays if array is not None)


def _get(capture: Capture, name: str) -> Any:
    """The array under a dotted name; None where its part is absent."""
    value: Any = capture
    for step in name.split("."):
        value = None if value is None else getattr(value, step)
    return value


def _wanted(head: dict[str, Any], name: str) -> bool:
    part = name.partition(".")[0]
    return part not in OPTIONAL or head.get(part) is not None


def _head(capture: Capture) -> dict[str, Any]:
    views, hmc, points = capture.views, capture.hmc, capture.keypoints
    return {
        "kind": KIND,
        "version": VERSION,
        "history": [asdict(step) for step in capture.history],
        "subject": capture.subject,
        "frames": len(capture.meshes),
        "segments": list(capture.segments),
        "expression_names": list(capture.expression_names),
        "views": views and {"names": list(views.names)},
        "hmc": hmc and {"names": list(hmc.names)},
        "keypoints": points and {"scheme": points.scheme, "noise": points.noise},
    }


def _assemble(head: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Capture:
    def under(prefix: str) -> dict[str, Any]:
        start = f"{prefix}."
        return {key.removeprefix(start): a for key, a in arrays.items() if key.startswith(start)}

    views = hmc = points = None
    if head["views"] is not None:
        views = Views(names=tuple(head["views"]["names"]), **under("views"))
    if head["hmc"] is not None:
        hmc = Hmc(names=tuple(head["hmc"]["names"]), **under("hmc"))
    if head["keypoints"] is not None:
        given = {key: a for key, a in under("keypoints").items() if not key.startswith("camera.")}
        camera = Camera(**under("keypoints.camera"))
        named = head["keypoints"]
        noise = float(named.get("noise", 0.0))
        points = Keypoints(scheme=str(named["scheme"]), camera=camera, noise=noise, **given)
    return Capture(
        subject=str(head["subject"]),
        mesh=Mesh(**under("mesh")),
        segments=tuple(head["segments"]),
        expression_names=tuple(head["expression_names"]),
        views=views,
        hmc=hmc,
        keypoints=points,
        history=tuple(Step(**step) for step in head["history"]),
        **{key: a for key, a in arrays.items() if "." not in key},
    )
