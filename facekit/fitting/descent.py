"""Gauss–Newton with bounds to the most probable view and code; a curvature serves several steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.curvature import Curvature
from facekit.fitting.landmark_model import LandmarkModel
from facekit.fitting.noise import Noise
from facekit.fitting.problem import POSE, Problem, Slopes, State
from facekit.fitting.view import View

Array = NDArray[np.float64]

VIEW_STEPS = 3  # of the view alone
SETTLING = 2  # steps after which offsets and noise no longer follow the view
FRESH = 4  # steps that have a curvature of their own
SLOW = 0.5  # a step longer than this share of the one before asks for a new curvature
LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e6


@dataclass(frozen=True)
class Descent:
    """Where a descent ended."""

    state: State
    model: LandmarkModel
    weights: Array  # (2M,) robust weights
    covariance: Array  # (7 + K, 7 + K)
    at_bound: NDArray[np.bool_]  # (7 + K,)
    iterations: int
    converged: bool


def settle_view(problem: Problem, view: View, code: Array) -> View:
    """A few steps of the view alone, all noise taken as independent: a start, not an answer."""
    model, noise = problem.obs.model(view), problem.obs.noise(view).independent()
    state = State(view, code, model.deformation(code), np.zeros(0))
    for _ in range(VIEW_STEPS):
        residual, slopes = problem.residual(model, state), Slopes.at(state, model)
        precision = noise.weights(residual) / noise.variance
        j = slopes.pose.reshape(-1, POSE)[
            :, :-1
        ]  # a face of the wrong shape says nothing of the focal length
        step = np.linalg.solve(j.T @ (j * precision[:, None]), j.T @ (precision * residual))
        state = replace(state, view=state.view.moved(np.r_[step, 0.0]))
    return state.view


def descend(problem: Problem, view: View, code: Array, iterations: int, tolerance: float) -> Descent:
    """From ``view`` and ``code`` until they are expected to move by less than ``tolerance``.

    A tenth of a radian, head or logarithm counts as one standard deviation of a coefficient. The slope is
    exact at every step; the curvature, which only decides how fast the answer is reached, is made anew when
    it serves badly.
    """
    obs = problem.obs
    model, noise = obs.model(view), obs.noise(view)
    state = State(view, code, model.deformation(code), np.zeros(len(noise.factors)))
    weights = np.ones(2 * len(obs.points))  # nothing is an outlier before the first step
    at_bound = np.zeros(POSE + len(code), bool)
    curvature = _Here(problem, state, model, noise, weights).curvature()
    length, rate, settled, count = np.inf, 0.0, False, 0
    for count in range(1, iterations + 1):
        here = _Here(problem, state, model, noise, weights)
        if 1 < count <= FRESH or rate > SLOW:
            curvature = here.curvature()
        state, curvature, at_bound, longest = here.improved(curvature, at_bound)
        rate, length = (1.0 if count == 1 else longest / length), longest
        if length * rate < tolerance:
            settled = True
            break
        if count <= SETTLING:
            model, noise = obs.model(state.view), obs.noise(state.view)
        weights = noise.weights(problem.residual(model, state) - state.shared @ noise.factors)
    return Descent(state, model, weights, curvature.covariance(), at_bound, count, settled)


@dataclass(frozen=True)
class _Here:
    """The energy around a state, under fixed weights, model, noise and frame."""

    problem: Problem
    state: State
    model: LandmarkModel
    noise: Noise
    weights: Array  # (2M,)

    def left(self, state: State) -> Array:
        """The residual (2M,) without its shared part."""
        residual = self.problem.residual(self.model, state, self.state.view)
        return residual - state.shared @ self.noise.factors

    @cached_property
    def precision(self) -> Array:
        """(2M,) of what is left."""
        return self.weights / self.noise.variance

    @cached_property
    def slopes(self) -> Slopes:
        return Slopes.at(self.state, self.model)

    def curvature(self, damping: float = 0.0) -> Curvature:
        jacobian = self.slopes.jacobian(self.model)
        return Curvature.of(jacobian, self.noise, self.weights, self.problem.stiffness, damping)

    def improved(
        self, curvature: Curvature, at_bound: NDArray[np.bool_]
    ) -> tuple[State, Curvature, NDArray[np.bool_], float]:
        """A state of less energy, the curvature and bounds it was found with, and the length of the step."""
        state, model = self.state, self.model
        left = self.left(state)
        energy = self.problem.energy(left, self.precision, state)
        force = self.precision * left
        pull = self.slopes.pull(model, force) + self.problem.pull(state)
        shared = self.noise.factors @ force - state.shared
        lower = np.r_[np.full(POSE, -np.inf), model.lower - state.code]
        upper = np.r_[np.full(POSE, np.inf), model.upper - state.code]
        damping = curvature.damping / 10
        while True:
            x, z, at_bound = curvature.step(pull, shared, lower, upper, at_bound)
            moved = state.moved(x, z, model)
            trial = self.problem.energy(self.left(moved), self.precision, moved)
            if trial <= energy * (1 + 1e-12) or damping > MOST_DAMPING:
                return moved, curvature, at_bound, _length(x, state.view.scale)
            damping = max(10 * damping, LEAST_DAMPING)
            curvature = self.curvature(damping)


def _length(step: Array, scale: float) -> float:
    """The largest move of a coordinate."""
    tenth = 0.1 * np.array([1.0, 1.0, 1.0, scale, scale, 1.0, 1.0])
    return float(max(np.abs(step[:POSE] / tenth).max(), np.abs(step[POSE:]).max()))
