"""What a landmark detector makes of a face: where its points lie on the model, how it flattens people, how it
scatters.

A detector does not return model vertices. Its points sit elsewhere on the surface, slide with the angle, are
pulled towards the detector's own average face, and err together. All of that is linear enough to be learned
from photos of known geometry:

    detection = project(mean + offset(yaw, pitch) + code · (basis + change)) + scatter,   scatter ~ N(0,
    Σ(yaw, pitch))

with scatter in metres at the head's depth, in the upright picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.landmark_model import LandmarkModel
from facekit.fitting.noise import Noise
from facekit.fitting.view import View

Array = NDArray[np.float64]

OFFSET_TERMS = 6
STEEPEST = np.radians(50.0)  # polynomials of the angles are held beyond this


def angle_terms(yaw: Array | float, pitch: Array | float) -> Array:
    """(..., 6): 1, yaw, pitch, yaw², yaw·pitch, pitch², radians, held constant beyond 50 degrees."""
    y = np.clip(np.asarray(yaw, np.float64), -STEEPEST, STEEPEST)
    p = np.clip(np.asarray(pitch, np.float64), -STEEPEST, STEEPEST)
    return np.stack([np.ones_like(y), y, p, y * y, y * p, p * p], axis=-1)


def angle_slopes(yaw: float, pitch: float) -> Array:
    """(6, 2) derivatives of ``angle_terms`` by yaw and pitch."""
    y, p = np.clip([yaw, pitch], -STEEPEST, STEEPEST)
    by_yaw = np.array([0.0, 1.0, 0.0, 2 * y, p, 0.0]) * (abs(yaw) < STEEPEST)
    by_pitch = np.array([0.0, 0.0, 1.0, 0.0, y, 2 * p]) * (abs(pitch) < STEEPEST)
    return np.stack([by_yaw, by_pitch], axis=1)


@dataclass(frozen=True)
class Seen:
    """The detector's points of one photo, as they would lie in any view."""

    modes: LandmarkModel  # without offsets
    offset: Array  # (6, M, 3) m, polynomial of the angles

    def model(self, view: View) -> LandmarkModel:
        """With the offsets they have in ``view``."""
        return replace(self.modes, mean=self.modes.mean + self._sum(angle_terms(*view.angles[:2])))

    def drift(self, view: View) -> Array:
        """(M, 3, 2) m per radian of yaw and pitch, how they slide over the head as it turns."""
        slopes = angle_slopes(*view.angles[:2])
        return np.stack([self._sum(slopes[:, 0]), self._sum(slopes[:, 1])], axis=2)

    def _sum(self, terms: Array) -> Array:
        return (terms @ self.offset.reshape(OFFSET_TERMS, -1)).reshape(-1, 3)


@dataclass(frozen=True)
class Scatter:
    """Covariance of the detector's errors: spread × (unique + factorsᵀ factors) × spread."""

    log_spread: Array  # (6, 2L) polynomial of the angles; natural log of metres
    unique: Array  # (2L,) share of the variance that belongs to one coordinate alone
    factors: Array  # (Q, 2L) what coordinates share, in units of spread

    def at(self, index: NDArray[np.integer]) -> Scatter:
        """That of the landmarks ``index`` (M,) alone."""
        rows = (2 * np.asarray(index)[:, None] + np.arange(2)).ravel()
        factors = np.take(self._by_row, rows, axis=0).T
        return Scatter(self.log_spread[:, rows], self.unique[rows], factors)

    def noise(self, view: View, scale: float = 1.0) -> Noise:
        """The noise of all landmarks seen in ``view``; ``scale`` multiplies the standard deviations."""
        yaw, pitch, _ = view.angles
        spread = scale * np.exp(angle_terms(yaw, pitch) @ self.log_spread)
        return Noise(self.unique * spread**2, self.factors * spread)

    @cached_property
    def _by_row(self) -> Array:
        """The factors (2L, Q) in the order in which the fit reads them."""
        return np.ascontiguousarray(self.factors.T)


@dataclass(frozen=True)
class DetectorStatistics:
    """The learned detector of one scheme on one face model."""

    offset: Array  # (6, L, 3) m, polynomial of the angles, head frame
    change: Array  # (K, L, 3) m per standard deviation
    clean: Scatter
    occluded: Scatter  # of the points that are still seen when something hides others

    def seen(self, landmarks: LandmarkModel, index: NDArray[np.integer]) -> Seen:
        """The detector's points ``index`` (M,) on a face model's ``landmarks`` (L)."""
        rows = landmarks.at(index)
        modes = rows.modes + self._change_by_point[index]
        return Seen(replace(rows, modes=modes), self.offset[:, index])

    @cached_property
    def _change_by_point(self) -> Array:
        """The change (L, 3, K) in the order in which the fit reads it."""
        return np.ascontiguousarray(self.change.transpose(1, 2, 0))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as named float32 and float16 arrays, to be stored."""
        out: dict[str, NDArray[Any]] = {
            "offset": self.offset.astype(np.float32),
            "change": self.change.astype(np.float16),
        }
        for name, scatter in (("clean", self.clean), ("occluded", self.occluded)):
            out[f"{name}.log_spread"] = scatter.log_spread.astype(np.float32)
            out[f"{name}.unique"] = scatter.unique.astype(np.float32)
            out[f"{name}.factors"] = scatter.factors.astype(np.float16)
        return out

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> DetectorStatistics:
        """The inverse of ``arrays``."""
        a = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
        scatters = [
            Scatter(a[f"{name}.log_spread"], a[f"{name}.unique"], a[f"{name}.factors"])
            for name in ("clean", "occluded")
        ]
        return DetectorStatistics(a["offset"], a["change"], *scatters)


PROBE = 20  # every so many landmarks


def probe(landmarks: LandmarkModel) -> NDArray[np.float16]:
    """A few landmarks' modes (P, 3, K) in millimetres, by which statistics know the model they were learned
    on.
    """
    return (1e3 * landmarks.modes[::PROBE]).astype(np.float16)


def fits(stored: NDArray[Any], landmarks: LandmarkModel) -> bool:
    """Whether statistics with the probe ``stored`` belong to these modes; small rebuilds of a model may
    differ.
    """
    known, here = np.asarray(stored, np.float64), probe(landmarks).astype(np.float64)
    return known.shape == here.shape and bool(np.abs(known - here).mean() < 0.05 * np.abs(known).mean())
