"""train-prior landmarks: photos of known geometry to the statistics of a landmark detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facekit.errors import NoFaceError
from facekit.fitting.known_photo import KnownPhoto
from facekit.fitting.landmark_fit import fit_landmarks, focal_prior
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.learning import Example, learn, mirrored
from facekit.fitting.observe import observe
from facekit.fitting.statistics import DetectorStatistics, probe
from facekit.morphable.formats.surface import similarity_transform
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray, FloatArray, Landmarks

HELD_OUT = 10  # every tenth face is not learned from
SCHEME = "mediapipe478"

Detect = Callable[[ByteArray, BoolArray | None], list[Landmarks]]


@dataclass(frozen=True)
class Scores:
    photos: int
    mean_face: float
    plain: float  # landmarks taken for model points, independent noise
    learned: float
    learned_occluded: float


def synthetic_photos(model: FaceModel, seed: int, index: int, detect: Detect) -> list[KnownPhoto]:
    """Face ``index`` of a reproducible series, with detections; every second one once more behind an
    occluder.
    """
    import torch

    from facekit.synthetic.face import sample_face
    from facekit.synthetic.occluders import KINDS
    from facekit.synthetic.photo import PhotoOptions, render_photo

    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    face = sample_face(model, generator)
    occluder = tuple(KINDS)[index // 2 % len(KINDS)] if index % 2 else None
    photo = render_photo(model, face, generator, PhotoOptions(occluder=occluder))
    pictures: list[tuple[ByteArray, BoolArray | None]] = [(photo.image, None)]
    if photo.occluded is not None:
        pictures.append((photo.occluded, photo.mask))
    out = []
    for image, hidden in pictures:
        try:
            found: Landmarks | None = detect(image, hidden)[0]
        except NoFaceError:
            found = None
        out.append(KnownPhoto(image, hidden, photo.camera, face.code, found))
    return out


def examples_of(photos: Sequence[KnownPhoto], model: FaceModel, order: FloatArray) -> list[Example]:
    """Each photo with a detection, and its mirror image (``order`` (L,) pairs the landmarks)."""
    out = []
    for photo in photos:
        if photo.landmarks is not None:
            example = Example(photo.view, photo.code, photo.points(), photo.hidden is not None)
            out += [example, mirrored(example, order, model.mirror_matrix)]
    return out


def train_landmarks(
    photos: Sequence[KnownPhoto], model: FaceModel
) -> tuple[dict[str, FloatArray], dict[str, str], Scores]:
    """Arrays and metadata of the statistics learned from nine tenths of the faces, and the scores on the
    rest.

    Photos of one face stand next to each other, and are kept together. Raises NumericalError with too few of
    them.
    """
    from facekit.detection.schemes import MIRROR_478

    shape = landmark_model(model, SCHEME)
    person = np.cumsum([i == 0 or not same(p, photos[i - 1]) for i, p in enumerate(photos)])
    kept = [p for p, n in zip(photos, person, strict=True) if n % HELD_OUT]
    rest = [p for p, n in zip(photos, person, strict=True) if n % HELD_OUT == 0]
    statistics = learn(examples_of(kept, model, MIRROR_478), shape)
    scores = score(rest, model, statistics)
    metadata = {"kind": "landmark statistics", "detector": "mediapipe", "scheme": SCHEME, "model": model.name}
    return statistics.arrays() | {"probe": probe(shape)}, metadata, scores


def landmark_card(command: str, photos: int, scores: Scores, model: FaceModel) -> str:
    """The card that stands beside the weights: how they were made, from what, and how good they are."""
    return f"""# Landmark statistics

Where the 478 points of the MediaPipe face mesh lie on facekit's face model ({model.name}), how they shift
with the angle of view, how much of a person's difference they show, and the covariance of their errors.

* Made by `{command}` from {photos} rendered photos (`facekit synth` makes such photos), half of the faces
also behind
  sunglasses, face masks, hands or blobs. No real photo and no outside data were used.
* Scores on {scores.photos} photos of faces that were not learned from: mean distance along the normals over
the
  narrow face, after similarity alignment:

| fit | mm |
|---|---|
| mean face | {scores.mean_face:.2f} |
| landmarks taken for model points | {scores.plain:.2f} |
| with these statistics | {scores.learned:.2f} |
| with these statistics, behind an occluder | {scores.learned_occluded:.2f} |

* Limits: rendered faces only; valid for MediaPipe 0.10.21 and for face models whose modes agree with those of
  {model.name}. Beyond 50 degrees of yaw or pitch the corrections are held constant.
* Licence: MIT, as facekit.
"""


def same(one: KnownPhoto, other: KnownPhoto) -> bool:
    """Whether two photos show one face."""
    return bool(np.array_equal(one.code, other.code))


def score(photos: Sequence[KnownPhoto], model: FaceModel, statistics: DetectorStatistics) -> Scores:
    """Errors of fits to photos of known geometry."""
    rows: list[tuple[bool, float, float, float]] = []
    for photo in photos:
        if photo.landmarks is None:
            continue
        truth = model.instance(photo.code)
        size = np.asarray(photo.camera.image_size)
        errors = [surface_error(model, model.mean, truth)]
        for known in (None, statistics):
            fit = fit_landmarks(observe(photo.landmarks, model, known), focal_prior(size), size / 2.0)
            errors.append(surface_error(model, model.instance(fit.code), truth))
        rows.append((photo.hidden is not None, *errors))
    clean = np.array([r[1:] for r in rows if not r[0]]).reshape(-1, 3)
    occluded = np.array([r[3] for r in rows if r[0]])
    mean = clean.mean(0) if len(clean) else np.full(3, np.nan)
    behind = float(occluded.mean()) if len(occluded) else float("nan")
    return Scores(len(rows), float(mean[0]), float(mean[1]), float(mean[2]), behind)


def surface_error(model: FaceModel, vertices: FloatArray, truth: FloatArray) -> float:
    """Mean distance along the true normals, mm, over the narrow face after similarity alignment."""
    from facekit.geometry.mesh import vertex_normals

    regions = model.topology.regions
    narrow = np.asarray(regions["narrow_face" if "narrow_face" in regions else "face"]) > 0.5
    normals = vertex_normals(truth, model.topology.faces)[narrow]
    target, moved = truth[narrow], vertices[narrow]
    goal = target
    for _ in range(3):
        scale, rotation, shift = similarity_transform(moved, goal)
        moved = scale * moved @ rotation.T + shift
        goal = moved + ((target - moved) * normals).sum(1, keepdims=True) * normals
    return float(1e3 * np.abs(((target - moved) * normals).sum(1)).mean())
