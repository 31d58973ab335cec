"""Gauss–Newton with bounds to the most probable view and code; a curvature serves several steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.curvature import Curvature
from facekit.fitting.noise import Noise
from facekit.fitting.problem import POSE, Problem, Slopes, State
from facekit.fitting.view import View

Array = NDArray[np.float64]

ENOUGH = 120  # landmarks for a start
FRESH = 2  # steps that have a curvature of their own
SLOW = 0.5  # a step longer than this share of the one before asks for a new curvature
TURN = np.radians(0.5)  # noise is made anew when the head has turned by more
LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e6


@dataclass(frozen=True)
class Descent:
    """Where a descent ended."""

    state: State
    weights: Array  # (2M,) robust weights
    covariance: Array  # (7 + K, 7 + K)
    at_bound: NDArray[np.bool_]  # (7 + K,)
    iterations: int
    converged: bool


def settle(problem: Problem, view: View, code: Array) -> tuple[View, Array]:
    """One step on some of the landmarks, all noise taken as independent: a start, not an answer."""
    some = replace(problem, obs=problem.obs.at(_thinned(len(problem.obs.points))))
    noise = some.obs.noise(view).independent()
    here = _Here(some, State.at(some.obs, view, code, np.zeros(0)), noise, np.ones(len(noise.variance)))
    state = here.improved(here.curvature(), np.zeros(POSE + len(code), bool))[0]
    return state.view, state.code


def _thinned(count: int) -> NDArray[np.int64]:
    return np.arange(0, count, max(1, count // ENOUGH))


def descend(problem: Problem, view: View, code: Array, iterations: int, tolerance: float) -> Descent:
    """From ``view`` and ``code`` until they are expected to move by less than ``tolerance``.

    A tenth of a radian, head or logarithm counts as one standard deviation of a coefficient. The slope is
    exact at every step; the curvature, which only decides how fast the answer is reached, is made anew when
    it serves badly.
    """
    obs = problem.obs
    noise, noise_from = obs.noise(view), view
    state = State.at(obs, view, code, np.zeros(len(noise.factors)))
    residual, some = problem.residual(state), _thinned(len(obs.points))
    state = replace(state, shared=noise.at(some).shared(residual.reshape(-1, 2)[some].ravel()))
    here = _Here(problem, state, noise, noise.weights(residual - state.shared @ noise.factors))
    at_bound, curvature = np.zeros(POSE + len(code), bool), here.curvature()
    length, rate, settled, count = np.inf, 1.0, False, 0
    for count in range(1, iterations + 1):
        if 1 < count <= FRESH or (count > FRESH + 1 and rate > SLOW):
            curvature = here.curvature()
        state, curvature, at_bound, longest = here.improved(curvature, at_bound)
        rate, length = (longest / length if count > 1 else 1.0), longest
        if length * rate < tolerance:
            settled = True
            break
        if not alike(state.view, noise_from):
            noise, noise_from = obs.noise(state.view), state.view
        weights = noise.weights(problem.residual(state) - state.shared @ noise.factors)
        here = _Here(problem, state, noise, weights)
    return Descent(state, here.weights, curvature.covariance(), at_bound, count, settled)


def alike(one: View, other: View) -> bool:
    """Whether two views are from the same side of the head, but for a fraction of a degree."""
    return bool(np.abs(np.subtract(one.angles[:2], other.angles[:2])).max() < TURN)


@dataclass(frozen=True)
class _Here:
    """The energy around a state, under fixed weights, noise and frame."""

    problem: Problem
    state: State
    noise: Noise
    weights: Array  # (2M,)

    def left(self, state: State) -> Array:
        """The residual (2M,) without its shared part."""
        residual = self.problem.residual(state, self.state.view)
        return residual - state.shared @ self.noise.factors

    @cached_property
    def precision(self) -> Array:
        """(2M,) of what is left."""
        return self.weights / self.noise.variance

    @cached_property
    def slopes(self) -> Slopes:
        return self.problem.slopes(self.state)

    @cached_property
    def _undamped(self) -> Curvature:
        problem = self.problem
        return Curvature.of(self.slopes, problem.modes, self.noise, self.weights, problem.stiffness)

    def curvature(self, damping: float = 0.0) -> Curvature:
        return self._undamped.damped(damping) if damping else self._undamped

    def improved(
        self, curvature: Curvature, at_bound: NDArray[np.bool_]
    ) -> tuple[State, Curvature, NDArray[np.bool_], float]:
        """A state of less energy, the curvature and bounds it was found with, and the length of the step."""
        state, model = self.state, self.state.model
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
            moved = state.moved(x, z, self.problem.obs)
            trial = self.problem.energy(self.left(moved), self.precision, moved)
            if trial <= energy * (1 + 1e-12) or damping > MOST_DAMPING:
                return moved, curvature, at_bound, _length(x, state.view.scale)
            damping = max(10 * damping, LEAST_DAMPING)
            curvature = self.curvature(damping)


def _length(step: Array, scale: float) -> float:
    """The largest move of a coordinate."""
    tenth = 0.1 * np.array([1.0, 1.0, 1.0, scale, scale, 1.0, 1.0])
    return float(max(np.abs(step[:POSE] / tenth).max(), np.abs(step[POSE:]).max()))
