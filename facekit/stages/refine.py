"""refine: what a fit once more, to the picture completed with it, is made of (3DFaceFill, iterative
refinement).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facekit.detection.points import longer_side
from facekit.records import Ensemble, Fit, Landmarks

GUESS = 0.06  # of the face's longer side: a landmark that was seen in what the completion drew


def alone(fit: Fit) -> Ensemble:
    """The fit's own shape as an ensemble of one, to be pictured."""
    return Ensemble(
        model=fit.model,
        model_sha256=fit.model_sha256,
        method="fit",
        codes=np.zeros((1, 1), np.float32),
        vertices=fit.vertices[None],
        faces=fit.faces,
        landmarks68=fit.landmarks68[None],
        hidden=~fit.visible,
        quality=np.ones(1, np.float32),
        stats="{}",
    )


def half_believed(landmarks: Landmarks) -> Landmarks:
    """Landmarks found on a completed picture: hidden ones count a little, with a deviation of ``GUESS``."""
    guess = np.float32(GUESS * longer_side(landmarks.box))
    sigma = np.where(landmarks.hidden, np.minimum(landmarks.sigma, guess), landmarks.sigma)
    return replace(landmarks, hidden=np.zeros_like(landmarks.hidden), sigma=sigma)
