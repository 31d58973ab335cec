"""Maximum a posteriori fit of pose, focal length and code to landmarks: Levenberg–Marquardt with bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import NumericalError
from facekit.fitting.boxed import solve_boxed
from facekit.fitting.landmark_model import LandmarkModel
from facekit.fitting.noise import Metric, Noise
from facekit.fitting.view import FRONTAL, View, align, nearest_rotation

Array = NDArray[np.float64]

FIELD_OF_VIEW = np.radians(28.0)  # typical portrait, over the longer side of the photo
LOG_FOCAL_SPREAD = 0.45  # wide: 95 % between 11.5° and 63°
POSE = 7
SETTLING = 4  # steps after which offsets and noise no longer follow the view


@dataclass(frozen=True)
class Observations:
    """Landmarks that are seen, and what the detector makes of a face.

    ``model`` is the linear model of the detector's own points and ``noise`` how far they scatter; both may
    depend on the view, so they are functions of it, evaluated once a rough view is known.
    """

    points: Array  # (M, 2) px
    model: Callable[[View], LandmarkModel]  # of the M landmarks
    noise: Callable[[View], Noise]  # (2M,) in metres: pixels over View.scale, head upright


@dataclass(frozen=True)
class CodePrior:
    """Independent normal prior of the code; N(0, I) unless other photos of the person say more."""

    mean: Array  # (K,) standard deviations
    precision: Array  # (K,) inverse variance

    @staticmethod
    def standard(size: int) -> CodePrior:
        """N(0, I)."""
        return CodePrior(np.zeros(size), np.ones(size))


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


def focal_prior(image_size: NDArray[Any]) -> float:
    """Expected focal length in px for a photo of (width, height)."""
    return float(max(image_size) / 2 / np.tan(FIELD_OF_VIEW / 2))


def first_view(points: Array, shape: Array, focal: float, centre: Array) -> View:
    """Scaled orthographic view (closed form) of landmarks ``shape`` (M, 3) m seen at ``points`` (M, 2) px.

    The affine least-squares camera with its two rows made orthonormal. Raises NumericalError when the points
    do not span a plane.
    """
    if len(points) < 6:
        raise NumericalError(
            f"only {len(points)} landmarks are visible and a fit needs at least 6; "
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


def _jacobian(model: LandmarkModel, state: _State, pose_only: bool) -> Array:
    """Jacobian (2M, 7) or (2M, 7 + K) of the predictions, in metres, head upright."""
    view, points = state.view, state.points(model)
    pose, local = view.jacobian(points)
    roll = view.angles[2]
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]]) / view.scale
    pose, local = turn @ pose, turn @ local
    if pose_only:
        return pose.reshape(-1, POSE)
    modes = local @ model.modes  # (M, 2, K)
    return np.concatenate([pose, modes], axis=2).reshape(2 * len(points), -1)


def _residual(obs: Observations, model: LandmarkModel, state: _State) -> Array:
    """Observed minus predicted (2M,), metres, head upright."""
    gap = obs.points - state.view.project(state.points(model))
    return (align(gap, state.view.angles[2]) / state.view.scale).ravel()


def fit_landmarks(
    obs: Observations,
    focal: float,
    centre: Array,
    iterations: int = 30,
    tolerance: float = 1e-2,
    prior: CodePrior | None = None,
    start: LandmarkFit | None = None,
) -> LandmarkFit:
    """Most probable view and code given landmarks.

    Minimises rᵀ Σ⁻¹ r + the code's prior (default |code|²) + (log focal − prior)² / spread² with the code
    inside its bounds; Σ has correlated Gaussian and independent Student parts (iteratively re-weighted).
    First the view alone, then everything; from ``start`` at once everything. Raises NumericalError where the
    landmarks determine no view.
    """
    flat = View(FRONTAL, centre, 1.0, focal, centre)
    shape = obs.model(flat)
    if prior is None:
        prior = CodePrior.standard(shape.size)
    problem = _Problem(obs, focal, prior)
    if start is None:
        view = first_view(obs.points, shape.points(prior.mean), focal, centre)
        state, _ = _descend(
            problem, _State(view, prior.mean, shape.deformation(prior.mean)), 8, 1e-2, pose_only=True
        )
    else:
        state = _State(start.view, start.code, shape.deformation(start.code))
    state, fit = _descend(problem, state, iterations, tolerance, pose_only=False)
    if not np.isfinite(state.code).all() or not np.isfinite(state.view.project(np.zeros((1, 3)))).all():
        raise NumericalError("the landmark fit did not lead to finite numbers; check the landmarks")
    return fit


@dataclass(frozen=True)
class _Problem:
    obs: Observations
    focal: float
    prior: CodePrior

    def pull(self, state: _State) -> tuple[Array, Array]:
        """Diagonal (7 + K,) and gradient (7 + K,) of the prior terms."""
        bend = LOG_FOCAL_SPREAD**-2
        diagonal = np.r_[np.zeros(POSE - 1), bend, self.prior.precision]
        gap = np.r_[np.zeros(POSE - 1), np.log(self.focal / state.view.focal), self.prior.mean - state.code]
        return diagonal, diagonal * gap

    def energy(self, metric: Metric, residual: Array, state: _State) -> float:
        """Twice the negative logarithm of the posterior under fixed weights."""
        bend = np.log(state.view.focal / self.focal) / LOG_FOCAL_SPREAD
        gap = state.code - self.prior.mean
        return metric.cost(residual) + float(gap @ (self.prior.precision * gap)) + float(bend**2)


@dataclass(frozen=True)
class _State:
    view: View
    code: Array
    deformed: Array  # (M, 3) m, modes · code, kept because it is wanted several times

    def points(self, model: LandmarkModel) -> Array:
        """The landmarks (M, 3); ``model`` may have another mean than when the state was made, not other
        modes.
        """
        points: Array = model.mean + self.deformed
        return points


def _descend(
    problem: _Problem, state: _State, iterations: int, tolerance: float, pose_only: bool
) -> tuple[_State, LandmarkFit]:
    """Levenberg–Marquardt from ``state``; stops when no coordinate moves by more than ``tolerance``."""
    obs = problem.obs
    model, noise = obs.model(state.view), obs.noise(state.view)
    free = POSE if pose_only else POSE + len(state.code)
    damping, converged, step_count = 1e-4, False, 0
    # a step of a tenth of the head, radian or logarithm counts as one standard deviation of a coefficient
    unit = np.ones(POSE + len(state.code))
    h = np.eye(free)
    at_bound = np.zeros(free, bool)
    weights = np.ones(2 * len(obs.points))
    metric = noise.metric(weights)
    for step_count in range(1, iterations + 1):
        residual = _residual(obs, model, state)
        weights = noise.weights(residual, metric)
        metric = noise.metric(weights)
        h, g = metric.normal(_jacobian(model, state, pose_only), residual)
        diagonal, gradient = problem.pull(state)
        h[np.diag_indices(free)] += diagonal[:free]
        g += gradient[:free]
        energy = problem.energy(metric, residual, state)
        lower = np.r_[np.full(POSE, -np.inf), model.lower - state.code][:free]
        upper = np.r_[np.full(POSE, np.inf), model.upper - state.code][:free]
        while True:
            damped = h + damping * np.diag(np.diag(h))
            step, at_bound = solve_boxed(damped, g, lower, upper, at_bound)
            moved = _moved(state, step, model)
            trial = problem.energy(metric, _residual(obs, model, moved), moved)
            if trial <= energy * (1 + 1e-12) or damping > 1e6:
                break
            damping *= 10
        damping = max(damping / 10, 1e-9)
        state = moved
        unit[:POSE] = 0.1 * np.array([1.0, 1.0, 1.0, state.view.scale, state.view.scale, 1.0, 1.0])
        if np.abs(step / unit[:free]).max() < tolerance:
            converged = True
            break
        if step_count <= SETTLING or pose_only:
            model, noise = obs.model(state.view), obs.noise(state.view)
    fit = _summary(obs, model, state, h, weights, at_bound, pose_only)
    return state, replace(fit, iterations=step_count, converged=converged)


def _moved(state: _State, step: Array, model: LandmarkModel) -> _State:
    view = state.view.moved(step[:POSE])
    if len(step) == POSE:
        return replace(state, view=view)
    code = np.clip(state.code + step[POSE:], model.lower, model.upper)
    return _State(view, code, model.deformation(code))


def _summary(
    obs: Observations,
    model: LandmarkModel,
    state: _State,
    h: Array,
    weights: Array,
    at_bound: NDArray[np.bool_],
    pose_only: bool,
) -> LandmarkFit:
    k = len(state.code)
    bound, covariance = np.zeros(k, bool), np.eye(k)
    if not pose_only:
        bound = at_bound[POSE:]
        covariance = np.linalg.inv(h)[POSE:, POSE:]
        covariance = (covariance + covariance.T) / 2
    residual = obs.points - state.view.project(state.points(model))
    return LandmarkFit(
        state.view, state.code, covariance, residual, weights[::2], bound, iterations=0, converged=False
    )
