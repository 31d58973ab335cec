"""What several commands read before they call their stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.cli import console
from facekit.cli.options import NONE
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.files.images import Photo
    from facekit.morphable.model import FaceModel
    from facekit.pipeline import Known
    from facekit.records import BoolArray, Ensemble, Fit, Landmarks


def read_photo_and_mask(path: Path, mask: Path | None) -> tuple[Photo, BoolArray | None]:
    """A photo and what hides its face, None without a mask; tells the mask's polarity and share.

    Raises UsageError for a mask that hides nothing or everything.
    """
    from facekit.files.images import describe_mask, looks_like_photo, read_mask, read_photo

    photo = read_photo(path)
    if mask is None:
        return photo, None
    hidden = read_mask(mask, photo.pixels.shape)
    if hidden.all():
        raise UsageError(
            f"{mask} hides the whole photo: white is hidden, and the mask is white everywhere; paint only "
            "what hides the face, or invert the mask if black was meant"
        )
    if not hidden.any():
        brightest = int(read_photo(mask).pixels.max())
        raise UsageError(
            f"{mask} hides nothing: white (above 127) is hidden, and its brightest pixel is {brightest}; "
            "paint what hides the face white, or invert the mask if black was meant"
        )
    console.say(f"{mask}: {describe_mask(hidden)}")
    if looks_like_photo(mask):
        console.warn(f"{mask} looks like a photo; a mask is black, and white where the face is hidden")
    if _looks_inverted(hidden):
        console.warn(
            f"{mask} hides the corners and {100 * hidden.mean():.0f} % of the photo; white is hidden: invert "
            "the mask if black was meant"
        )
    return photo, hidden


def without_mask(
    path: Path, word: Path, photo: Photo, model: FaceModel, known: Known
) -> tuple[BoolArray, Known]:
    """What hides the face in a photo of which no mask was given, and what became known on the way; tells it.

    ``word``: AUTO to look for it, NONE where nothing does.
    """
    import numpy as np

    from facekit.pipeline import find_hidden

    hidden, told = np.zeros(photo.pixels.shape[:2], bool), "nothing hides the face, as --occlusion none says"
    if word != NONE:
        with console.naming(path):
            found = find_hidden(photo.pixels, model, known)
        hidden, told = found.proposal.hidden, found.proposal.told
        known = replace(known, fit=found.fit)
    if hidden.any():
        told += "; give the mask with --occlusion if that is wrong, or --occlusion none if nothing is hidden"
    else:
        told += "; only what the head itself hides is completed"
    console.say(f"{path}: {told}")
    return hidden, known


def _looks_inverted(hidden: BoolArray) -> bool:
    """What hides a face reaches seldom into all four corners: then the rest of the photo may be meant."""
    corners = hidden[[0, 0, -1, -1], [0, -1, 0, -1]]
    return bool(corners.all()) and float(hidden.mean()) > 0.5


def model_of(name: str | None, record: Fit | Ensemble) -> FaceModel:
    """The face model of --model, or else the one that a record was made with, so far as it comes along."""
    from facekit.files.models import load_model

    return load_model(name or (record.model if record.model.startswith("default") else "default"))


def given_landmarks(
    path: Path, photo: Photo, hidden: BoolArray | None, scheme: str | None = None
) -> Landmarks:
    """Landmarks of the photo from a file of any form, those under the mask marked as hidden."""
    from facekit.files.landmarks import read_landmarks
    from facekit.stages.detect import adopt

    return adopt(read_landmarks(path, photo.pixels.shape), hidden, scheme)
