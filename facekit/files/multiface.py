"""The folders of the Multiface data set (Wuu et al., 2022), read frame by frame.

    KRT                                     cameras: name, K (3 rows), distortion, RT (3 rows, mm), empty line
    frame_list.txt                          lines "SEGMENT FRAME"; without it all meshes are taken
    tracked_mesh/SEGMENT/FRAME.bin          float32 vertices in mm, head pose taken out; all of one topology
    tracked_mesh/SEGMENT/FRAME.obj          the same with triangles and chart; one is read
    tracked_mesh/SEGMENT/FRAME_transform.txt  3 x 4, head to world, mm
    unwrapped_uv_1024/SEGMENT/CAMERA/FRAME.png, CAMERA "average" for the mean over the views
    images/SEGMENT/CAMERA/FRAME.png

Its textures are flipped by its own reader to suit a renderer whose row 0 is v = 0; as they lie on disk row 0
is the top of the UV square, which is facekit's convention. Its axes are found from the cameras: they look at
the face, and stand upright. Lens distortion is left in, as in the data set's own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np

from facekit.avatar.capture import Mesh
from facekit.avatar.recording import Recording
from facekit.errors import UnreadableError
from facekit.files.atomic import PathLike
from facekit.files.images import read_photo
from facekit.files.obj import parse_obj
from facekit.files.reading import read_bytes, read_text
from facekit.records import ByteArray, FloatArray

KRT, MESHES, TEXTURES, IMAGES = "KRT", "tracked_mesh", "unwrapped_uv_1024", "images"
AVERAGE = "average"
MM = 1e-3


@dataclass(frozen=True)
class Multiface(Recording):
    """One person's folder. World: the data set's own axes."""

    axes: FloatArray  # (3, 3), its head frame to facekit's

    def vertices(self, i: int) -> FloatArray:
        """(V, 3) float32, m, head frame. Raises UnreadableError."""
        path = self._path(MESHES, i, ".bin")
        data = read_bytes(path)
        if len(data) != self.count * 12:
            raise UnreadableError(f"{path} does not hold {self.count} vertices, as the first mesh does")
        points = np.frombuffer(data, "<f4").reshape(-1, 3)
        return (MM * points @ self.axes.T).astype(np.float32)

    def head(self, i: int) -> FloatArray:
        """(3, 4) float64, head frame to world, m."""
        pose = _read_pose(self._path(MESHES, i, "_transform.txt"))
        return np.concatenate([pose[:, :3] @ self.axes.T, MM * pose[:, 3:]], axis=1)

    def texture(self, i: int, camera: str = AVERAGE) -> ByteArray:
        """(T, T, 3) uint8 of one camera or their mean, row 0 at the top of the UV square; black where not
        seen.
        """
        segment, frame = self.frames[i]
        return read_photo(self.folder / TEXTURES / segment / camera / f"{frame}.png").pixels

    def image(self, i: int, camera: str) -> ByteArray | None:
        """(H, W, 3) uint8 as stored, or None where this camera lacks the frame."""
        segment, frame = self.frames[i]
        path = self.folder / IMAGES / segment / camera / f"{frame}.png"
        return read_photo(path).pixels if path.is_file() else None

    def _path(self, kind: str, i: int, end: str) -> Path:
        segment, frame = self.frames[i]
        return self.folder / kind / segment / f"{frame}{end}"


def read_multiface(folder: PathLike) -> Multiface:
    """What a folder holds, without its pictures. Raises UnreadableError."""
    place = Path(folder)
    for name in (KRT, MESHES, TEXTURES):
        if not (place / name).exists():
            raise UnreadableError(f"{folder} is not in Multiface's layout: there is no {name} in it")
    cameras = read_krt(place / KRT)
    frames = _frames(place)
    if not frames:
        raise UnreadableError(f"{folder} holds no frame with both a mesh and an average texture")
    objs = sorted((place / MESHES).rglob("*.obj"))
    if not objs:
        raise UnreadableError(f"{place / MESHES} holds no .obj, which tells the triangles; download one")
    points, faces, uv, uv_faces, _ = parse_obj(objs[0])
    if uv is None or uv_faces is None:
        raise UnreadableError(f"{objs[0]} has no texture chart")
    K, R, t = (np.stack([camera[c] for camera in cameras.values()]) for c in range(3))
    pose = _read_pose(place / MESHES / frames[0][0] / f"{frames[0][1]}_transform.txt")
    axes = find_axes(R @ pose[:, :3], R @ (MM * pose[:, 3]) + t, MM * np.asarray(points).mean(axis=0))
    chart = Mesh(faces.astype(np.int32), uv.astype(np.float32), uv_faces.astype(np.int32))
    return Multiface(place, tuple(cameras), K, R, t, frames, chart, len(points), axes)


def read_krt(path: PathLike) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
    """K (3, 3) px, R (3, 3) and t (3,) m of each camera by name. Raises UnreadableError."""
    blocks = [block.splitlines() for block in read_text(path).replace("\r\n", "\n").split("\n\n")]
    cameras = {}
    for lines in (block for block in blocks if any(line.strip() for line in block)):
        name, *rows = [line.strip() for line in lines if line.strip()]
        try:
            K = np.array([[float(x) for x in row.split()] for row in rows[:3]]).reshape(3, 3)
            RT = np.array([[float(x) for x in row.split()] for row in rows[4:7]]).reshape(3, 4)
        except (ValueError, IndexError):
            raise UnreadableError(
                f"{path}: camera {name} is not a name, three rows of K, distortion, three rows of RT"
            ) from None
        cameras[name] = (K, RT[:, :3], MM * RT[:, 3])
    if not cameras:
        raise UnreadableError(f"{path} holds no camera")
    return cameras


def find_axes(R: FloatArray, t: FloatArray, middle: FloatArray) -> FloatArray:
    """(3, 3) rotation of right angles from a head frame to one with y up and the face along +z.

    R (M, 3, 3), t (M, 3): cameras in that frame, upright and most of them before the face; middle (3,) of the
    head.
    """
    forward = (-np.einsum("mji,mj->mi", R, t) - middle).mean(axis=0)
    up = -R[:, 1].mean(axis=0)
    forward, up = forward / np.linalg.norm(forward), up / np.linalg.norm(up)
    wanted = np.stack([np.cross(up, forward), up, forward])
    turns = [
        np.eye(3)[list(order)] * np.array(signs)[:, None]
        for order in permutations(range(3))
        for signs in product((1.0, -1.0), repeat=3)
    ]
    proper = [turn for turn in turns if np.linalg.det(turn) > 0]
    return max(proper, key=lambda turn: float((turn * wanted).sum()))


def _frames(folder: Path) -> tuple[tuple[str, str], ...]:
    """Frames with a mesh and an average texture, in order."""
    given = folder / "frame_list.txt"
    if given.is_file():
        rows = [line.split() for line in read_text(given).splitlines() if line.strip()]
        if any(len(row) != 2 for row in rows):
            raise UnreadableError(f"{given}: each line must be a segment and a frame")
        listed = [(row[0], row[1]) for row in rows]
    else:
        listed = [(path.parent.name, path.stem) for path in sorted((folder / MESHES).rglob("*.bin"))]
    return tuple(
        (segment, frame)
        for segment, frame in listed
        if (folder / MESHES / segment / f"{frame}.bin").is_file()
        and (folder / TEXTURES / segment / AVERAGE / f"{frame}.png").is_file()
    )


def _read_pose(path: Path) -> FloatArray:
    try:
        return np.array([float(x) for x in read_text(path).split()]).reshape(3, 4)
    except ValueError:
        raise UnreadableError(f"{path} is not a 3 x 4 matrix") from None
