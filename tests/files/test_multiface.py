"""Multiface's layout, written small by the test, read into facekit's conventions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facekit.avatar.capture import unpack
from facekit.errors import UnreadableError, UsageError
from facekit.files.capture import new_capture
from facekit.files.images import write_image
from facekit.files.multiface import read_krt, read_multiface
from facekit.geometry.camera import look_at
from facekit.stages.import_capture import ImportOptions, copy_frames, plan_import

CORNERS = np.array([[-0.05, -0.07, 0.0], [0.05, -0.07, 0.0], [0.05, 0.07, 0.0], [-0.05, 0.07, 0.0]])
UV = np.array([[0.1, 0.2], [0.9, 0.2], [0.9, 0.8], [0.1, 0.8]])
THEIRS = np.diag([1.0, -1.0, -1.0])  # facekit's head frame to one with y down and the face along -z
SIZE = (12, 18)  # width, height


def _place(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A rectangle in two segments before three cameras, the head moved by 30 mm, everything in mm."""
    place, blocks = tmp_path / "person", []
    for number, x in enumerate((-0.4, 0.0, 0.5)):
        camera = look_at(np.array([x, 0.05, 1.0]), np.zeros(3), SIZE, fov=0.2)
        RT = np.c_[camera.R @ THEIRS.T, 1000 * camera.t]
        rows = [" ".join(map(repr, row)) for row in [*camera.K.tolist(), [0.0] * 5, *RT.tolist()]]
        blocks.append("\n".join([f"40000{number}", *rows]))
    _place(place, "KRT").write_text("\n\n".join(blocks) + "\n\n")
    listed = [("E001_Neutral", "000102"), ("E001_Neutral", "000105"), ("E002_Smile", "000011")]
    texture = np.zeros((16, 16, 3), np.uint8)
    texture[:8] = 200  # the upper half as it lies on disk: v above one half
    for i, (segment, frame) in enumerate(listed):
        points = 1000 * CORNERS @ THEIRS.T
        points[:, 1] += 10 * i
        stem = f"tracked_mesh/{segment}/{frame}"
        _place(place, f"{stem}.bin").write_bytes(points.astype("<f4").tobytes())
        pose = np.c_[np.eye(3), [30.0, 0.0, 0.0]]
        _place(place, f"{stem}_transform.txt").write_text("\n".join(" ".join(map(str, r)) for r in pose))
        lines = [f"v {a} {b} {c}" for a, b, c in points] + [f"vt {u} {v}" for u, v in UV]
        _place(place, f"{stem}.obj").write_text("\n".join([*lines, "f 1/1 2/2 3/3", "f 1/1 3/3 4/4", ""]))
        write_image(_place(place, f"unwrapped_uv_1024/{segment}/average/{frame}.png"), texture)
        for number in range(3):
            image = np.full((18, 12, 3), 40 * (number + 1), np.uint8)
            write_image(_place(place, f"images/{segment}/40000{number}/{frame}.png"), image)
    listed.append(("E003_Lost", "000001"))  # in the list, not among the files
    _place(place, "frame_list.txt").write_text("\n".join(" ".join(row) for row in listed))
    return place


def test_conventions(folder: Path) -> None:
    """Metres, y up, face along +z; the projection is that of K R T on their own numbers."""
    source = read_multiface(folder)
    np.testing.assert_array_equal(source.axes, THEIRS)
    assert source.frames == (("E001_Neutral", "000102"), ("E001_Neutral", "000105"), ("E002_Smile", "000011"))
    np.testing.assert_allclose(source.vertices(0), CORNERS, atol=1e-6)
    theirs = 1000 * CORNERS @ THEIRS.T + (30.0, 0.0, 0.0)
    ours = source.vertices(0) @ source.head(0)[:, :3].T + source.head(0)[:, 3]
    krt = np.array([float(x) for x in "".join((folder / "KRT").read_text().split("\n\n")[2]).split()[1:]])
    K, RT = krt[:9].reshape(3, 3), krt[14:].reshape(3, 4)
    expected = (RT[:, :3] @ theirs.T).T + RT[:, 3]
    np.testing.assert_allclose((source.R[2] @ ours.T).T + source.t[2], expected / 1000, atol=1e-6)
    np.testing.assert_allclose(source.K[2], K)
    assert source.texture(0)[0, 0, 0] == 200  # row 0 is the top, v = 1


def test_import(folder: Path, tmp_path: Path) -> None:
    """Scaled views show the mesh where the mask says; a camera without the frame has an empty mask."""
    (folder / "images/E002_Smile/400000/000011.png").unlink()
    plan = plan_import(read_multiface(folder), ImportOptions(8, 36, held_out=("E002",)))
    with new_capture(tmp_path / "c", plan.like) as made:
        assert list(copy_frames(plan, made)) == [0, 1, 2]
        assert made.held_out.tolist() == [False, False, True]
        assert made.views is not None
        assert made.views.size == (36, 24)
        mask = unpack(made.views.masks[0, 1], 24)
        assert 0.1 < mask.mean() < 0.9
        assert mask[18, 12]
        assert not unpack(made.views.masks[2, 0], 24).any()
        assert (made.views.images[0, 1] == 80).all()


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no KRT"):
        read_multiface(tmp_path)
    source = read_multiface(folder)
    with pytest.raises(UsageError, match="no segment begins with E9"):
        plan_import(source, ImportOptions(held_out=("E9",)))
    path = folder / "tracked_mesh/E001_Neutral/000105.bin"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UnreadableError, match="4 vertices"):
        source.vertices(1)
    (folder / "KRT").write_text("400001\n1 2\n3 4\n")
    with pytest.raises(UnreadableError, match="camera 400001"):
        read_krt(folder / "KRT")
