"""What a landmark fit minimises: predictions and their slopes, noise and priors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
class State:
    """Where the descent is."""

    view: View
    code: Array  # (K,)
    deformed: Array  # (M, 3) m, modes · code, kept because it is wanted several times
    shared: Array  # (Q,) standard deviations, the errors that landmarks share

    def points(self, model: LandmarkModel) -> Array:
        """The landmarks (M, 3); ``model`` may have another mean than when the state was made, not other
        modes.
        """
        points: Array = model.mean + self.deformed
        return points

    def moved(self, step: Array, shared: Array, model: LandmarkModel) -> State:
        """After steps of view and code (7 + K,), which stays inside its bounds, and of the shared errors."""
        code = np.clip(self.code + step[POSE:], model.lower, model.upper)
        return State(self.view.moved(step[:POSE]), code, model.deformation(code), self.shared + shared)


@dataclass(frozen=True)
class Slopes:
    """Derivatives of the predictions in metres, head upright."""

    pose: Array  # (M, 2, 7)
    local: Array  # (M, 2, 3) by the point in the head frame

    @staticmethod
    def at(state: State, model: LandmarkModel) -> Slopes:
        """In a state."""
        pose, local = state.view.jacobian(state.points(model))
        roll = state.view.angles[2]
        turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]]) / state.view.scale
        return Slopes(turn @ pose, turn @ local)

    def jacobian(self, model: LandmarkModel) -> Array:
        """(2M, 7 + K), built at every call."""
        out = np.zeros((*self.pose.shape[:2], POSE + model.size))
        out[:, :, :POSE] = self.pose
        np.matmul(self.local, model.modes, out=out[:, :, POSE:])
        return out.reshape(-1, POSE + model.size)

    def pull(self, model: LandmarkModel, force: Array) -> Array:
        """jacobianᵀ force (7 + K,) for a force (2M,), without the Jacobian."""
        force = force.reshape(-1, 2)
        at_points = np.einsum("mik,mi->mk", self.local, force)
        return np.r_[np.einsum("mip,mi->p", self.pose, force), model.pull(at_points)]


@dataclass(frozen=True)
class Problem:
    """What is to be explained, and what is believed beforehand."""

    obs: Observations
    focal: float  # px
    prior: CodePrior

    def residual(self, model: LandmarkModel, state: State, frame: View | None = None) -> Array:
        """Observed minus predicted (2M,), metres, head upright.

        ``frame`` is the view whose scale and roll turn pixels into metres, by default that of the state;
        steps are compared in one frame, or a larger head would seem a smaller error.
        """
        view = state.view if frame is None else frame
        gap = self.obs.points - state.view.project(state.points(model))
        return (align(gap, view.angles[2]) / view.scale).ravel()

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
