"""Photos of faces with labelled pixels, from folders: what ``facekit synth photos --face-mask`` writes, or
the layout of CelebAMask-HQ (Lee et al., "MaskGAN", CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.errors import UnreadableError, UsageError
from facekit.files.images import read_mask, read_photo
from facekit.files.unpickle import read_npz

FACE, MASK, OCCLUDED, TRUTH = ".face.png", ".mask.png", ".occluded.png", ".truth.npz"
PICTURES, PARTS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"  # folders of CelebAMask-HQ
OF_FACE = ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "mouth", "u_lip", "l_lip")
OCCLUDING = ("eye_g",)


@dataclass(frozen=True)
class LabelledFace:
    """One photo and what its pixels show; face and occluder do not overlap."""

    image: NDArray[np.uint8]  # (H, W, 3) sRGB
    face: NDArray[np.bool_]  # (H, W)
    occluder: NDArray[np.bool_] | None  # (H, W), None where nothing is before the face
    landmarks: NDArray[np.float32] | None  # (68, 2) px where they are known


def labelled_faces(folder: Path) -> list[tuple[Path, bool]]:
    """The photos of a folder, and whether each is one of CelebAMask-HQ. Raises UnreadableError, UsageError
    where there is none.
    """
    if not folder.is_dir():
        raise UnreadableError(f"{folder} is no folder; give one of labelled photos")
    if (folder / PICTURES).is_dir() and (folder / PARTS).is_dir():
        photos = sorted((folder / PICTURES).glob("*.jpg"), key=lambda path: (len(path.stem), path.stem))
        found = [(path, True) for path in photos]
    else:
        found = [(path.with_name(_name(path)), False) for path in sorted(folder.glob(f"*{FACE}"))]
    if not found:
        raise UsageError(
            f"{folder} holds no labelled photos: neither NAME.png with NAME.face.png, as facekit synth "
            f"photos --face-mask writes them, nor {PICTURES} and {PARTS} of CelebAMask-HQ"
        )
    return found


def read_labelled(path: Path, celeb: bool) -> Iterator[LabelledFace]:
    """The labelled forms of one photo of ``labelled_faces``. Raises UnreadableError, UsageError."""
    yield from _celeb(path) if celeb else _synthetic(path)


def _name(path: Path) -> str:
    return path.name.removesuffix(FACE) + ".png"


def _synthetic(path: Path) -> Iterator[LabelledFace]:
    beside = path.with_suffix("")
    image = read_photo(path).pixels
    face = read_mask(f"{beside}{FACE}", image.shape)
    marks = None
    if Path(f"{beside}{TRUTH}").is_file():
        known = read_npz(f"{beside}{TRUTH}").get("landmarks68_2d")
        marks = None if known is None or known.shape != (68, 2) else known.astype(np.float32)
    yield LabelledFace(image, face, None, marks)
    if Path(f"{beside}{OCCLUDED}").is_file():
        occluded = read_photo(f"{beside}{OCCLUDED}").pixels
        mask = read_mask(f"{beside}{MASK}", image.shape)
        yield LabelledFace(occluded, face & ~mask, mask, marks)


def _celeb(path: Path) -> Iterator[LabelledFace]:
    image = read_photo(path).pixels
    face = _parts(path, OF_FACE)
    if face is None:
        raise UnreadableError(f"there are no masks of {path}; {PARTS} must hold NUMBER_skin.png and others")
    glasses = _parts(path, OCCLUDING)
    size = face.shape[::-1]
    if image.shape[:2] != face.shape:
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    yield LabelledFace(image, face if glasses is None else face & ~glasses, glasses, None)


def _parts(path: Path, names: tuple[str, ...]) -> NDArray[np.bool_] | None:
    """The union of the masks of some parts, None where there is none of them: 00000_skin.png in the folder of
    each two thousand photos.
    """
    folder = path.parents[1] / PARTS / str(int(path.stem) // 2000)
    found = [folder / f"{int(path.stem):05d}_{name}.png" for name in names]
    masks = [read_photo(file).pixels[..., 0] > 127 for file in found if file.is_file()]
    if len({mask.shape for mask in masks}) > 1:
        raise UnreadableError(f"the masks of {path} are of different sizes")
    return np.any(masks, axis=0) if masks else None
