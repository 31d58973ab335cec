"""Folders of occluded photos to evaluate on: what ``synth photos`` writes, the layout of a bench, or any
photos with masks beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UnreadableError, UsageError, WrongKindError
from facekit.files.images import read_mask, read_photo
from facekit.files.reading import read_json
from facekit.files.unpickle import read_npz
from facekit.morphable.model import FaceModel
from facekit.records import Camera

MASK = ".mask.png"
OCCLUDED = ".occluded.png"
PHOTOS = (OCCLUDED, ".png", ".jpg", ".jpeg", ".webp")
TRUTH = ".truth.npz"
LIST = "occluders.json"  # from name to what hides the face, as synth occlude writes it
OTHER = "other"


@dataclass(frozen=True)
class CaseFiles:
    """The files of one test case."""

    name: str  # unique among those found together; fit for a file name
    photo: Path
    mask: Path
    truth: Path | None
    whole: Path | None = None  # the photo before anything hid the face; the photo itself, for a drawn mask
    occluder: str = ""  # what hides the face, where the folder says so


@dataclass(frozen=True)
class WholeFiles:
    """A photo on which masks are to be drawn."""

    name: str  # unique among those found together; fit for a file name
    photo: Path
    truth: Path | None


@dataclass(frozen=True)
class Truth:
    """The true face of a case."""

    vertices: NDArray[np.float64]  # (V, 3) m, head frame
    camera: Camera


def find_cases(folders: list[Path]) -> list[CaseFiles]:
    """The cases in folders and the folders in them, in the order of their names.

    NAME.mask.png beside NAME.occluded.png or NAME.png (.jpg, .webp) with or without NAME.truth.npz; or
    occ/NAME.png with mask/NAME.png. Raises UnreadableError, UsageError where there is none.
    """
    found: list[CaseFiles] = []
    for folder in folders:
        if not folder.is_dir():
            raise UnreadableError(f"{folder} is no folder; give one that facekit synth photos has written")
        inside = _in_folder(folder, "" if len(folders) == 1 else f"{folder.name}-")
        if not inside:
            raise UsageError(
                f"{folder} holds no photo with a mask (NAME.png and NAME.mask.png, as facekit synth photos "
                "--occluder any writes them)"
            )
        found += inside
    if len({case.name for case in found}) < len(found):
        raise UsageError("two cases have the same name; put the folders into one and give that")
    return found


def _in_folder(folder: Path, prefix: str) -> list[CaseFiles]:
    if (folder / "occ").is_dir() and (folder / "mask").is_dir():
        photos = sorted((folder / "occ").glob("*.png"))
        pairs = [(photo, folder / "mask" / photo.name) for photo in photos]
        return [
            CaseFiles(prefix + p.stem, p, m, None, _bench_photo(folder, p)) for p, m in pairs if m.is_file()
        ]
    found, listed = [], folder / LIST
    kinds = read_json(listed) if listed.is_file() else {}
    for mask in sorted(folder.glob(f"*{MASK}")):
        name = mask.name.removesuffix(MASK)
        photo = next((p for end in PHOTOS if (p := folder / f"{name}{end}").is_file()), None)
        if photo is None:
            raise UnreadableError(f"there is no photo beside {mask}; name it {name}.png")
        kind, truth = str(kinds.get(name, "")), _truth(folder, name)
        found.append(CaseFiles(prefix + name, photo, mask, truth, _whole(photo, name), kind))
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."):
        found += _in_folder(inner, f"{prefix}{inner.name}-")
    return found


def _whole(photo: Path, name: str) -> Path | None:
    """The photo without its occluder: NAME.png beside NAME.occluded.png, or the photo that a mask was drawn
    on.
    """
    if photo.name != f"{name}{OCCLUDED}":
        return photo
    return next((p for end in PHOTOS[1:] if (p := photo.with_name(f"{name}{end}")).is_file()), None)


def _bench_photo(folder: Path, photo: Path) -> Path | None:
    """photo/NAME.png of occ/NAME_KIND.png."""
    whole = folder / "photo" / f"{photo.stem.rpartition('_')[0]}.png"
    return whole if whole.is_file() else None


def _truth(folder: Path, name: str) -> Path | None:
    truth = folder / f"{name}{TRUTH}"
    return truth if truth.is_file() else None


def find_photos(folders: list[Path]) -> list[WholeFiles]:
    """The whole photos in folders and the folders in them, in the order of their names: neither masks nor
    occluded ones. Raises UnreadableError, UsageError where there is none.
    """
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise UnreadableError(f"{folder} is no folder; give one that holds photos")
        for path in sorted(folder.rglob("*")):
            name, inner = path.stem, path.relative_to(folder).parent.parts
            if path.suffix.lower() not in PHOTOS or path.name.endswith((MASK, OCCLUDED)):
                continue
            if any(part[0] == "." for part in (*inner, name)):
                continue
            parts = ([] if len(folders) == 1 else [folder.name]) + [*inner, name]
            found.append(WholeFiles("-".join(parts), path, _truth(path.parent, name)))
        if not found:
            raise UsageError(f"{folder} holds no photos ({', '.join(PHOTOS[1:])})")
    if len({one.name for one in found}) < len(found):
        raise UsageError("two photos have the same name; rename one")
    return found


def read_pictures(case: CaseFiles) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Photo (H, W, 3) uint8 and mask (H, W) bool. Raises UnreadableError, UsageError."""
    pixels = read_photo(case.photo).pixels
    return pixels, read_mask(case.mask, pixels.shape)


def read_truth(case: CaseFiles | WholeFiles, model: FaceModel) -> tuple[str, Truth | None]:
    """What hides the face, and the true face; None for a case without truth, where the folder's list or else
    the word after the last _ or - of the name says what hides it. Raises WrongKindError for a truth of
    another model.
    """
    if case.truth is None and isinstance(case, CaseFiles) and case.occluder:
        return case.occluder, None
    if case.truth is None:
        words = case.name.replace("-", "_").rpartition("_")
        return words[2] if words[0] else OTHER, None
    arrays = read_npz(case.truth)
    if not {"vertices", "occluder", "K", "R", "t", "image_size"} <= arrays.keys():
        raise WrongKindError(f"{case.truth} is not what facekit synth photos writes")
    vertices = np.asarray(arrays["vertices"], np.float64)
    if vertices.shape != model.mean.shape:
        raise WrongKindError(
            f"{case.truth} has {len(vertices)} vertices and the face model {model.name} {len(model.mean)}; "
            "give the --model it was made with"
        )
    camera = Camera(*(np.asarray(arrays[name]) for name in ("K", "R", "t", "image_size")))
    return str(arrays["occluder"]) or OTHER, Truth(vertices, camera)
