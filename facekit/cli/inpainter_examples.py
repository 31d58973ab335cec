"""The examples that ``train-prior inpainter`` learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.cli import console
from facekit.errors import NoFaceError

if TYPE_CHECKING:
    from facekit.files.cases import WholeFiles
    from facekit.morphable.model import FaceModel
    from facekit.records import BoolArray, ByteArray, Camera, Fit, FloatArray
    from facekit.texture.examples import Example

APART = 10_000_000  # between the numbers of one seed and the next


@dataclass
class Found:
    """Examples to learn from and to score on."""

    learned: list[Example] = field(default_factory=list)
    kept: list[Example] = field(default_factory=list)
    photos: int = 0


def gather(data: Path | None, synthetic: int, folder: Path, seed: int, model: FaceModel) -> Found:
    """All examples, from the folder where they are already there. Raises UnreadableError, UsageError,
    WrongKindError.
    """
    from facekit.files.cases import find_photos
    from facekit.files.folder import make_folder
    from facekit.stages.train_inpainter import KEPT, PER_PHOTO

    photos = find_photos([data]) if data is not None else None
    count = synthetic if photos is None else len(photos)
    make_folder(folder)
    found, faceless = Found(photos=count), 0
    for index in console.progress(range(count), "photos", count):
        numbers = [APART * seed + 10 * index + one for one in range(PER_PHOTO)]
        paths = [folder / f"{number:010d}.safetensors" for number in numbers]
        part = found.kept if index % KEPT == KEPT - 1 else found.learned
        try:
            if not all(path.is_file() for path in paths):
                make = _maker(photos[index] if photos is not None else None, numbers[0], model)
                _write(paths, [make(number) for number in numbers])
        except NoFaceError:
            faceless += 1
            continue
        part += [example for path in paths if (example := read_example(path)) is not None]
    if faceless:
        console.warn(f"no face was found in {faceless} of {count} photos; they are left out")
    return found


def _maker(photo: WholeFiles | None, first: int, model: FaceModel) -> Callable[[int], Example | None]:
    """What makes the examples of one photo, or, without one, of a photo rendered for them."""
    from facekit.files.cases import read_truth
    from facekit.files.images import read_photo
    from facekit.stages.train_inpainter import fitted_example, known_example

    if photo is None:
        pixels, vertices, camera = _rendered(first, model)
        return lambda number: known_example(pixels, vertices, camera, model, number)
    pixels, truth = read_photo(photo.photo).pixels, read_truth(photo, model)[1]
    if truth is not None:
        return lambda number: known_example(pixels, truth.vertices, truth.camera, model, number)
    return lambda number: fitted_example(
        pixels, lambda seen, hidden: _fitted(seen, hidden, model), model, number
    )


def _fitted(photo: ByteArray, hidden: BoolArray, model: FaceModel) -> Fit:
    from facekit.stages.detect import detect_masked, redetect
    from facekit.stages.fit import fit_photo

    covered = hidden if hidden.any() else None
    return fit_photo(photo, detect_masked(photo, covered), model, covered, look_again=redetect)


def _rendered(seed: int, model: FaceModel) -> tuple[ByteArray, FloatArray, Camera]:
    import torch

    from facekit.stages.synthesize import check_model
    from facekit.synthetic.face import sample_face
    from facekit.synthetic.photo import PhotoOptions, render_photo

    check_model(model)
    generator = torch.Generator().manual_seed(seed)
    made = render_photo(model, sample_face(model, generator), generator, PhotoOptions(wild=True))
    return made.image, made.vertices, made.camera


def _write(paths: list[Path], examples: list[Example | None]) -> None:
    """One file each, an empty one for an example that could not be made."""
    import numpy as np

    from facekit.files.weights import write_weights

    for path, example in zip(paths, examples, strict=True):
        arrays = example.arrays() if example is not None else {"none": np.zeros(0, np.uint8)}
        write_weights(path, arrays, {}, force=True)


def read_example(path: Path) -> Example | None:
    """The example of a file; None where none could be made."""
    from facekit.files.weights import read_weights
    from facekit.texture.examples import Example

    arrays = read_weights(path)[0]
    return None if "none" in arrays else Example.from_arrays(arrays)
