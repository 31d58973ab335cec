"""Meshes as OBJ+MTL+PNG, GLB or binary PLY, metres and y up in all of them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files import obj
from facekit.files.atomic import PathLike, atomic_write, atomic_write_all
from facekit.files.images import encode_image, read_photo
from facekit.files.obj import Floats, Ints
from facekit.files.reading import name_content, read_bytes

SUFFIXES = (".obj", ".glb", ".ply")
_CONTENT = {".glb": "a GLB mesh", ".ply": "a PLY mesh"}


@dataclass(frozen=True)
class Mesh:
    """Triangles with an optional UV chart, texture and colours."""

    vertices: Floats  # (V, 3) m
    faces: Ints  # (F, 3)
    uv: Floats | None = None  # (T, 2), origin at the bottom left
    uv_faces: Ints | None = None  # (F, 3) index into uv
    texture: NDArray[np.uint8] | None = None  # (H, W, 3) sRGB, row 0 is the top (v = 1)
    colours: NDArray[np.uint8] | None = None  # (V, 3) sRGB

    @cached_property
    def normals(self) -> Floats:
        """(V, 3) of the vertices."""
        from facekit.geometry.mesh import vertex_normals  # here, because reading can do without SciPy

        return np.asarray(vertex_normals(np.asarray(self.vertices), np.asarray(self.faces)))

    @cached_property
    def png(self) -> bytes | None:
        """The texture's file."""
        return None if self.texture is None else encode_image(self.texture)


