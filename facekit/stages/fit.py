"""fit-3dmm: photo and landmarks to a fitted face model."""

from __future__ import annotations

import json
import time
from functools import lru_cache

import numpy as np

from facekit.errors import UsageError
from facekit.files.assets import has_asset, read_asset_weights
from facekit.files.images import photo_digest
from facekit.fitting.appearance import Appearance, fit_appearance
from facekit.fitting.landmark_fit import LandmarkFit, fit_landmarks, focal_prior
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.observe import observe, usable
from facekit.fitting.shared import fit_shared
from facekit.fitting.skin_pixels import skin_pixels
from facekit.fitting.statistics import DetectorStatistics, fits
from facekit.morphable.model import FaceModel
from facekit.raster.visibility import visible_vertices
from facekit.records import BoolArray, ByteArray, Camera, Fit, Landmarks, Light

STATISTICS = "landmarks.safetensors"
FRONT_LIGHT = 3.0  # sh[0] of the even light of a fit that looked at no pixels


@lru_cache(maxsize=1)
def _shipped() -> tuple[DetectorStatistics, np.ndarray] | None:
    if not has_asset(STATISTICS):
        return None
    arrays, _ = read_asset_weights(STATISTICS)
    return DetectorStatistics.from_arrays(arrays), arrays["probe"]


def detector_statistics(model: FaceModel, landmarks: Landmarks) -> DetectorStatistics | None:
    """What is known of this detector on this model; None where nothing was learned for the pair."""
    shipped = _shipped()
    if shipped is None or landmarks.detector != "mediapipe" or landmarks.scheme != "mediapipe478":
        return None
    return shipped[0] if fits(shipped[1], landmark_model(model, landmarks.scheme)) else None


def fit_photo(
    photo: ByteArray,
    landmarks: Landmarks,
    model: FaceModel,
    hidden: BoolArray | None = None,
    *,
    photometric: bool = True,
    iterations: int = 30,
) -> Fit:
    """Fit pose, camera, shape, light and albedo to one photo.

    photo (H, W, 3) uint8 sRGB; hidden (H, W) bool, True = not to be looked at. The hidden part of the face is
    the model's posterior mean given the part that is seen. Raises UsageError where sizes disagree,
    NumericalError where too few landmarks are visible, ModelUnavailableError where the model lacks the
    landmarks' scheme.
    """
    started = time.perf_counter()
    check_sizes(photo, landmarks, hidden)
    height, width = photo.shape[:2]
    size = np.array([width, height], np.int32)
    observations = observe(landmarks, model, detector_statistics(model, landmarks))
    found = fit_landmarks(observations, focal_prior(size), size / 2.0, iterations)
    return assemble(photo, landmarks, model, hidden, found, photometric, started)


def fit_person(
    photos: list[ByteArray],
    landmarks: list[Landmarks],
    model: FaceModel,
    hidden: list[BoolArray | None],
    *,
    photometric: bool = True,
    iterations: int = 30,
) -> list[Fit]:
    """Fit several photos of one person: one identity, a view, expression and light each. Errors as
    ``fit_photo``.
    """
    started = time.perf_counter()
    sizes = []
    for photo, marks, mask in zip(photos, landmarks, hidden, strict=True):
        check_sizes(photo, marks, mask)
        sizes.append(np.array([photo.shape[1], photo.shape[0]], np.int32))
    found = fit_shared(
        [observe(marks, model, detector_statistics(model, marks)) for marks in landmarks],
        [focal_prior(size) for size in sizes],
        [size / 2.0 for size in sizes],
        model.block("identity").slice,
        iterations,
    )
    return [
        assemble(photo, marks, model, mask, fit, photometric, started)
        for photo, marks, mask, fit in zip(photos, landmarks, hidden, found, strict=True)
    ]


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
    landmarks: Landmarks,
    model: FaceModel,
    hidden: BoolArray | None,
    found: LandmarkFit,
    photometric: bool,
    started: float,
) -> Fit:
    """The Fit record of a landmark fit: visibility, light, albedo, named landmarks, outcome."""
    size = np.array([photo.shape[1], photo.shape[0]], np.int32)
    camera = found.view.camera(size)
    vertices = model.instance(found.code)
    visible = visible_vertices(vertices, model.topology.faces, camera, hidden)
    after_shape = time.perf_counter()
    pixels = skin_pixels(photo, hidden, model, vertices, camera) if photometric else None
    look = fit_appearance(pixels) if pixels is not None else None
    points68 = landmark_model(model, "ibug68").points(found.code)
    return Fit(
        model=model.name,
        model_sha256=model.digest,
        code=model.split(found.code, _albedo(model, look)),
        arkit=np.asarray(model.arkit(found.code), np.float32),
        arkit_names=np.array(model.expression_names, dtype=np.str_),
        camera=camera,
        light=_light(look),
        vertices=vertices.astype(np.float32),
        faces=np.asarray(model.topology.faces, np.int32),
        visible=visible,
        landmarks68=points68.astype(np.float32),
        landmarks68_2d=found.view.project(points68).astype(np.float32),
        landmarks=landmarks,
        covariance=found.covariance.astype(np.float32),
        photo_sha256=photo_digest(photo),
        outcome=_outcome(landmarks, found, look, photometric),
        stats=json.dumps(_stats(landmarks, found, look, camera, visible, started, after_shape)),
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


def _outcome(landmarks: Landmarks, found: LandmarkFit, look: Appearance | None, photometric: bool) -> str:
    used, hidden = len(usable(landmarks)), int(np.asarray(landmarks.hidden).sum())
    text = f"fitted to {used} landmarks"
    if hidden:
        text += f", {hidden} hidden ones left out"
    if not found.converged:
        text += ", stopped before it settled (raise --iterations)"
    if look is not None:
        text += "; light and skin colour from the visible skin"
    elif photometric:
        text += "; too little visible skin or no albedo model: average light and skin colour"
    return text


def _stats(
    landmarks: Landmarks,
    found: LandmarkFit,
    look: Appearance | None,
    camera: Camera,
    visible: BoolArray,
    started: float,
    after_shape: float,
) -> dict[str, object]:
    error = np.linalg.norm(found.residual, axis=1)
    yaw, pitch, roll = np.degrees(found.view.angles)
    return {
        "landmarks_used": len(usable(landmarks)),
        "landmarks_hidden": int(np.asarray(landmarks.hidden).sum()),
        "residual_px": round(float(np.sqrt((error**2).mean())), 3),
        "outliers": int((found.weights < 0.3).sum()),
        "iterations": found.iterations,
        "converged": found.converged,
        "seen_from_deg": [round(float(a), 2) for a in (yaw, pitch, roll)],
        "focal_px": round(float(camera.K[0, 0]), 1),
        "visible_share": round(float(np.mean(visible)), 4),
        "photometric_residual_srgb": None if look is None else round(look.residual, 4),
        "photometric_iterations": 0 if look is None else look.iterations,
        "seconds_shape": round(after_shape - started, 4),
        "seconds": round(time.perf_counter() - started, 4),
    }
