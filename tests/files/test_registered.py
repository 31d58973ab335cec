"""Folders of registered meshes, in the layouts of CoMA and D3DFACS and as plain folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from facekit.errors import UnreadableError, WrongKindError
from facekit.files.meshes import write_mesh
from facekit.files.registered import read_registered

BALL = trimesh.creation.icosphere(1, 0.1)
POINTS, FACES = np.asarray(BALL.vertices, np.float32), np.asarray(BALL.faces, np.int32)


def put(path: Path, offset: float, faces: np.ndarray = FACES) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mesh(path, POINTS + np.float32(offset), faces)


def test_people_sequences_and_frames(tmp_path: Path) -> None:
    for i, name in enumerate(
        ["A/smile/smile.000001.ply", "A/smile/smile.000002.ply", "B/jaw/jaw.000001.ply"]
    ):
        put(tmp_path / name, 0.01 * i)
    put(tmp_path / "C" / "neutral.obj", 0.03)
    (tmp_path / "README.txt").write_text("no mesh")
    vertices, person = read_registered(tmp_path, FACES)
    assert person.tolist() == [0, 0, 1, 2]
    assert vertices.dtype == np.float32
    np.testing.assert_allclose(vertices[:, 0, 0], POINTS[0, 0] + [0, 0.01, 0.02, 0.03], atol=1e-6)


def test_loose_meshes_are_people(tmp_path: Path) -> None:
    for i in range(4):
        put(tmp_path / f"face_{i}.obj", 0.01 * i)
    assert read_registered(tmp_path, FACES)[1].tolist() == [0, 1, 2, 3]


def test_long_sequences_are_thinned_evenly(tmp_path: Path) -> None:
    for i in range(9):
        put(tmp_path / "A" / f"{i}.ply", 0.01 * i)
    vertices, _ = read_registered(tmp_path, FACES, per_person=3)
    np.testing.assert_allclose(vertices[:, 0, 0] - POINTS[0, 0], [0, 0.04, 0.08], atol=1e-6)


def test_the_order_of_triangles_and_corners_is_free(tmp_path: Path) -> None:
    put(tmp_path / "a.ply", 0, np.roll(FACES[::-1], 1, axis=1))
    assert len(read_registered(tmp_path, FACES)[0]) == 1


def test_another_topology_is_refused_with_the_file_named(tmp_path: Path) -> None:
    put(tmp_path / "a.ply", 0)
    put(tmp_path / "b.ply", 0, FACES[:-1])
    with pytest.raises(WrongKindError, match=r"b\.ply has other triangles.*--model"):
        read_registered(tmp_path, FACES)
    moved = FACES.copy()
    moved[0, 0] = (moved[0, 0] + 1) % len(POINTS)
    put(tmp_path / "b2" / "b.ply", 0, moved)
    with pytest.raises(WrongKindError):
        read_registered(tmp_path / "b2", FACES)


def test_a_folder_without_meshes_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="holds no meshes"):
        read_registered(tmp_path, FACES)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"ply\nformat")
    with pytest.raises((UnreadableError, WrongKindError), match=r"a\.ply"):
        read_registered(tmp_path, FACES)
