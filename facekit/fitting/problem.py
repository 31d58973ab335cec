"""What a landmark fit minimises: predictions and their slopes, noise and priors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.landmark_model import LandmarkModel
from facekit.fitting.noise import Noise
from facekit.fitting.view import View, align

Array = NDArray[np.float64]

LOG_FOCAL_SPREAD = 0.45  # wide: 95 % between 11.5° and 63°
POSE = 7  # numbers of a view


@dataclass(frozen=True)
class Observations:
    """Landmarks that are seen, and what the detector makes of a face.

    ``model`` is the linear model of the detector's own points and ``noise`` how far they scatter; both may
    depend on the view, so they are functions of it.
    """

    points: Array  # (M, 2) px
    model: Callable[[View], LandmarkModel]  # of the M landmarks; only its mean depends on the view
    noise: Callable[[View], Noise]  # (2M,) in metres: pixels over View.scale, head upright
    drift: Callable[[View], Array] | None = None  # (M, 3, 2) slope of the mean by yaw and pitch, m per radian

    held: Callable[[View], Observations] | None = None  # with what slides over the head as it is in a view

    def at(self, index: NDArray[np.integer]) -> Observations:
        """Those of the landmarks ``index`` alone."""
        drift, modes = self.drift, self.model(View.frontal()).at(index)
        return Observations(
            self.points[index],
            lambda view: replace(modes, mean=self.model(view).mean[index]),
            lambda view: self.noise(view).at(index),
            None if drift is None else lambda view: drift(view)[index],
        )


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
class State:
    """Where the descent is."""

    view: View
    code: Array  # (K,)
    model: LandmarkModel  # as the detector sees the head in this view
    deformed: Array  # (M, 3) m, modes · code, kept because it is wanted several times
    shared: Array  # (Q,) standard deviations, the errors that landmarks share

    @staticmethod
    def at(obs: Observations, view: View, code: Array, shared: Array) -> State:
        """For a view and a code."""
        model = obs.model(view)
        return State(view, code, model, model.deformation(code), shared)

    @property
    def points(self) -> Array:
        """The landmarks (M, 3)."""
        points: Array = self.model.mean + self.deformed
        return points

    def moved(self, step: Array, shared: Array, obs: Observations) -> State:
        """After steps of view and code (7 + K,), which stays inside its bounds, and of the shared errors."""
        code = np.clip(self.code + step[POSE:], self.model.lower, self.model.upper)
        return State.at(obs, self.view.moved(step[:POSE]), code, self.shared + shared)


@dataclass(frozen=True)
class Slopes:
    """Derivatives of the predictions in metres, head upright."""

    pose: Array  # (M, 2, 7)
    local: Array  # (M, 2, 3) by the point in the head frame

    @staticmethod
    def at(state: State, drift: Array | None = None) -> Slopes:
        """In a state; ``drift`` (M, 3, 2) says how the points slide over the head as it turns."""
        pose, local = state.view.jacobian(state.points)
        if drift is not None:
            sliding = drift.reshape(-1, 2) @ state.view.turning()
            pose += local @ sliding.reshape(-1, 3, POSE)
        roll, scale = state.view.angles[2], state.view.scale
        return Slopes(_upright(pose, roll) / scale, _upright(local, roll) / scale)

    def fill_jacobian(self, modes: NDArray[np.float32], scale: Array, out: NDArray[np.float32]) -> None:
        """scale (2M,) times the Jacobian into ``out`` (2M, 7 + K), for points with ``modes`` (M, 3, K)."""
        by_landmark = out.reshape(len(modes), 2, -1)
        rows = scale.reshape(-1, 2, 1)
        np.multiply(self.pose, rows, out=by_landmark[:, :, :POSE], casting="same_kind")
        np.matmul((self.local * rows).astype(np.float32), modes, out=by_landmark[:, :, POSE:])

    def pull(self, model: LandmarkModel, force: Array) -> Array:
        """jacobianᵀ force (7 + K,) for a force (2M,), without the Jacobian."""
        at_points = (force.reshape(-1, 1, 2) @ self.local)[:, 0]
        return np.r_[force @ self.pose.reshape(-1, POSE), model.pull(at_points)]


def _upright(slopes: Array, roll: float) -> Array:
    """Slopes (M, 2, P) of picture coordinates, turned by ``-roll``."""
    c, s = np.cos(roll), np.sin(roll)
    out = np.zeros_like(slopes)
    out[:, 0] = c * slopes[:, 0] + s * slopes[:, 1]
    out[:, 1] = c * slopes[:, 1] - s * slopes[:, 0]
    return out


@dataclass(frozen=True)
class Problem:
    """What is to be explained, and what is believed beforehand."""

    obs: Observations
    focal: float  # px
    prior: CodePrior

    @cached_property
    def modes(self) -> NDArray[np.float32]:
        """(M, 3, K) of the landmarks, the same in all views."""
        return self.obs.model(View.frontal()).modes.astype(np.float32)

    def residual(self, state: State, frame: View | None = None) -> Array:
        """Observed minus predicted (2M,), metres, head upright.

        ``frame`` is the view whose scale and roll turn pixels into metres, by default that of the state;
        steps are compared in one frame, or a larger head would seem a smaller error.
        """
        view = state.view if frame is None else frame
        gap = self.obs.points - state.view.project(state.points)
        return (align(gap, view.angles[2]) / view.scale).ravel()

    def slopes(self, state: State) -> Slopes:
        """Of the predictions."""
        return Slopes.at(state, None if self.obs.drift is None else self.obs.drift(state.view))

    @property
    def stiffness(self) -> Array:
        """(7 + K,) second derivative of the prior terms."""
        return np.r_[np.zeros(POSE - 1), LOG_FOCAL_SPREAD**-2, self.prior.precision]

    def pull(self, state: State) -> Array:
        """(7 + K,) downhill slope of the prior terms."""
        gap = np.r_[np.zeros(POSE - 1), np.log(self.focal / state.view.focal), self.prior.mean - state.code]
        return self.stiffness * gap

    def energy(self, left: Array, precision: Array, state: State) -> float:
        """Twice the negative logarithm of the posterior; what is ``left`` and its ``precision`` are (2M,)."""
        bend = np.log(state.view.focal / self.focal) / LOG_FOCAL_SPREAD
        gap = state.code - self.prior.mean
        energy = left @ (precision * left) + state.shared @ state.shared + gap @ (self.prior.precision * gap)
        return float(energy + bend**2)
