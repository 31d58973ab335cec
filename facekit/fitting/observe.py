"""From a Landmarks record to what the landmark fit needs: which points count, where they lie on the model,
their noise.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from facekit.detection.schemes import MESH_OF_IBUG68
from facekit.fitting.contour import JAW, contour_paths, loose_along, slide
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.noise import Noise
from facekit.fitting.problem import Observations
from facekit.fitting.statistics import Scatter
from facekit.fitting.trained import Trained
from facekit.fitting.view import View
from facekit.morphable.model import FaceModel
from facekit.records import Landmarks

Array = NDArray[np.float64]

DEFAULT_SPREAD = {
    "mediapipe478": 0.010,
    "ibug68": 0.0035,
}  # m; neighbours among 478 err together, so each counts less
JAW_SPREAD = 0.008  # m, of jaw points that are means of points of a mesh; others slide along the silhouette
MESH = "mediapipe"  # the detector whose 68 points are such means
NOISE_SCALE = 1.5  # errors of real detections have heavier tails than the learned normal ones
STEADY = 0.0023  # m: spread under perturbations that the learned noise already contains
EYES = sorted({point for points in MESH_OF_IBUG68[36:48] for point in points})
GUESSED = 0.016  # m, what the upper face's points err besides, each by itself, where both eyes are hidden
UPPER = (-0.047, -0.012)  # m, head frame: from below the nose, none of it, to below the eyes, all of it


def usable(landmarks: Landmarks) -> NDArray[np.int64]:
    """Indices (M,) of the landmarks that are there and not hidden."""
    good = np.isfinite(landmarks.points).all(1) & np.isfinite(landmarks.sigma) & ~landmarks.hidden
    return np.flatnonzero(good)


def observe(
    landmarks: Landmarks,
    model: FaceModel,
    trained: Trained | None = None,
    seen: Array | None = None,
    noise_scale: float = NOISE_SCALE,
) -> Observations:
    """Observations of the visible landmarks, and of what experts have ``seen`` (P, 2) px where finite.

    Without ``trained`` each point lies where the model says, with independent noise of a few millimetres.
    """
    index = usable(landmarks)
    points = np.asarray(landmarks.points, np.float64)[index]
    sigma = np.asarray(landmarks.sigma, np.float64)[index]
    if trained is None:
        shape = landmark_model(model, landmarks.scheme)
        spread = np.full(len(shape.mean), DEFAULT_SPREAD[landmarks.scheme])
        if landmarks.scheme == "ibug68" and landmarks.detector != MESH:
            return _sliding(points, index, sigma, spread, model)
        if landmarks.scheme == "ibug68":
            spread[JAW] = JAW_SPREAD
        visible = shape.at(index)
        noise = partial(_plain_noise, spread[index], sigma)
        return Observations(points, lambda view: visible, noise)
    if seen is not None:
        found = np.flatnonzero(np.isfinite(seen).all(1))
        index = np.r_[index, len(landmarks.points) + found]
        points = np.concatenate([points, seen[found]])
        sigma = np.r_[sigma, np.zeros(len(found))]
    statistics, occluded = trained.statistics, bool(landmarks.hidden.any())
    expected = statistics.seen(trained.shape(model), index)
    scatter = (statistics.occluded if occluded else statistics.clean).at(index)
    loose = _guessed(landmarks, trained.shape(model).mean[:, 1])[index]
    noise = partial(_learned_noise, scatter, sigma, loose, noise_scale)
    return Observations(points, expected.model, noise, expected.drift)


def _guessed(landmarks: Landmarks, height: Array) -> Array:
    """(L + P,) m, what detected points at ``height`` (L + P,) m err besides; nothing for the P of experts.

    A detector that does not see the eyes guesses where they are, and moves the upper face along.
    """
    hidden = np.asarray(landmarks.hidden)
    rise = np.clip((height - UPPER[0]) / (UPPER[1] - UPPER[0]), 0.0, 1.0)
    rise[len(hidden) :] = 0.0
    loose: Array = GUESSED * float(hidden[EYES].mean()) * rise
    return loose


def _sliding(
    points: Array, index: NDArray[np.int64], sigma: Array, spread: Array, model: FaceModel
) -> Observations:
    """Of 68 landmarks whose jaw points stand at the contour of the face in the picture."""
    shape, paths = landmark_model(model, "ibug68"), contour_paths(model)
    rows = (2 * index[:, None] + np.arange(2)).ravel()

    def held(view: View) -> Observations:
        here = slide(shape, paths, view)
        visible, loose = here.at(index), loose_along(view, here)[:, rows]

        def noise(other: View) -> Noise:
            return Noise(_plain_noise(spread[index], sigma, other).variance, loose)

        return Observations(points, lambda other: visible, noise)

    return Observations(
        points, lambda view: held(view).model(view), lambda view: held(view).noise(view), held=held
    )


def _plain_noise(spread: Array, sigma: Array, view: View) -> Noise:
    variance = np.repeat(spread**2 + _unsteady(sigma, view), 2)
    return Noise(variance, np.zeros((0, len(variance))))


def _learned_noise(scatter: Scatter, sigma: Array, loose: Array, scale: float, view: View) -> Noise:
    noise = scatter.noise(view, scale)
    return Noise(noise.variance + np.repeat(_unsteady(sigma, view) + loose**2, 2), noise.factors)


def _unsteady(sigma: Array, view: View) -> Array:
    """Variance (M,) m² of points that move under perturbations more than usual."""
    excess: Array = np.maximum(sigma / view.scale - STEADY, 0.0)
    return excess * excess
