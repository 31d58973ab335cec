"""How far the visible part of a fit can be trusted, by the fit's own covariance."""

from __future__ import annotations

import numpy as np

from facekit.morphable.model import FaceModel
from facekit.records import Fit, FloatArray


def equivalent_noise(fit: Fit, model: FaceModel, sight: FloatArray) -> float:
    """Deviation, m, of independent noise on the visible vertices that tells as little of a face as the fit
    does; 0 where the fit says nothing of its errors in this model.

    A fit to pixels errs by about a millimetre, but neighbours err together, so that its thousands of vertices
    are worth a few tens. Errors of covariance S over the visible coordinates are met by noise of variance
    tr(S S) / tr(S), the mean of S's variances weighted by themselves. Position, turn and size of the whole
    do not count. sight (V,) weights from 0 to 1 of the vertices as evidence.
    """
    covariance = np.asarray(fit.covariance, np.float64)
    seen = np.flatnonzero(sight > 0)
    if fit.model_sha256 != model.digest or covariance.shape != (model.size, model.size) or not len(seen):
        return 0.0
    weight = sight[seen][:, None]
    modes = (model.basis[:, seen] * weight).reshape(model.size, -1).astype(np.float64)
    whole = _similarities(np.asarray(fit.vertices[seen], np.float64), weight)
    modes = modes - (modes @ whole) @ whole.T
    errors = covariance @ (modes @ modes.T)
    total = float(np.trace(errors))
    return max(float(np.trace(errors @ errors)) / total, 0.0) ** 0.5 if total > 0 else 0.0


def _similarities(points: FloatArray, weight: FloatArray) -> FloatArray:
    """Orthonormal (3 N, 7): how points (N, 3) with weights (N, 1) move when all of them shift, turn, grow."""
    away = points - points.mean(axis=0)
    axes = np.eye(3)
    moves = [
        away,
        *(np.broadcast_to(axis, away.shape) for axis in axes),
        *(np.cross(axis, away) for axis in axes),
    ]
    return np.linalg.qr(np.stack([(move * weight).ravel() for move in moves], axis=1))[0]
