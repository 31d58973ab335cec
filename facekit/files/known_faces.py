"""Folders of photos with what is known of the faces in them: what ``synth photos`` writes, and the layout of
300W-LP.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files.cases import MASK, PHOTOS, TRUTH
from facekit.files.images import read_mask, read_photo
from facekit.files.reading import read_bytes
from facekit.files.unpickle import read_npz
from facekit.records import Camera

if TYPE_CHECKING:
    from facekit.morphable.model import FaceModel
    from facekit.networks.lessons import KnownFace

ANNOTATION = ".mat"
FLIPPED = "_Flip"  # 300W-LP's mirrored photos, as training makes them itself


def find_known(folder: Path) -> list[Path]:
    """NAME.truth.npz and NAME.mat (300W-LP) in a folder and the folders in it, each beside a photo.

    Raises UnreadableError, UsageError where there is none.
    """
    if not folder.is_dir():
        raise UnreadableError(f"{folder} is no folder; give one that facekit synth photos has written")
    ends = (TRUTH, ANNOTATION)
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.name.endswith(ends) and not path.stem.endswith(FLIPPED) and _photo(path) is not None
    ]
    if not found:
        raise UsageError(
            f"{folder} holds no photo whose face is known: NAME.png with NAME.truth.npz, as facekit synth "
            "photos writes them, or NAME.jpg with NAME.mat, as in 300W-LP"
        )
    return found


def read_known(path: Path, model: FaceModel) -> KnownFace:
    """The face of one of those files. Raises UnreadableError, WrongKindError."""
    photo = _photo(path)
    if photo is None:
        raise UnreadableError(f"there is no photo beside {path}; name it {_name(path)}.png")
    pixels = read_photo(photo).pixels
    if path.name.endswith(TRUTH):
        return _synthetic(path, pixels, model)
    return _annotated(path, pixels, model)


def _name(path: Path) -> str:
    return path.name.removesuffix(TRUTH).removesuffix(ANNOTATION)


def _photo(path: Path) -> Path | None:
    places = (path.with_name(_name(path) + end) for end in PHOTOS[1:])
    return next((place for place in places if place.is_file()), None)


def _synthetic(path: Path, pixels: Any, model: FaceModel) -> KnownFace:
    from facekit.fitting.view import view_of
    from facekit.networks.lessons import KnownFace

    truth = read_npz(path)
    if not {"code", "K", "R", "t", "landmarks68_2d"} <= truth.keys():
        raise WrongKindError(
            f"{path} is not the truth of a synthetic photo; make it with facekit synth photos"
        )
    if len(truth["code"]) != model.size:
        raise WrongKindError(f"{path} was made with another face model; give that with --model")
    size = np.array(pixels.shape[1::-1], np.int32)
    camera = Camera(K=truth["K"], R=truth["R"], t=truth["t"], image_size=size)
    mask = path.with_name(_name(path) + MASK)
    return KnownFace(
        pixels,
        np.asarray(truth["landmarks68_2d"], np.float64)[:, :2],
        view_of(camera),
        np.asarray(truth["code"], np.float64),
        read_mask(mask, pixels.shape[:2]) if mask.is_file() else None,
    )


def _annotated(path: Path, pixels: Any, model: FaceModel) -> KnownFace:
    from scipy.io import loadmat

    from facekit.networks.lessons import KnownFace
    from facekit.networks.lp300 import view_of_annotation

    data = read_bytes(path)
    try:
        arrays = loadmat(io.BytesIO(data), variable_names=("Pose_Para", "pt2d"))
    except Exception as error:  # loadmat raises whatever the damage leads to
        raise UnreadableError(f"{path} is not a sound MATLAB file; fetch it again") from error
    pose, points = (np.asarray(arrays.get(name, ()), np.float64) for name in ("Pose_Para", "pt2d"))
    if pose.size != 7 or points.shape not in ((2, 68), (68, 2)):
        raise WrongKindError(f"{path} lacks Pose_Para (7 numbers) or pt2d (68 landmarks) of 300W-LP")
    landmarks = points.T if points.shape == (2, 68) else points
    landmarks = np.where((landmarks < 0).any(1)[:, None], np.nan, landmarks)  # -1: not seen
    return KnownFace(pixels, landmarks, view_of_annotation(pose.ravel(), landmarks, model))
