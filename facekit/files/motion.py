"""Motion files: facekit's records, AMASS, and plain archives of clips on one skeleton; headset signals."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UnreadableError, WrongKindError
from facekit.files.atomic import PathLike, atomic_write
from facekit.files.npz import CORRUPT, HEADER, read_any
from facekit.files.reading import name_content, read_bytes
from facekit.geometry.rotation import sixd_to_matrix
from facekit.motion.bodies import SMPL_BODY
from facekit.motion.clips import check_motion, face_forward, standing_size
from facekit.motion.headset import check_headset
from facekit.motion.retarget import from_amass, to_amass
from facekit.records import Headset, Motion

RATES = ("mocap_framerate", "mocap_frame_rate")  # both are found in AMASS
Arrays = dict[str, NDArray[Any]]


def read_motions(path: PathLike) -> list[Motion]:
    """All clips of a file, or of the ``.npz`` files under a folder; the first folder's name is the subject.

    Files in a folder that hold something else (AMASS has ``shape.npz`` beside the motions) are passed over.
    Raises UnreadableError, WrongKindError.
    """
    if not Path(path).is_dir():
        return _read_file(Path(path), "")
    motions: list[Motion] = []
    for file in sorted(Path(path).rglob("*.npz")):
        above = file.relative_to(path).parts[:-1]
        try:
            motions += _read_file(file, "/".join(above))
        except WrongKindError:
            continue
    if not motions:
        raise UnreadableError(f"{path} holds no motions (.npz files); give another folder")
    return motions


def read_headset(path: PathLike) -> Headset:
    """A headset signal: facekit's record, or an archive with ``rotations`` (T, 3, 3, 3) matrices or (T, 3, 6)
    their first two columns, ``positions`` (T, 3, 3) m, ``fps``, and optionally ``scale``.

    Raises UnreadableError, WrongKindError.
    """
    arrays = _arrays(path)
    if HEADER in arrays:
        headset = read_any(path)
        if not isinstance(headset, Headset):
            raise WrongKindError(f"{path}: expected a headset signal, found a {headset.KIND}")
    else:
        missing = [name for name in ("rotations", "positions", "fps") if name not in arrays]
        if missing:
            raise WrongKindError(f"{path} is no headset signal: it has no array named {' or '.join(missing)}")
        headset = _plain_headset(path, arrays)
    try:
        check_headset(headset)
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}") from None
    return headset


def holds_motion(path: PathLike) -> bool:
    """Whether a file is a motion rather than a headset signal. Raises UnreadableError, WrongKindError."""
    arrays = _arrays(path)
    if HEADER in arrays:
        return isinstance(read_any(path), Motion)
    return "poses" in arrays or "joint_names" in arrays


def write_amass(path: PathLike, motion: Motion, force: bool = False) -> None:
    """Write the motion as an AMASS file, which Blender's and others' importers read."""
    with atomic_write(path, force) as file:
        np.savez(file, **to_amass(motion))


def _plain_headset(path: PathLike, arrays: Mapping[str, NDArray[Any]]) -> Headset:
    rotations, positions = (_floats(path, arrays, name) for name in ("rotations", "positions"))
    if rotations.ndim == 3 and rotations.shape[-1] == 6:
        lengths = np.linalg.norm(rotations.reshape(*rotations.shape[:-1], 2, 3), axis=-1)
        if (np.abs(lengths[np.isfinite(lengths)] - 1) > 0.05).any():
            raise UnreadableError(f"{path}: the columns of some 6-D rotations are not of length one")
        rotations = sixd_to_matrix(rotations)
    scale = float(arrays["scale"]) if "scale" in arrays else 1.0
    return Headset(fps=float(arrays["fps"]), scale=scale, rotations=rotations, positions=positions)


def _read_file(path: Path, subject: str) -> list[Motion]:
    arrays = _arrays(path)
    if HEADER in arrays:
        record = read_any(path)
        if not isinstance(record, Motion):
            raise WrongKindError(f"{path}: expected a motion, found a {record.KIND}")
        motions = [record]
    elif "poses" in arrays and "trans" in arrays:
        motions = [_amass(path, arrays, subject)]
    elif "joint_names" in arrays and "rotations" in arrays:
        motions = _clips(path, arrays, subject)
    else:
        raise WrongKindError(
            f"{path} is no motion: expected a facekit record, AMASS (poses, trans) or clips (joint_names, "
            "parents, offsets, rotations, root_translation)"
        )
    for motion in motions:
        problem = check_motion(motion)
        if problem:
            raise UnreadableError(f"{path}, clip {motion.clip}: {problem}")
    return motions


def _amass(path: Path, arrays: Arrays, subject: str) -> Motion:
    poses, trans = _floats(path, arrays, "poses"), _floats(path, arrays, "trans")
    least = 3 * SMPL_BODY.size
    if poses.ndim != 2 or poses.shape[1] % 3 or poses.shape[1] < least or trans.shape != (len(poses), 3):
        raise UnreadableError(
            f"{path}: poses has shape {poses.shape} and trans {trans.shape}; expected (frames, {least} or "
            "more, three for each joint) and (frames, 3)"
        )
    rate = next((arrays[name] for name in RATES if name in arrays), None)
    if rate is None:
        raise UnreadableError(f"{path} has no frame rate ({' or '.join(RATES)})")
    motion = from_amass(poses, trans, float(rate), path.stem.removesuffix("_poses"), subject)
    if check_motion(motion):
        return motion
    return replace(motion, root=motion.root / np.float32(standing_size(motion)))  # feet on the floor again


def _clips(path: Path, arrays: Arrays, subject: str) -> list[Motion]:
    """Clips on one skeleton, one after the other in the arrays."""
    for name in ("parents", "offsets", "root_translation"):
        if name not in arrays:
            raise UnreadableError(f"{path} has no array named {name}")
    rotations, root = _floats(path, arrays, "rotations"), _floats(path, arrays, "root_translation")
    lengths = np.atleast_1d(arrays.get("clip_lengths", np.array(len(root)))).astype(int)
    names = np.atleast_1d(
        arrays.get("clip_names", np.array([f"{path.stem}_{k}" for k in range(len(lengths))]))
    )
    rates = np.broadcast_to(arrays.get("clip_fps", arrays.get("fps", np.array(30.0))), lengths.shape)
    if lengths.sum() != len(root) or len(names) != len(lengths) or len(root) != len(rotations):
        raise UnreadableError(f"{path}: clip_names, clip_lengths and the number of frames do not agree")
    ends = np.cumsum(lengths)
    made = []
    for name, rate, end, length in zip(names, rates, ends, lengths, strict=True):
        motion = Motion(
            clip=str(name),
            subject=subject,
            fps=float(rate),
            joint_names=arrays["joint_names"],
            parents=arrays["parents"].astype(np.int32),
            offsets=_floats(path, arrays, "offsets"),
            rotations=rotations[end - length : end],
            root=root[end - length : end],
        )
        problem = check_motion(motion)
        if problem:
            raise UnreadableError(f"{path}, clip {name}: {problem}")
        made.append(face_forward(motion))
    return made


class _Lazy(dict[str, NDArray[Any]]):
    """The arrays of an archive, read when asked for: AMASS holds some that only a pickle could read."""

    def __init__(self, archive: Any, path: PathLike) -> None:
        super().__init__(dict.fromkeys(archive.files))
        self.archive, self.path = archive, path

    def __getitem__(self, name: str) -> NDArray[Any]:
        with _damaged(self.path):
            array: NDArray[Any] = self.archive[name]
        return array

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401  (dict.get sees no archive)


def _arrays(path: PathLike) -> Arrays:
    data = read_bytes(path)
    content = name_content(data)
    if content != "a zip archive":
        raise WrongKindError(f"{path}: expected an .npz file, found {content}")
    with _damaged(path):
        return _Lazy(np.load(io.BytesIO(data), allow_pickle=False), path)


@contextmanager
def _damaged(path: PathLike) -> Iterator[None]:
    try:
        yield
    except CORRUPT as error:
        raise UnreadableError(f"{path} is damaged or incomplete; copy or write it again") from error


def _floats(path: PathLike, arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.floating]:
    try:
        return np.asarray(arrays[name]).astype(np.float32)
    except (ValueError, TypeError) as error:
        raise UnreadableError(f"{path}: {name} does not hold numbers") from error
