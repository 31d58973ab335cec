"""Which mask belongs to which photo, and which folder its result goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.cli.options import AUTO, WORDS, stem
from facekit.errors import UsageError

MASK_ENDINGS = (".mask.png", "_mask.png", ".png")


@dataclass(frozen=True)
class Job:
    """One photo with its mask, or AUTO or NONE, and the folder for its result."""

    photo: Path
    mask: Path
    folder: Path


def pair(photos: Sequence[Path], masks: Sequence[Path], output: Path | None) -> dict[Path, Job]:
    """The job of each photo. Raises UsageError where a mask is missing or two folders would be the same."""
    if len(set(photos)) < len(photos):
        raise UsageError("a photo is given twice; give each once")
    folders = [folder_of(photo, output, len(photos) > 1) for photo in photos]
    if len(set(folders)) < len(folders):
        raise UsageError("two photos have the same name, so that their folders would be the same; rename one")
    rows = zip(photos, pair_masks(photos, masks), folders, strict=True)
    return {photo: Job(photo, mask, folder) for photo, mask, folder in rows}


def pair_masks(photos: Sequence[Path], masks: Sequence[Path]) -> list[Path]:
    """The mask of each photo; AUTO where none is given. Raises UsageError where one is missing."""
    if not masks or (len(masks) == 1 and masks[0] in WORDS):
        return [masks[0] if masks else AUTO for _ in photos]
    if len(masks) == 1 and masks[0].is_dir():
        return [_mask_in(masks[0], photo) for photo in photos]
    if len(masks) != len(photos):
        raise UsageError(
            f"{len(photos)} photos and {len(masks)} masks; give --occlusion once per photo, or a folder"
        )
    return list(masks)


def _mask_in(folder: Path, photo: Path) -> Path:
    for ending in MASK_ENDINGS:
        path = folder / (photo.stem + ending)
        if path.is_file() and path.resolve() != photo.resolve():
            return path
    names = " or ".join(photo.stem + ending for ending in MASK_ENDINGS)
    raise UsageError(f"no mask for {photo} in {folder}; name it {names}")


def folder_of(photo: Path, output: Path | None, several: bool) -> Path:
    """Where the result for a photo goes."""
    name = stem(photo) + ".complete"
    if output is None:
        return photo.with_name(name)
    return output / name if several else output
