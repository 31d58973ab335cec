"""What several commands read before they call their stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facekit.cli import console

if TYPE_CHECKING:
    from facekit.files.images import Photo
    from facekit.records import BoolArray, Landmarks


def read_photo_and_mask(path: Path, mask: Path | None) -> tuple[Photo, BoolArray | None]:
    """A photo and what hides its face, None without a mask; tells the mask's polarity and share."""
    from facekit.files.images import describe_mask, read_mask, read_photo

    photo = read_photo(path)
    if mask is None:
        return photo, None
    hidden = read_mask(mask, photo.pixels.shape)
    console.say(f"{mask}: {describe_mask(hidden)}")
    return photo, hidden


def given_landmarks(
    path: Path, photo: Photo, hidden: BoolArray | None, scheme: str | None = None
) -> Landmarks:
    """Landmarks of the photo from a file of any form, those under the mask marked as hidden."""
    from facekit.files.landmarks import read_landmarks
    from facekit.stages.detect import adopt

    return adopt(read_landmarks(path, photo.pixels.shape), hidden, scheme)
