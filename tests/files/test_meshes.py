"""Meshes come back from every format, through facekit's reader and through trimesh's."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files.meshes import Mesh, read_mesh, write_mesh
from facekit.geometry.mesh import vertex_normals

# A square of two triangles, cut apart in the UV chart along its diagonal; a texture of four flat quarters.
VERTICES = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5]], np.float32) * np.float32(0.1)
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
UV = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9], [0.1, 0.4], [0.4, 0.9]], np.float32)
UV_FACES = np.array([[0, 1, 2], [4, 5, 3]], np.int32)
RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]
TEXTURE = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8).repeat(8, 0).repeat(8, 1)
# v = 1 is the top row: the corner colours that a reader with any other idea of the origin does not find.
CORNERS = np.array([[BLUE, WHITE, GREEN], [BLUE, RED, RED]])


def write(path: Path, textured: bool = True) -> None:
    if textured:
        write_mesh(path, VERTICES, FACES, UV, UV_FACES, TEXTURE)
    else:
        write_mesh(path, VERTICES, FACES)


def look_up(uv: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """Colours at uv with the origin at the bottom left."""
    height, width = texture.shape[:2]
    return texture[((1 - uv[..., 1]) * height).astype(int), (uv[..., 0] * width).astype(int), :3]


def corner_colours(mesh: Mesh) -> np.ndarray:
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    assert mesh.texture is not None
    return look_up(mesh.uv[mesh.uv_faces], mesh.texture)


@pytest.mark.parametrize("suffix", [".obj", ".glb"])
def test_textured_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a face{suffix}"
    write(path)
    mesh = read_mesh(path)
    assert np.allclose(mesh.vertices[mesh.faces], VERTICES[FACES], atol=1e-7)
    assert np.array_equal(corner_colours(mesh), CORNERS)
    assert mesh.texture is not None
    assert np.array_equal(mesh.texture, TEXTURE)


@pytest.mark.parametrize("suffix", [".obj", ".glb"])
def test_second_reader_sees_the_same_corners(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"face{suffix}"
    write(path)
    loaded = trimesh.load_mesh(path, process=False)
    if isinstance(loaded, trimesh.Scene):
        loaded = loaded.to_mesh()
    assert np.allclose(loaded.vertices[loaded.faces], VERTICES[FACES], atol=1e-7)
    picture = getattr(loaded.visual.material, "baseColorTexture", None) or loaded.visual.material.image
    colours = look_up(loaded.visual.uv[loaded.faces], np.asarray(picture.convert("RGB")))
    assert np.array_equal(colours, CORNERS)


def test_the_corner_colours_above_can_fail() -> None:
    flipped = UV * [1, -1] + [0, 1]
    assert not np.array_equal(look_up(flipped[UV_FACES], TEXTURE), CORNERS)
    assert not np.array_equal(look_up(UV[UV_FACES], TEXTURE[:, ::-1]), CORNERS)


def test_obj_and_ply_keep_the_order_of_vertices(tmp_path: Path) -> None:
    for suffix in (".obj", ".ply"):
        write(tmp_path / f"face{suffix}")
        mesh = read_mesh(tmp_path / f"face{suffix}")
        assert np.allclose(mesh.vertices, VERTICES, atol=1e-7)
        assert np.array_equal(mesh.faces, FACES)


def test_ply_is_binary_with_a_colour_per_vertex(tmp_path: Path) -> None:
    write(tmp_path / "face.ply")
    assert b"format binary_little_endian" in (tmp_path / "face.ply").read_bytes()[:100]
    mesh = read_mesh(tmp_path / "face.ply")
    assert mesh.colours is not None
    assert mesh.colours.tolist() == [BLUE, WHITE, GREEN, RED]


@pytest.mark.parametrize("suffix", [".obj", ".glb", ".ply"])
def test_plain_mesh(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"face{suffix}", textured=False)
    mesh = read_mesh(tmp_path / f"face{suffix}")
    assert np.allclose(mesh.vertices, VERTICES, atol=1e-7)
    assert np.array_equal(mesh.faces, FACES)
    assert mesh.texture is None
    assert [path.name for path in tmp_path.iterdir()] == [f"face{suffix}"]


@pytest.mark.parametrize("suffix", [".obj", ".glb", ".ply"])
def test_same_mesh_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / f"face{suffix}")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_obj_text_has_what_other_programs_need(tmp_path: Path) -> None:
    write(tmp_path / "face.obj")
    text = (tmp_path / "face.obj").read_text()
    for part in ("mtllib face.mtl\n", "usemtl face\n", "\nvt 0.1", "\nvn ", "\nf 1/1/1 2/2/2 3/3/3\n"):
        assert part in text
    material = (tmp_path / "face.mtl").read_text()
    assert "newmtl face\n" in material
    assert "map_Kd face.png\n" in material


def test_glb_normals_do_not_break_at_uv_seams(tmp_path: Path) -> None:
    write(tmp_path / "face.glb")
    mesh = trimesh.load_scene(tmp_path / "face.glb", process=False).geometry["face"]
    expected = vertex_normals(VERTICES, FACES)[FACES]
    assert len(mesh.vertices) == 6
    assert np.allclose(mesh.vertex_normals[mesh.faces], expected, atol=1e-6)


def test_one_existing_file_of_the_three_refuses_all(tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"face\.png exists"):
        write(tmp_path / "face.obj")
    assert [path.name for path in tmp_path.iterdir()] == ["face.png"]


def test_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.obj \.glb \.ply"):
        write(tmp_path / "face.stl")
    with pytest.raises(WrongKindError, match="expected a mesh"):
        (tmp_path / "face.stl").write_text("solid")
        read_mesh(tmp_path / "face.stl")


@pytest.mark.parametrize(
    ("vertices", "faces"),
    [(VERTICES * np.nan, FACES), (VERTICES[:, :2], FACES), (VERTICES, FACES.ravel())],
)
def test_arrays_that_are_no_mesh(tmp_path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"mesh|finite"):
        write_mesh(tmp_path / "a.obj", vertices, faces)
    assert not list(tmp_path.iterdir())


FOREIGN = """# quads, negative indices, colours, Windows line ends\r
v 0 0 0 1 0 0\r
v 1 0 0 1 0 0\r
v 1 1 0 1 0 0\r
v 0 1 0 1 0 0\r
vt 0 0\r
f -4/1 -3/1 -2/1 -1/1\r
"""


def test_obj_of_other_programs(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_bytes(FOREIGN.encode())
    mesh = read_mesh(tmp_path / "a.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.uv_faces is not None
    assert mesh.uv_faces.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_obj_whose_material_file_is_gone(tmp_path: Path) -> None:
    write(tmp_path / "face.obj")
    (tmp_path / "face.mtl").unlink()
    assert read_mesh(tmp_path / "face.obj").texture is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0\nf 1 1 1\n", "rows of different lengths|cannot be read"),
        ("v 0 0 x\n", "line 1 cannot be read: v 0 0 x"),
        ("v 0 0 0\nf 1 2 3\n", "outside its 1 vertices"),
        ("v 0 0 0\nf 1 1\n", "line 2"),
        ("v 0 0 nan\nf 1 1 1\n", "not finite"),
        ("hello\n", "holds no vertices"),
        ("v 0 0 0\n", "holds no faces"),
    ],
)
def test_damaged_obj(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.obj").write_text(text)
    with pytest.raises(UnreadableError, match=message):
        read_mesh(tmp_path / "a.obj")


@pytest.mark.parametrize("suffix", [".glb", ".ply"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    write(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnreadableError):
        read_mesh(path)


def test_picture_named_as_a_mesh(tmp_path: Path) -> None:
    write(tmp_path / "face.obj")
    (tmp_path / "face.png").rename(tmp_path / "face.glb")
    with pytest.raises(WrongKindError, match="found a PNG picture"):
        read_mesh(tmp_path / "face.glb")
