"""The photometric step of Algorithm 1 (Diverse3DFace): pose, shape, light and albedo together by Eq. 12.

Gauss–Newton on the visible skin pixels of a small picture of the face. What the landmarks and the patch
experts said comes in as the Gaussian posterior of their fit, so that nothing learned from them is lost; light
and albedo have their priors. Eq. 12's L1 norm becomes Student noise on bands of detail, whose spreads and
weights were measured on synthetic photos: where the model cannot explain the pixels they hardly count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.appearance import AMBIENT, fit_appearance, light_precision
from facekit.fitting.bands import Bands
from facekit.fitting.boxed import Convex
from facekit.fitting.landmark_fit import LandmarkFit
from facekit.fitting.problem import POSE
from facekit.fitting.rendering import LIGHT, Comparison, Look, Picture
from facekit.fitting.skin_pixels import grid_pixels, skin_grid
from facekit.fitting.surface import Surface
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray

Array = NDArray[np.float64]

SIDE = 96  # px, the face
SPREAD = (0.0075, 0.0085, 0.010, 0.010, 0.012)  # sRGB, least of the bands, fine to coarse
WEIGHT = (0.02, 0.05, 0.1, 0.2, 0.3)  # share of the pixels of a band that count as independent
STUDENT = 3.0  # degrees of freedom of the three channels of a pixel
MEDIAN = 0.888  # of the length of three normal numbers, over root 3
STEPS = 4
HALVINGS = 3


@dataclass(frozen=True)
class Problem:
    """What is compared, and what is believed beforehand."""

    picture: Picture
    surface: Surface
    bands: Bands
    start: Look
    precision: Array  # (P, P) of what is believed, around ``expected``
    expected: Array  # (P,) minus the start
    spread: Array  # (B,) sRGB, of the bands

    def believed(self, offset: Array) -> Array:
        """Downhill slope (P,) of the prior terms at an offset (P,) from the start."""
        out: Array = self.precision @ (self.expected - offset)
        return out

    def energy(self, comparison: Comparison, offset: Array) -> float:
        """Twice the negative logarithm of the posterior."""
        gap = offset - self.expected
        total = gap @ self.precision @ gap
        for residual, spread, weight in zip(
            self._split(comparison.residual), self.spread, WEIGHT, strict=True
        ):
            square = (residual**2).sum(1) / spread**2
            total += weight * (STUDENT + 3) * np.log1p(square / STUDENT).sum()
        return float(total)

    def normal_equations(self, comparison: Comparison, look: Look) -> tuple[Array, Array]:
        """Curvature (P, P) and downhill slope (P,) of the pixels alone."""
        jacobian = comparison.jacobian(self.surface, look)
        size = jacobian.shape[2]
        parts = self.bands.split(jacobian.reshape(len(jacobian), -1))
        curvature, pull = np.zeros((size, size)), np.zeros(size)
        residuals = self._split(comparison.residual)
        for part, residual, spread, weight in zip(parts, residuals, self.spread, WEIGHT, strict=True):
            square = (residual**2).sum(1, keepdims=True) / spread**2
            root = np.sqrt(weight * (STUDENT + 3) / (STUDENT + square)) / spread
            rows = (part.reshape(-1, 3, size) * root[:, :, None]).reshape(-1, size)
            curvature += rows.T @ rows
            pull -= (root * residual).ravel() @ rows
        return curvature, pull

    def _split(self, residual: Array) -> list[NDArray[np.float32]]:
        return self.bands.split(residual.astype(np.float32))


def refine(
    photo: ByteArray, hidden: BoolArray | None, model: FaceModel, fit: LandmarkFit, steps: int = STEPS
) -> LandmarkFit | None:
    """The fit after the photometric step; None where too little skin is seen or the model has no albedo.

    photo (H, W, 3) uint8 sRGB; hidden (H, W) bool, True = never looked at. Codes stay in their bounds.
    """
    problem = _problem(photo, hidden, model, fit)
    if problem is None:
        return None
    k = POSE + len(fit.code)
    look, offset = problem.start, np.zeros(len(problem.expected))
    comparison = Comparison.of(problem.picture, problem.surface, look)
    energy, bound = problem.energy(comparison, offset), np.zeros(len(offset), bool)
    curvature = problem.precision
    for _ in range(steps):
        pixels, pull = problem.normal_equations(comparison, look)
        curvature = problem.precision + pixels
        lower, upper = np.full(len(offset), -np.inf), np.full(len(offset), np.inf)
        lower[POSE:k], upper[POSE:k] = model.lower - look.code, model.upper - look.code
        step, bound = Convex.of(curvature).minimum(pull + problem.believed(offset), lower, upper, bound)
        for _ in range(HALVINGS):
            trial = look.moved(step)
            compared = Comparison.of(problem.picture, problem.surface, trial)
            value = problem.energy(compared, offset + step)
            if value < energy:
                break
            step = step / 2
        else:
            break
        look, offset, comparison, energy = trial, offset + step, compared, value
    joint = Convex.of(curvature).inverse[:k, :k]
    return replace(fit, view=look.view, code=look.code, covariance=joint[POSE:, POSE:], joint=joint)


def widened(fit: LandmarkFit, size: int) -> LandmarkFit:
    """The fit as one of a model of ``size`` modes, its own first, the rest at their prior."""
    if fit.joint is None or size == len(fit.code):
        return fit
    known, own = POSE + len(fit.code), len(fit.code)
    joint, covariance = np.eye(POSE + size), np.eye(size)
    joint[:known, :known], covariance[:own, :own] = fit.joint, fit.covariance
    code = np.r_[fit.code, np.zeros(size - own)]
    return replace(fit, code=code, joint=joint, covariance=covariance)


def _problem(
    photo: ByteArray, hidden: BoolArray | None, model: FaceModel, fit: LandmarkFit
) -> Problem | None:
    if fit.joint is None:
        return None
    camera = fit.view.camera(np.array(photo.shape[1::-1], np.int32))
    vertices = model.instance(fit.code)
    grid = skin_grid(photo, hidden, model, vertices, camera, SIDE)
    if grid is None:
        return None
    first = fit_appearance(grid_pixels(grid, vertices, model))
    look = Look(fit.view, fit.code, first.sh, first.code)
    k = POSE + len(fit.code)
    precision = np.zeros((k + LIGHT + len(first.code),) * 2)
    precision[:k, :k] = np.linalg.inv(fit.joint)
    precision[k : k + LIGHT, k : k + LIGHT] = light_precision()
    precision[k + LIGHT :, k + LIGHT :] = np.eye(len(first.code))
    ambient = np.zeros((9, 3))
    ambient[0] = AMBIENT
    expected = np.r_[np.zeros(k), (ambient - first.sh).ravel(), -first.code]
    surface, picture = Surface.of(model, grid, fit.code), Picture.of(grid, camera)
    bands = Bands.of(grid.seen, len(SPREAD))
    residual = Comparison.of(picture, surface, look).residual
    return Problem(picture, surface, bands, look, precision, expected, _spread(bands, residual))


def _spread(bands: Bands, residual: Array) -> Array:
    """(B,) of the bands, by the median of what the start leaves unexplained, but no less than usual.

    A photo that the model explains badly, by its light or its skin, has less say.
    """
    found = [np.sqrt((part**2).mean(1)) for part in bands.split(residual.astype(np.float32))]
    return np.array([max(least, np.median(f) / MEDIAN) for least, f in zip(SPREAD, found, strict=True)])
