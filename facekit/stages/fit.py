"""fit-3dmm: photo and landmarks to a fitted face model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from facekit.errors import UsageError
from facekit.files.assets import has_asset, read_asset_weights
from facekit.files.images import photo_digest
from facekit.fitting.appearance import Appearance, fit_appearance
from facekit.fitting.landmark_fit import FEWEST, LandmarkFit, fit_landmarks, focal_prior
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.observe import observe, usable
from facekit.fitting.photometric import refine, widened
from facekit.fitting.problem import CodePrior, Observations
from facekit.fitting.shared import fit_shared
from facekit.fitting.skin_pixels import skin_pixels, skin_weight
from facekit.fitting.trained import SCHEME, Trained
from facekit.fitting.uncover import uncovered
from facekit.morphable.arrays import from_arrays
from facekit.morphable.local import regional
from facekit.morphable.model import FaceModel
from facekit.raster.visibility import visible_vertices
from facekit.records import BoolArray, ByteArray, Fit, FloatArray, Landmarks, Light

if TYPE_CHECKING:
    from facekit.fitting.encoder_start import Encoded

LEARNED = "landmarks.safetensors"
FACE = "face.safetensors"  # the model that it was learned on
_carried: dict[str, Trained] = {}  # by digest of the model
FirstLook = Callable[[ByteArray, Landmarks, BoolArray | None], "Encoded"]  # picture, landmarks, mask
LookAgain = Callable[[ByteArray, Landmarks, BoolArray | None], Landmarks]  # picture, earlier landmarks, mask
FRONT_LIGHT = 3.0  # sh[0] of the even light of a fit that looked at no pixels


@lru_cache(maxsize=1)
def _shipped() -> Trained | None:
    return Trained.from_arrays(read_asset_weights(LEARNED)[0]) if has_asset(LEARNED) else None


def learned(model: FaceModel, landmarks: Landmarks) -> Trained | None:
    """What was learned about this detector on this model; None where nothing was."""
    if landmarks.detector != "mediapipe" or landmarks.scheme != SCHEME:
        return None
    shipped = _shipped()
    if shipped is None or shipped.belongs_to(model):
        return shipped
    if not model.block("local").size or not has_asset(FACE):
        return None
    default = from_arrays(*read_asset_weights(FACE))
    if not np.array_equal(model.mean, default.mean):
        return None
    if model.digest not in _carried:  # the default model's global+local form
        _carried[model.digest] = shipped.carried(default, model)
    return _carried[model.digest]


def fit_photo(
    photo: ByteArray,
    landmarks: Landmarks,
    model: FaceModel,
    hidden: BoolArray | None = None,
    *,
    first_look: FirstLook | None = None,
    look_again: LookAgain | None = None,
    photometric: bool = True,
    refined: bool = True,
    iterations: int = 30,
) -> Fit:
    """Fit pose, camera, shape, light and albedo to one photo.

    photo (H, W, 3) uint8 sRGB; hidden (H, W) bool, True = not to be looked at. The hidden part of the face is
    the model's posterior mean given the part that is seen. ``first_look`` (a trained encoder) says which code
    is to be expected, and where the fit begins if too few landmarks are seen. ``look_again``
    (stages.detect.redetect) finds the landmarks once more on the photo with its hidden part drawn from a
    first fit, which an occluder does not mislead. ``refined`` lets the pixels of the skin move pose and
    shape, by local coefficients too (Eq. 12). Without ``photometric`` the landmarks alone decide, and light
    and albedo are average. Raises UsageError
    where sizes disagree, NumericalError where too few landmarks are visible, ModelUnavailableError
    where the model lacks the landmarks' scheme.
    """
    check_sizes(photo, landmarks, hidden)
    said = None if first_look is None else first_look(photo, landmarks, hidden)
    if said is not None and len(usable(landmarks)) < FEWEST:
        shape = Shape(landmarks, None, said.fit(model.lower, model.upper), model)
    else:
        prior = None if said is None else said.prior()
        shape = fit_shape(photo, landmarks, model, hidden, look_again, photometric, iterations, prior)
    if photometric and refined:
        shape = with_pixels(photo, shape, model, hidden)
    return assemble(photo, shape, model, hidden, photometric)


def fit_person(
    photos: list[ByteArray],
    landmarks: list[Landmarks],
    model: FaceModel,
    hidden: list[BoolArray | None],
    *,
    look_again: LookAgain | None = None,
    photometric: bool = True,
    refined: bool = True,
    iterations: int = 30,
) -> list[Fit]:
    """Fit several photos of one person: one identity, a view, expression and light each. As ``fit_photo``.

    The identity comes from the landmarks and experts of all photos; the pixels of each refine the rest.
    """
    shapes = [
        fit_shape(photo, marks, model, mask, look_again, photometric, iterations)
        for photo, marks, mask in zip(photos, landmarks, hidden, strict=True)
    ]
    sizes = [np.array(photo.shape[1::-1], np.float64) for photo in photos]
    identity = model.block("identity").slice
    together = fit_shared(
        [s.observations for s in shapes if s.observations is not None],
        [focal_prior(s) for s in sizes],
        [s / 2 for s in sizes],
        identity,
        iterations,
    )
    shapes = [replace(shape, fit=fit) for shape, fit in zip(shapes, together, strict=True)]
    if photometric and refined:
        shapes = [
            with_pixels(photo, shape, model, mask, alone=False)
            for photo, shape, mask in zip(photos, shapes, hidden, strict=True)
        ]
    return [
        assemble(photo, shape, model, mask, photometric)
        for photo, shape, mask in zip(photos, shapes, hidden, strict=True)
    ]


@dataclass(frozen=True)
class Shape:
    """The fit of view and code, and what it was fitted to."""

    landmarks: Landmarks
    observations: Observations | None  # None where no landmarks were fitted to
    fit: LandmarkFit
    body: FaceModel  # whose code the fit has: the model, perhaps with local modes added
    moved: float | None = None  # m, how far the pixels moved the face, root mean square


def fit_shape(
    photo: ByteArray,
    landmarks: Landmarks,
    model: FaceModel,
    hidden: BoolArray | None,
    look_again: LookAgain | None,
    photometric: bool,
    iterations: int,
    prior: CodePrior | None = None,
) -> Shape:
    """Fit to the landmarks; behind an occluder once more to those of the uncovered photo; then let the
    experts look at the photo around that fit, and both together decide.
    """
    check_sizes(photo, landmarks, hidden)
    size = np.array(photo.shape[1::-1], np.float64)
    trained, focal = learned(model, landmarks), focal_prior(size)

    def fitted(marks: Landmarks, seen: FloatArray | None, start: LandmarkFit | None) -> Shape:
        observations = observe(marks, model, trained, seen)
        fit = fit_landmarks(observations, focal, size / 2, iterations, prior=prior, start=start)
        return Shape(marks, observations, fit, model)

    shape = fitted(landmarks, None, None)
    if not photometric:
        return shape
    if look_again is not None and hidden is not None and hidden.any():
        picture = uncovered(photo, hidden, model, shape.fit)
        if picture is not None:
            shape = fitted(look_again(picture, landmarks, hidden), None, shape.fit)
    seen = None if trained is None else trained.look(photo, hidden, model, shape.fit)
    return shape if seen is None else fitted(shape.landmarks, seen, shape.fit)


def with_pixels(
    photo: ByteArray, shape: Shape, model: FaceModel, hidden: BoolArray | None, alone: bool = True
) -> Shape:
    """The shape after the photometric step, unchanged where too little skin is seen.

    A face of its own (``alone``) may differ from the model region by region; one that shares its identity
    with other photos moves within the model, and keeps the covariance that the photos have together.
    """
    body = regional(model) if alone else model
    start = widened(shape.fit, body.size)
    fit = refine(photo, hidden, body, start)
    if fit is None:
        return shape
    if not alone:
        fit = replace(fit, covariance=shape.fit.covariance)
    face = skin_weight(model) > 0.5
    gap = (body.instance(fit.code) - body.instance(start.code))[face]
    return replace(shape, fit=fit, body=body, moved=float(np.sqrt((gap**2).sum(1).mean())))


def check_sizes(photo: ByteArray, landmarks: Landmarks, hidden: BoolArray | None) -> None:
    """Raise UsageError if photo, landmarks and mask are not of one size."""
    size = photo.shape[1], photo.shape[0]
    of_landmarks = tuple(int(x) for x in landmarks.image_size)
    if of_landmarks != size:
        raise UsageError(
            f"the landmarks are of a {of_landmarks[0]}×{of_landmarks[1]} photo and this one is "
            f"{size[0]}×{size[1]}; run detect on this photo"
        )
    if hidden is not None and hidden.shape != photo.shape[:2]:
        raise UsageError(
            f"the mask is {hidden.shape[1]}×{hidden.shape[0]} and the photo {size[0]}×{size[1]}; "
            "make them equal"
        )


def assemble(
    photo: ByteArray,
    shape: Shape,
    model: FaceModel,
    hidden: BoolArray | None,
    photometric: bool,
) -> Fit:
    """The Fit record of a fitted shape: visibility, light, albedo, named landmarks, outcome."""
    found, landmarks = shape.fit, shape.landmarks
    camera = found.view.camera(np.array(photo.shape[1::-1], np.int32))
    vertices = shape.body.instance(found.code)
    visible = visible_vertices(vertices, model.topology.faces, camera, hidden)
    pixels = skin_pixels(photo, hidden, model, vertices, camera) if photometric else None
    look = fit_appearance(pixels) if pixels is not None else None
    points68 = landmark_model(shape.body, "ibug68").points(found.code)
    stats = _stats(shape, look, visible)
    return Fit(
        model=model.name,
        model_sha256=model.digest,
        code=shape.body.split(found.code, _albedo(model, look)),
        arkit=np.asarray(shape.body.arkit(found.code), np.float32),
        arkit_names=np.array(model.expression_names, dtype=np.str_),
        camera=camera,
        light=_light(look),
        vertices=vertices.astype(np.float32),
        faces=np.asarray(model.topology.faces, np.int32),
        visible=visible,
        landmarks68=points68.astype(np.float32),
        landmarks68_2d=found.view.project(points68).astype(np.float32),
        landmarks=landmarks,
        covariance=found.covariance[: model.size, : model.size].astype(np.float32),
        photo_sha256=photo_digest(photo),
        outcome=_outcome(shape, look, photometric),
        stats=json.dumps(stats),
        history=landmarks.history,
    )


def _albedo(model: FaceModel, look: Appearance | None) -> np.ndarray | None:
    if model.albedo is None:
        return None
    return np.zeros(len(model.albedo.basis)) if look is None else look.code


def _light(look: Appearance | None) -> Light:
    if look is not None:
        return Light(look.sh.astype(np.float32))
    sh = np.zeros((9, 3), np.float32)
    sh[0] = FRONT_LIGHT
    return Light(sh)


def _outcome(shape: Shape, look: Appearance | None, photometric: bool) -> str:
    landmarks, found = shape.landmarks, shape.fit
    used, hidden = len(usable(landmarks)), int(np.asarray(landmarks.hidden).sum())
    text = f"fitted to {used} landmarks"
    if shape.observations is None:
        text, hidden = f"begun by the encoder: {hidden} landmarks are hidden and {used} are too few", 0
    if hidden:
        text += f", {hidden} hidden ones left out"
    if not found.converged:
        text += ", stopped before it settled (raise --iterations)"
    if look is not None:
        refined = "" if shape.moved is None else "shape refined, "
        text += f"; {refined}light and skin colour from the visible skin"
    elif photometric:
        text += "; too little visible skin or no albedo model: average light and skin colour"
    return text


def _stats(shape: Shape, look: Appearance | None, visible: BoolArray) -> dict[str, object]:
    landmarks, found = shape.landmarks, shape.fit
    error = np.linalg.norm(found.residual, axis=1)
    return {
        "landmarks_used": len(usable(landmarks)),
        "landmarks_hidden": int(np.asarray(landmarks.hidden).sum()),
        "points_used": len(error),
        "landmark_fit_residual_px": round(float(np.sqrt((error**2).mean())), 3) if len(error) else None,
        "outliers": int((found.weights < 0.3).sum()),
        "iterations": found.iterations,
        "converged": found.converged,
        "seen_from_deg": [round(float(a), 2) for a in np.degrees(found.view.angles)],
        "focal_px": round(found.view.focal, 1),
        "visible_share": round(float(np.mean(visible)), 4),
        "moved_by_pixels_mm": None if shape.moved is None else round(1e3 * shape.moved, 3),
        "photometric_residual_srgb": None if look is None else round(look.residual, 4),
        "photometric_iterations": 0 if look is None else look.iterations,
    }
