"""train-prior landmarks: photos of known geometry to the statistics of a landmark detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facekit.detection.schemes import MIRROR_478
from facekit.errors import NoFaceError
from facekit.fitting.experts import Lesson, learn_experts
from facekit.fitting.known_photo import KnownPhoto
from facekit.fitting.landmark_fit import LandmarkFit, fit_landmarks, focal_prior
from facekit.fitting.landmark_model import landmark_model, surface_model
from facekit.fitting.learning import Example, learn, mirrored, mirrored_view
from facekit.fitting.observe import observe
from facekit.fitting.places import expert_places
from facekit.fitting.trained import SCHEME, Trained, patches_at
from facekit.fitting.uncover import uncovered
from facekit.geometry.mesh import vertex_normals
from facekit.morphable.formats.surface import similarity_transform
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray, FloatArray, IntArray, Landmarks

HELD_OUT = 10  # every tenth face is not learned from
OCCLUDERS = ("glasses", "mask", "blob", "hand")  # before every second face, in turn

LookAgain = Callable[[ByteArray, Landmarks, BoolArray | None], Landmarks]
Detect = Callable[[ByteArray, BoolArray | None], list[Landmarks]]


@dataclass(frozen=True)
class Scores:
    photos: int
    clean: tuple[
        float, ...
    ]  # mean face; landmarks taken for model points; detector's statistics; with experts
    occluded: tuple[float, ...]


def synthetic_photos(model: FaceModel, seed: int, index: int, detect: Detect) -> list[KnownPhoto]:
    """Face ``index`` of a reproducible series, with detections; every second one once more behind an
    occluder.
    """
    import torch

    from facekit.synthetic.face import sample_face
    from facekit.synthetic.photo import PhotoOptions, render_photo

    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    face = sample_face(model, generator)
    occluder = OCCLUDERS[index // 2 % len(OCCLUDERS)] if index % 2 else None
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


def train_landmarks(
    photos: Sequence[KnownPhoto],
    model: FaceModel,
    look_again: LookAgain,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[Trained, Scores]:
    """Statistics and experts learned from nine tenths of the faces, and their scores on the rest.

    First the detector alone, on photos without occluder; with it the occluded photos are uncovered and the
    detector looks again, as a fit does; then experts on patches around the fits; then both as one detector,
    so that errors which they share count once. Photos of one face stand next to each other and are kept
    together. Raises NumericalError with too few of them.
    """
    found = [p for p in photos if p.landmarks is not None]
    person = np.cumsum([i == 0 or not same(p, found[i - 1]) for i, p in enumerate(found)])
    kept = [p for p, n in zip(found, person, strict=True) if n % HELD_OUT]
    rest = [p for p, n in zip(found, person, strict=True) if n % HELD_OUT == 0]
    shape = landmark_model(model, SCHEME)
    clean = [e for p in kept if p.hidden is None for e in _pair(p, model)]
    detector = Trained.on(model, learn(clean, shape), None)
    say(f"{len(kept)} photos: detector learned")
    kept = [uncover(p, model, detector, look_again) for p in kept]
    places, partner = expert_places(model)
    lessons = [x for p in kept for x in _lessons(p, model, detector, places, partner)]
    experts, seen = learn_experts(lessons, places)
    say(f"{len(places)} experts learned")
    examples = [e for p in kept for e in _pair(p, model)]
    joint = [replace(e, points=np.concatenate([e.points, s])) for e, s in zip(examples, seen, strict=True)]
    both = shape.joined(surface_model(model, places)[0])
    statistics = learn(joint, both)
    trained = Trained.on(model, statistics, experts)
    return trained, score(rest, model, detector, trained, look_again)


def uncover(photo: KnownPhoto, model: FaceModel, trained: Trained, look_again: LookAgain) -> KnownPhoto:
    """The photo with landmarks that were found again with its hidden part drawn from a first fit."""
    if photo.hidden is None or photo.landmarks is None:
        return photo
    picture = uncovered(photo.image, photo.hidden, model, fit_known(photo, model, trained))
    if picture is None:
        return photo
    return replace(photo, landmarks=look_again(picture, photo.landmarks, photo.hidden))


def _pair(photo: KnownPhoto, model: FaceModel) -> list[Example]:
    """The photo and its mirror image as examples."""
    example = Example(photo.view, photo.code, photo.points(), photo.hidden is not None)
    return [example, mirrored(example, MIRROR_478, model.mirror_matrix)]


def _lessons(
    photo: KnownPhoto, model: FaceModel, detector: Trained, places: FloatArray, partner: IntArray
) -> list[Lesson]:
    """Patches around a fit, of the photo and of its mirror image, with the true places of the points."""
    assert photo.landmarks is not None
    fit = fit_known(photo, model, detector)
    truth = photo.view.project(surface_model(model, places)[0].points(photo.code))
    patches = patches_at(photo.image, photo.hidden, model, places, fit.code, fit.view)
    flipped = np.ascontiguousarray(photo.image[:, ::-1])
    mask = None if photo.hidden is None else np.ascontiguousarray(photo.hidden[:, ::-1])
    code, view = fit.code @ model.mirror_matrix, mirrored_view(fit.view)
    other = patches_at(flipped, mask, model, places, code, view)
    width = float(photo.image.shape[1])
    return [Lesson(patches, truth), Lesson(other, truth[partner] * [-1.0, 1.0] + [width, 0.0])]


def fit_known(
    photo: KnownPhoto, model: FaceModel, trained: Trained | None, experts: bool = False
) -> LandmarkFit:
    """The fit to a photo of known geometry."""
    assert photo.landmarks is not None
    size = np.asarray(photo.camera.image_size)
    focal = focal_prior(size)
    fit = fit_landmarks(observe(photo.landmarks, model, trained), focal, size / 2.0)
    if trained is None or not experts:
        return fit
    seen = trained.look(photo.image, photo.hidden, model, fit)
    return fit_landmarks(observe(photo.landmarks, model, trained, seen), focal, size / 2.0, start=fit)


def landmark_card(command: str, photos: int, scores: Scores, model: FaceModel) -> str:
    """The card that stands beside the weights: how they were made, from what, and how good they are."""
    names = (
        "mean face",
        "landmarks taken for model points",
        "with the detector's statistics",
        "and looking again, and experts",
    )
    lines = zip(names, scores.clean, scores.occluded, strict=True)
    rows = "\n".join(f"| {name} | {clean:.2f} | {behind:.2f} |" for name, clean, behind in lines)
    return f"""# Landmark statistics

