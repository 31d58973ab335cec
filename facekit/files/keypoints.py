"""Two-dimensional keypoints of a moving face as an ``.npz`` file: points (T, L, 2), index (L,), fps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.errors import UnreadableError, WrongKindError
from facekit.files.atomic import PathLike, atomic_write
from facekit.files.npz import CORRUPT
from facekit.records import FloatArray, IntArray


@dataclass(frozen=True)
class KeypointTrack:
    """Keypoints of T frames, 0..1 of the picture of an avatar's keypoint camera."""

    points: FloatArray  # (T, L, 2) float32, x to the right, y down; NaN where missing
    index: IntArray  # (L,) int32, places in MediaPipe's scheme; empty for the avatar's own points in order
    fps: float  # frames per second


def read_keypoints(path: PathLike) -> KeypointTrack:
    """Read a track; ``index`` and ``fps`` may be absent. Raises UnreadableError, WrongKindError."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise UnreadableError(f"{path} does not exist; give an .npz file of keypoints") from error
    except CORRUPT as error:
        raise UnreadableError(f"{path} is damaged or no .npz file; write it again") from error
    points = arrays.get("points")
    if points is None or points.ndim != 3 or points.shape[2] != 2 or points.dtype.kind != "f":
        raise WrongKindError(f"{path} holds no keypoints: give an array 'points' (frames, points, 2), 0 to 1")
    index = arrays.get("index", np.zeros(0, np.int32))
    if len(index) not in (0, points.shape[1]):
        raise WrongKindError(f"{path}: index has {len(index)} entries for {points.shape[1]} points")
    fps = float(arrays.get("fps", 30.0))
    if not (fps > 0 and np.isfinite(fps)):
        raise WrongKindError(f"{path}: fps is {fps}; give frames per second")
    return KeypointTrack(points.astype(np.float32), index.astype(np.int32), fps)


def write_keypoints(path: PathLike, track: KeypointTrack, force: bool = False) -> None:
    """Write a track."""
    with atomic_write(path, force) as file:
        np.savez(file, points=track.points, index=track.index, fps=np.float64(track.fps))
