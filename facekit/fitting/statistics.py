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
SPREAD_TERMS = 6
STEEPEST = np.radians(50.0)  # polynomials of the angles are held beyond this


def angle_terms(yaw: Array | float, pitch: Array | float) -> Array:
    """(..., 6): 1, yaw, pitch, yaw², yaw·pitch, pitch², radians, held constant beyond 50 degrees."""
    y = np.clip(np.asarray(yaw, np.float64), -STEEPEST, STEEPEST)
    p = np.clip(np.asarray(pitch, np.float64), -STEEPEST, STEEPEST)
    return np.stack([np.ones_like(y), y, p, y * y, y * p, p * p], axis=-1)


@dataclass(frozen=True)
class Scatter:
    """Covariance of the detector's errors: spread × (unique + factorsᵀ factors) × spread."""

    log_spread: Array  # (6, 2L) polynomial of the angles; natural log of metres
    unique: Array  # (2L,) share of the variance that belongs to one coordinate alone
    factors: Array  # (Q, 2L) what coordinates share, in units of spread

    def noise(self, view: View, index: NDArray[np.integer], scale: float = 1.0) -> Noise:
        """The noise of landmarks ``index`` (M,) seen in ``view``; ``scale`` multiplies the standard
        deviations.
        """
        yaw, pitch, _ = view.angles
        rows = (2 * np.asarray(index)[:, None] + np.arange(2)).ravel()
        spread = scale * np.exp(angle_terms(yaw, pitch) @ self.log_spread[:, rows])
        factors = np.take(self._by_row, rows, axis=0) * spread[:, None]
        return Noise(self.unique[rows] * spread**2, factors.T)

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

    def modes(self, landmarks: LandmarkModel, index: NDArray[np.integer]) -> LandmarkModel:
        """The linear model of the detector's points ``index`` (M,), without the offset, which depends on the
        view.
        """
        rows = landmarks.at(index)
        return replace(rows, modes=rows.modes + self.change[:, index].transpose(1, 2, 0))

    def shifted(self, modes: LandmarkModel, view: View, index: NDArray[np.integer]) -> LandmarkModel:
        """``modes`` with the offsets that the points ``index`` (M,) have in ``view``."""
        yaw, pitch, _ = view.angles
        terms = angle_terms(yaw, pitch)
        return replace(modes, mean=modes.mean + np.tensordot(terms, self.offset[:, index], 1))

    def model(self, landmarks: LandmarkModel, view: View, index: NDArray[np.integer]) -> LandmarkModel:
        """The linear model of the detector's points ``index`` (M,) when the head is seen as in ``view``."""
        return self.shifted(self.modes(landmarks, index), view, index)

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
