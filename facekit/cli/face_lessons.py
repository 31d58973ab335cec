"""The faces that ``train-prior face-encoder`` learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.cli import console
from facekit.errors import NoFaceError

if TYPE_CHECKING:
    from facekit.morphable.model import FaceModel
    from facekit.networks.lessons import Lessons
    from facekit.stages.train_face_encoder import Plan


@dataclass(frozen=True)
class Sources:
    """Where faces come from: a folder of known ones, a folder of photos, or ``synthetic`` ones."""

    data: Path | None
    photos: Path | None
    synthetic: int
    work: Path  # folder in which synthetic ones are kept


def gather(sources: Sources, plan: Plan, model: FaceModel) -> Lessons:
    """All faces. Raises UnreadableError, UsageError, WrongKindError."""
    from facekit.files.cases import find_photos
    from facekit.files.images import read_photo
    from facekit.files.known_faces import find_known, read_known
    from facekit.stages.detect import detect_masked
    from facekit.stages.train_face_encoder import known_lesson, photo_lesson

    if sources.data is not None:
        return _each(
            find_known(sources.data), lambda path: known_lesson(read_known(path, model), model, plan.preset)
        )
    if sources.photos is not None:

        def seen(path: Path) -> Lessons:
            photo = read_photo(path).pixels
            return photo_lesson(photo, detect_masked(photo), model, plan.preset)

        return _each([one.photo for one in find_photos([sources.photos])], seen)
    return _synthetic(sources, plan, model)


def _each(paths: Sequence[Path], make: Callable[[Path], Lessons]) -> Lessons:
    """One lesson for each path; photos in which no face is found are left out and told."""
    from facekit.networks.lessons import Lessons

    made, faceless = [], 0
    for path in console.progress(paths, "photos", len(paths)):
        try:
            made.append(make(path))
        except NoFaceError:
            faceless += 1
    if faceless:
        console.warn(f"no face was found in {faceless} of {len(paths)} photos; they are left out")
    return Lessons.joined(made)


def _synthetic(sources: Sources, plan: Plan, model: FaceModel) -> Lessons:
    """The faces of the series, from the work folder where they are already there."""
    from facekit.files.folder import make_folder
    from facekit.files.weights import read_weights, write_weights
    from facekit.networks.lessons import Lessons
    from facekit.stages.train_face_encoder import synthetic_lesson

    make_folder(sources.work)
    made, count = [], sources.synthetic
    for index in console.progress(range(count), "faces", count):
        path = sources.work / f"{plan.preset}_{plan.seed}_{index:06d}.safetensors"
        if path.is_file():
            made.append(Lessons.from_arrays(read_weights(path)[0]))
            continue
        made.append(synthetic_lesson(model, plan.preset, plan.seed, index))
        write_weights(path, made[-1].arrays(), {}, force=True)
    return Lessons.joined(made)