Where the 478 points of the MediaPipe face mesh lie on facekit's face model ({model.name}), how they shift
with the angle of view, how much of a person's difference they show, and the covariance of their errors; and
linear experts that look at the photo around a first fit and say where points of the surface really are.

* Made by `{command}` from {photos} rendered photos (`facekit synth` makes such photos), half of the faces
also behind
  sunglasses, face masks, hands or blobs. No real photo and no outside data were used.
* Scores on {scores.photos} photos of faces that were not learned from: mean distance along the normals over
the
  narrow face, after similarity alignment:

| fit | clean, mm | behind an occluder, mm |
|---|---|---|
{rows}

* Limits: rendered faces only; valid for MediaPipe 0.10.21 and for face models whose modes agree with those of
  {model.name}. Beyond 50 degrees of yaw or pitch the corrections are held constant.
* Licence: MIT, as facekit.
"""


def same(one: KnownPhoto, other: KnownPhoto) -> bool:
    """Whether two photos show one face."""
    return bool(np.array_equal(one.code, other.code))


def score(
    photos: Sequence[KnownPhoto],
    model: FaceModel,
    detector: Trained,
    trained: Trained,
    look_again: LookAgain,
) -> Scores:
    """Errors of fits to photos of known geometry, for the mean face and three ways to fit."""
    rows = []
    for photo in photos:
        truth = model.instance(photo.code)
        fits = [fit_known(photo, model, None), fit_known(photo, model, detector)]
        again = uncover(photo, model, trained, look_again)
        fits.append(fit_known(again, model, trained, experts=True))
        meshes = [model.mean, *(model.instance(fit.code) for fit in fits)]
        rows.append([surface_error(model, mesh, truth) for mesh in meshes])
    errors, behind = np.array(rows).reshape(-1, 4), np.array([p.hidden is not None for p in photos])
    means = [errors[group].mean(0) if group.any() else np.full(4, np.nan) for group in (~behind, behind)]
    return Scores(len(photos), tuple(means[0].tolist()), tuple(means[1].tolist()))


def surface_error(model: FaceModel, vertices: FloatArray, truth: FloatArray) -> float:
    """Mean distance along the true normals, mm, over the narrow face after similarity alignment."""
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
