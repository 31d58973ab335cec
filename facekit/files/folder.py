"""The folder that ``complete`` writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit.errors import UnreadableError, UsageError
from facekit.files.atomic import PathLike, atomic_folder, refuse_unwritable, write_text
from facekit.files.images import write_image
from facekit.files.meshes import Mesh, write_meshes
from facekit.files.npz import write_record
from facekit.morphable.topology import Topology
from facekit.records import ByteArray, Completion, Ensemble, Fit
from facekit.texture.patch import paste

# What a run may have left in the folder; with --force only these are replaced.
OURS = (
    "completed_[0-9]*.png",
    "face_[0-9]*.*",
    "landmarks.npz",
    "fit.npz",
    "ensemble.npz",
    "completion.npz",
    "contact.png",
    "report.html",
    "report.json",
)


@dataclass(frozen=True)
class CompletionFolder:
    """What goes into the folder."""

    photo: ByteArray  # (H, W, 3) uint8
    topology: Topology
    fit: Fit
    ensemble: Ensemble
    completion: Completion
    contact: ByteArray  # (h, w, 3) uint8
    page: str  # report.html
    figures: dict[str, Any]  # report.json


def write_completion_folder(path: PathLike, contents: CompletionFolder, force: bool = False) -> None:
    """Write the folder of DESIGN.md: it appears whole, or not at all.

    Raises UsageError if it exists and ``force`` is not set; with ``force`` only files that facekit wrote are
    replaced.
    """
    with atomic_folder(path, force, OURS) as folder:
        jobs = [
            job(folder, contents, i)
            for i in range(len(contents.ensemble.vertices))
            for job in (_picture, _mesh)
        ]
        jobs += [
            lambda: write_record(folder / "landmarks.npz", contents.fit.landmarks),
            lambda: write_record(folder / "fit.npz", contents.fit),
            lambda: write_record(folder / "ensemble.npz", contents.ensemble),
            lambda: write_record(folder / "completion.npz", contents.completion),
            lambda: write_image(folder / "contact.png", contents.contact),
            lambda: write_text(folder / "report.html", contents.page),
            lambda: write_text(folder / "report.json", json.dumps(contents.figures, indent=2) + "\n"),
        ]
        with ThreadPoolExecutor(2) as pool:  # compression holds no lock
            for done in [pool.submit(job) for job in jobs]:
                done.result()


def _picture(folder: Path, contents: CompletionFolder, i: int) -> Callable[[], None]:
    return lambda: write_image(
        folder / f"completed_{i:02d}.png", paste(contents.photo, contents.completion, i)
    )


def _mesh(folder: Path, contents: CompletionFolder, i: int) -> Callable[[], None]:
    def write() -> None:
        topology = contents.topology
        shape, texture = contents.ensemble.vertices[i], contents.completion.textures[i]
        mesh = Mesh(shape, topology.faces, topology.uv, topology.uv_faces, texture)
        write_meshes([folder / f"face_{i:02d}{suffix}" for suffix in (".obj", ".glb")], mesh)

    return write


def refuse_folder(path: PathLike, force: bool) -> None:
    """Raise UsageError if the folder holds something and ``force`` is not set. Commands call it before long
    work.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file; give the name of a folder to write to")
    if not force and path.is_dir() and any(path.iterdir()):
        raise UsageError(f"the folder {path} exists already; give --force to replace its files")
    refuse_unwritable(path)


def make_folder(path: PathLike) -> None:
    """Make a folder where there is none. Raises UnreadableError."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreadableError(f"cannot make the folder {path}: {error.strerror or error}") from error
