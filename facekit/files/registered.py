"""Folders of registered meshes: many faces, some of them of one person, on one topology."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from facekit.errors import UnreadableError, WrongKindError
from facekit.files.atomic import PathLike
from facekit.files.meshes import read_mesh
from facekit.records import FloatArray, IntArray

T = TypeVar("T")
SUFFIXES = (".ply", ".obj")
PER_PERSON = 200  # meshes; sequences hold many that are nearly the same


def read_registered(
    folder: PathLike,
    faces: IntArray,
    per_person: int = PER_PERSON,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> tuple[FloatArray, IntArray]:
    """Vertices (N, V, 3) float32 m and the person (N,) of each mesh under ``folder``.

    Folders as CoMA and D3DFACS have them: PERSON/SEQUENCE/FRAME.ply; also PERSON/NAME.obj, and meshes that
    lie in the folder itself, each a person of its own. At most ``per_person`` meshes of a person, evenly
    through the sorted files. All must have the triangles ``faces`` (F, 3). Raises UnreadableError,
    WrongKindError.
    """
    people = _by_person(Path(folder))
    if not people:
        raise UnreadableError(f"{folder} holds no meshes ({' or '.join(SUFFIXES)}); give another folder")
    paths = [path for files in people.values() for path in _evenly(files, per_person)]
    names = {name: number for number, name in enumerate(people)}
    vertices = []
    for path in progress(paths):
        mesh = read_mesh(path)
        if not _same_triangles(np.asarray(mesh.faces), np.asarray(faces)):
            raise WrongKindError(
                f"{path} has other triangles than the face model; give --model the model it was registered to"
            )
        vertices.append(np.asarray(mesh.vertices, np.float32))
    person = np.array([names[_person(path, Path(folder))] for path in paths])
    return np.stack(vertices), person


def _by_person(folder: Path) -> dict[str, list[Path]]:
    people: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            people.setdefault(_person(path, folder), []).append(path)
    return people


def _person(path: Path, folder: Path) -> str:
    """The first folder's name, or the file's own."""
    return path.relative_to(folder).parts[0]


def _evenly(files: list[T], most: int) -> list[T]:
    if len(files) <= most:
        return files
    return [files[i] for i in np.linspace(0, len(files) - 1, most).round().astype(int)]


def _same_triangles(one: IntArray, other: IntArray) -> bool:
    """Whether two meshes have the same triangles, in any order and from any corner."""
    return one.shape == other.shape and bool(np.array_equal(_sorted(one), _sorted(other)))


def _sorted(faces: IntArray) -> IntArray:
    corners = np.sort(faces, axis=1)
    return corners[np.lexsort(corners.T[::-1])]