def mesh_files(path: PathLike, textured: bool) -> list[Path]:
    """The files that ``write_mesh`` makes for this path, to check them before long work."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot write a mesh as {path}; use one of the suffixes {' '.join(SUFFIXES)}")
    if path.suffix.lower() == ".obj" and textured:
        return [path, path.with_suffix(".mtl"), path.with_suffix(".png")]
    return [path]


def write_mesh(
    path: PathLike,
    vertices: Floats,
    faces: Ints,
    uv: Floats | None = None,
    uv_faces: Ints | None = None,
    texture: NDArray[np.uint8] | None = None,
    force: bool = False,
) -> None:
    """Write a mesh in the format of the suffix.

    ``vertices`` (V, 3) m, ``faces`` (F, 3), ``uv`` (T, 2) with its origin at the bottom left, ``uv_faces``
    (F, 3), ``texture`` (H, W, 3) uint8 sRGB with row 0 at the top. OBJ and PLY keep the vertex order; GLB
    repeats vertices at UV seams, as the format demands; PLY stores the texture as one colour per vertex.
    Raises UsageError for another suffix or an existing file, ValueError for arrays that do not fit together.
    """
    write_meshes([path], Mesh(vertices, faces, uv, uv_faces, texture), force)


def write_meshes(paths: Sequence[PathLike], mesh: Mesh, force: bool = False) -> None:
    """Write one mesh in several formats, as ``write_mesh``; its texture is compressed once."""
    if mesh.uv is None and mesh.texture is not None:
        mesh = replace(mesh, texture=None)
    _check(mesh)
    for path in paths:
        _write(path, mesh, force)


def _write(path: PathLike, mesh: Mesh, force: bool) -> None:
    paths = mesh_files(path, mesh.texture is not None)
    if paths[0].suffix.lower() != ".obj":
        data = _export(mesh, paths[0].suffix.lower())
        with atomic_write(path, force) as file:
            file.write(data)
        return
    library = paths[1].name if len(paths) > 1 else None
    text = obj.obj_text(mesh.vertices, mesh.faces, mesh.normals, mesh.uv, mesh.uv_faces, library)
    content = [text.encode()]
    if mesh.png is not None:
        content += [obj.mtl_text(paths[2].name).encode(), mesh.png]
    with atomic_write_all(paths, force) as files:
        for file, data in zip(files, content, strict=True):
            file.write(data)


def read_mesh(path: PathLike) -> Mesh:
    """Read OBJ, GLB or PLY. Raises UnreadableError, WrongKindError."""
    suffix = Path(path).suffix.lower()
    if suffix == ".obj":
        return _read_obj(path)
    data = read_bytes(path)
    content = name_content(data)
    if suffix not in SUFFIXES or content != _CONTENT[suffix]:
        raise WrongKindError(f"{path}: expected a mesh ({' '.join(SUFFIXES)}), found {content}")
    return _from_trimesh(path, data, suffix[1:])


def _check(mesh: Mesh) -> None:
    if np.shape(mesh.vertices)[1:] != (3,) or np.shape(mesh.faces)[1:] != (3,):
        raise ValueError(f"not a mesh: {np.shape(mesh.vertices)} {np.shape(mesh.faces)}")
    if not np.isfinite(mesh.vertices).all():
        raise ValueError("the vertices are not finite")
    if (mesh.uv is None) != (mesh.uv_faces is None):
        raise ValueError("uv and uv_faces belong together")
    if mesh.uv_faces is not None and np.shape(mesh.uv_faces) != np.shape(mesh.faces):
        raise ValueError("uv_faces and faces differ in shape")


def _read_obj(path: PathLike) -> Mesh:
    vertices, faces, uv, uv_faces, library = obj.parse_obj(path)
    texture = None
    if library is not None and obj.beside(path, library).is_file():
        name = obj.texture_name(obj.beside(path, library))
        texture = read_photo(obj.beside(path, name)).pixels if name else None
    return Mesh(vertices, faces, uv, uv_faces, texture)


class _Encoded:
    """What trimesh takes for a picture and asks to save itself; encoded already, so that it costs nothing."""

    format = "PNG"

    def __init__(self, png: bytes) -> None:
        self.png = png

    def save(self, file: IO[bytes], format: str) -> None:
        file.write(self.png)

    def tobytes(self) -> bytes:
        return self.png


def _export(mesh: Mesh, suffix: str) -> bytes:
    import trimesh

    if suffix == ".ply":
        colours = _corner_colours(mesh) if mesh.texture is not None else None
        out = trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_colors=colours, process=False)
        return _bytes(out.export(file_type="ply", encoding="binary", vertex_normal=False))
    vertex, texel, faces = _split_at_seams(mesh)
    visual = None
    if mesh.uv is not None:
        picture = None if mesh.png is None else _Encoded(mesh.png)
        material = trimesh.visual.material.PBRMaterial(
            name="face", baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=0.8, doubleSided=False
        )
        visual = trimesh.visual.TextureVisuals(uv=np.asarray(mesh.uv)[texel], material=material)
    out = trimesh.Trimesh(
        np.asarray(mesh.vertices)[vertex],
        faces,
        vertex_normals=mesh.normals[vertex],
        visual=visual,
        process=False,
    )
    scene = trimesh.Scene()
    scene.add_geometry(out, node_name="face", geom_name="face")
    return _bytes(scene.export(file_type="glb", include_normals=True))


def _bytes(exported: Any) -> bytes:
    assert isinstance(exported, bytes)
    return exported


def _split_at_seams(mesh: Mesh) -> tuple[Ints, Ints, Ints]:
    """Unique (vertex, uv) pairs in order of vertex, as two columns, and the triangles that index them."""
    if mesh.uv is None or mesh.uv_faces is None:
        return np.arange(len(mesh.vertices)), np.zeros(0, np.int64), np.asarray(mesh.faces)
    count = len(mesh.uv)
    corner = np.ravel(mesh.faces).astype(np.int64) * count + np.ravel(mesh.uv_faces)
    pairs, inverse = np.unique(corner, return_inverse=True)
    return pairs // count, pairs % count, inverse.reshape(-1, 3)


def _corner_colours(mesh: Mesh) -> NDArray[np.uint8]:
    """One colour per vertex: the texel at its first corner's uv."""
    assert mesh.texture is not None
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    height, width = mesh.texture.shape[:2]
    uv = np.zeros((len(mesh.vertices), 2))
    uv[np.ravel(mesh.faces)[::-1]] = np.asarray(mesh.uv)[np.ravel(mesh.uv_faces)[::-1]]
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    return np.asarray(mesh.texture[row, column, :3])


def _from_trimesh(path: PathLike, data: bytes, form: str) -> Mesh:
    import trimesh

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = trimesh.load_mesh(io.BytesIO(data), file_type=form, process=False)
        if isinstance(loaded, trimesh.Scene):
            loaded = loaded.to_mesh()
        if not isinstance(loaded, trimesh.Trimesh) or not len(loaded.faces):
            raise UnreadableError(f"{path} holds no triangles")
    except UnreadableError:
        raise
    except Exception as error:  # trimesh raises nearly anything on damaged files
        raise UnreadableError(f"{path} is damaged or incomplete; write it again") from error
    vertices, faces = np.asarray(loaded.vertices), np.asarray(loaded.faces)
    if not np.isfinite(vertices).all():
        raise UnreadableError(f"{path} holds vertices that are not finite")
    visual: Any = loaded.visual
    if visual.kind == "texture" and visual.uv is not None:
        return Mesh(vertices, faces, np.asarray(visual.uv), faces, _material_picture(visual.material))
    coloured = visual.kind == "vertex"
    return Mesh(vertices, faces, colours=np.array(visual.vertex_colors)[:, :3] if coloured else None)


def _material_picture(material: Any) -> NDArray[np.uint8] | None:
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    return None if picture is None else np.array(picture.convert("RGB"))
