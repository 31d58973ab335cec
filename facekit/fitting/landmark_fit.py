"""Maximum a posteriori fit of pose, focal length and code to landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import NumericalError
from facekit.fitting.descent import Descent, alike, descend, settle
from facekit.fitting.problem import POSE, CodePrior, Observations, Problem
from facekit.fitting.view import FRONTAL, View, nearest_rotation

Array = NDArray[np.float64]

FEWEST = 6  # landmarks that say where a head is
HOLDS = 6  # fits between which sliding points find their places anew
FIELD_OF_VIEW = np.radians(28.0)  # typical portrait, over the longer side of the photo


@dataclass(frozen=True)
class LandmarkFit:
    """The most probable view and code, and how sure they are."""

    view: View
    code: Array  # (K,) standard deviations
    covariance: Array  # (K, K) Laplace approximation, view marginalised
    residual: Array  # (M, 2) px, observed minus fitted
    weights: Array  # (M,) robust weights, small for outliers
    at_bound: NDArray[np.bool_]  # (K,)
    iterations: int
    converged: bool
    joint: Array | None = None  # (7 + K, 7 + K) with the view, numbered as View.moved


def focal_prior(image_size: NDArray[Any]) -> float:
    """Expected focal length in px for a photo of (width, height)."""
    return float(max(image_size) / 2 / np.tan(FIELD_OF_VIEW / 2))


def first_view(points: Array, shape: Array, focal: float, centre: Array) -> View:
    """Scaled orthographic view (closed form) of landmarks ``shape`` (M, 3) m seen at ``points`` (M, 2) px.

    The affine least-squares camera with its two rows made orthonormal. Raises NumericalError when the points
    do not span a plane.
    """
    if len(points) < FEWEST:
        raise NumericalError(
            f"only {len(points)} landmarks are visible and a fit needs at least {FEWEST}; "
            "hide less of the face, or give landmarks with --landmarks"
        )
    mean_p, mean_x = points.mean(0), shape.mean(0)
    rows = np.linalg.lstsq(shape - mean_x, points - mean_p, rcond=None)[0].T
    scale = float(np.linalg.norm(rows, axis=1).mean())
    if not np.isfinite(scale) or scale <= 0:
        raise NumericalError("the landmarks lie on a point or a line; give other landmarks with --landmarks")
    r = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rotation = nearest_rotation(np.vstack([r, np.cross(r[0], r[1])]))
    if rotation[2, 2] > 0:  # seen from behind: noise won over shape, so start from the front
        roll = np.arctan2(rotation[1, 0] - rotation[0, 1] * -1.0, rotation[0, 0] - rotation[1, 1])
        c, s = np.cos(roll), np.sin(roll)
        rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ FRONTAL
    origin = mean_p - scale * (rotation @ mean_x)[:2]
    return View(rotation, origin, scale, focal, centre)


def fit_landmarks(
    obs: Observations,
    focal: float,
    centre: Array,
    iterations: int = 30,
    tolerance: float = 2e-2,
    prior: CodePrior | None = None,
    start: LandmarkFit | None = None,
) -> LandmarkFit:
    """Most probable view and code given landmarks.

    Minimises rᵀ Σ⁻¹ r + the code's prior (default |code|²) + (log focal − prior)² / spread² with the code
    inside its bounds; Σ has correlated Gaussian and independent Student parts (iteratively re-weighted).
    First the view alone, then everything; from ``start`` at once everything. It ends when no
    coordinate will move by ``tolerance`` standard deviations any more. Raises NumericalError where the
    landmarks determine no view.
    """
    shape = obs.model(View(FRONTAL, centre, 1.0, focal, centre))
    prior = CodePrior.standard(shape.size) if prior is None else prior
    if start is None:
        view, code = first_view(obs.points, shape.points(prior.mean), focal, centre), prior.mean
        view, code = settle(Problem(_held(obs, view), focal, prior), view, code)
    else:
        view, code = start.view, start.code
    for _ in range(HOLDS):
        seen, before = _held(obs, view), view
        end = descend(Problem(seen, focal, prior), view, code, iterations, tolerance)
        view, code = end.state.view, end.state.code
        if seen is obs or alike(view, before):
            break
    fit = _summary(seen, end)
    if not np.isfinite(fit.code).all() or not np.isfinite(fit.view.project(np.zeros((1, 3)))).all():
        raise NumericalError("the landmark fit did not lead to finite numbers; check the landmarks")
    return fit


def _held(obs: Observations, view: View) -> Observations:
    return obs if obs.held is None else obs.held(view)


def _summary(obs: Observations, end: Descent) -> LandmarkFit:
    state = end.state
    return LandmarkFit(
        view=state.view,
        code=state.code,
        covariance=end.covariance[POSE:, POSE:],
        residual=obs.points - state.view.project(state.points),
        weights=end.weights[::2],
        at_bound=end.at_bound[POSE:],
        iterations=end.iterations,
        converged=end.converged,
        joint=end.covariance,
    )
