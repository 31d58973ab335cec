"""Wavefront OBJ with MTL and PNG: text that Blender, MeshLab and others read, vertex order kept."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UnreadableError
from facekit.files.atomic import PathLike
from facekit.files.reading import read_text

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]


def obj_text(
    vertices: Floats, faces: Ints, normals: Floats, uv: Floats | None, uv_faces: Ints | None, mtl: str | None
) -> str:
    """The text of the OBJ file; ``uv`` has its origin at the bottom left, as ``vt`` has."""
    parts = ["# facekit: metres, y up, the face looks along +z\n"]
    if mtl is not None:
        parts.append(f"mtllib {mtl}\n")
    parts += ["o face\n", _rows("v", vertices, "%.7f")]
    if uv is not None:
        parts.append(_chart_text(np.asarray(uv, np.float64).tobytes()))
    parts.append(_rows("vn", normals, "%.4f"))
    if mtl is not None:
        parts.append("usemtl face\n")
    corners = [np.asarray(one, np.int64).tobytes() for one in (faces, uv_faces) if one is not None]
    parts += ["s 1\n", _faces_text(*corners)]
    return "".join(parts)


@lru_cache(maxsize=2)  # the meshes of an ensemble have one chart and one set of faces
def _chart_text(uv: bytes) -> str:
    return _rows("vt", np.frombuffer(uv).reshape(-1, 2), "%.6f")


@lru_cache(maxsize=2)
def _faces_text(faces: bytes, uv_faces: bytes | None = None) -> str:
    points = np.frombuffer(faces, np.int64) + 1
    if uv_faces is None:
        columns, row = [points, points], "f %d//%d %d//%d %d//%d\n"
    else:
        texels = np.frombuffer(uv_faces, np.int64) + 1
        columns, row = [points, texels, points], "f %d/%d/%d %d/%d/%d %d/%d/%d\n"
    return row * (len(points) // 3) % tuple(np.stack(columns, 1).ravel().tolist())


def mtl_text(picture: str) -> str:
    """A matt material with one texture."""
    return f"newmtl face\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nd 1\nillum 1\nmap_Kd {picture}\n"


def parse_obj(path: PathLike) -> tuple[Floats, Ints, Floats | None, Ints | None, str | None]:
    """Vertices, triangles, uv, uv triangles and the name of the material file, in the order of the file.

    Polygons become fans of triangles. Raises UnreadableError naming the line that cannot be read.
    """
    points: list[list[float]] = []
    uv: list[list[float]] = []
    faces: list[list[int]] = []
    uv_faces: list[list[int]] = []
    library = None
    for number, line in enumerate(read_text(path).splitlines(), 1):
        word, _, rest = line.strip().partition(" ")
        try:
            if word == "v":
                points.append([float(value) for value in rest.split()[:3]])
            elif word == "vt":
                uv.append([float(value) for value in rest.split()[:2]])
            elif word == "f":
                _add_polygon(rest.split(), len(points), len(uv), faces, uv_faces)
            elif word == "mtllib":
                library = rest.strip()
        except (ValueError, IndexError):
            raise UnreadableError(f"{path}: line {number} cannot be read: {line.strip()[:60]}") from None
    vertices = _array(path, points, 3, np.float64)
    triangles = _array(path, faces, 3, np.int32)
    _check_range(path, triangles, len(vertices))
    if not uv or len(uv_faces) != len(faces):
        return vertices, triangles, None, None, None
    uv_triangles = _array(path, uv_faces, 3, np.int32)
    _check_range(path, uv_triangles, len(uv))
    return vertices, triangles, _array(path, uv, 2, np.float64), uv_triangles, library


def texture_name(path: PathLike) -> str | None:
    """The picture that the first ``map_Kd`` of a material file names."""
    for line in read_text(path).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "map_Kd":
            return rest.strip()
    return None


def _rows(word: str, array: Floats, form: str) -> str:
    row = " ".join([word, *[form] * np.shape(array)[1]]) + "\n"
    return row * len(array) % tuple(np.asarray(array, np.float64).ravel().tolist())


def _add_polygon(
    corners: list[str], points: int, coordinates: int, faces: list[list[int]], uv_faces: list[list[int]]
) -> None:
    """Add a polygon as a fan; negative indices count from the end."""
    if len(corners) < 3:
        raise ValueError("a face has at least three corners")
    parts = [corner.split("/") for corner in corners]
    index = [_index(part[0], points) for part in parts]
    faces += _fan(index)
    if all(len(part) > 1 and part[1] for part in parts):
        uv_faces += _fan([_index(part[1], coordinates) for part in parts])


def _index(text: str, count: int) -> int:
    value = int(text)
    return value - 1 if value > 0 else count + value


def _fan(corners: list[int]) -> list[list[int]]:
    return [[corners[0], b, c] for b, c in pairwise(corners[1:])]


def _array(path: PathLike, rows: Iterable[Iterable[float]], width: int, dtype: type) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.array(list(rows), dtype=dtype).reshape(-1, width)
    except ValueError:
        raise UnreadableError(f"{path} holds rows of different lengths") from None
    if not len(array):
        raise UnreadableError(f"{path} holds no {'faces' if dtype is np.int32 else 'vertices'}")
    if not np.isfinite(array).all():
        raise UnreadableError(f"{path} holds values that are not finite")
    return array


def _check_range(path: PathLike, faces: Ints, count: int) -> None:
    if faces.min() < 0 or faces.max() >= count:
        raise UnreadableError(f"{path} has faces that point outside its {count} vertices")


def beside(path: PathLike, name: str) -> Path:
    """The path of a file that another file names relative to itself."""
    return Path(path).parent / name
