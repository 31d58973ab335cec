"""Several photos of one person: one identity, a view and an expression each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.landmark_fit import LandmarkFit, fit_landmarks
from facekit.fitting.problem import CodePrior, Observations

Array = NDArray[np.float64]

HELD = 1e8  # precision of a coefficient that is not to move


def pool_identities(fits: list[LandmarkFit], identity: slice) -> tuple[Array, Array]:
    """Mean (K_identity,) and covariance of the identity given all photos.

    Each fit is a Gaussian posterior under the prior N(0, I); the product of the likelihoods with one prior
    has precision Σ Λᵢ − (n − 1) I and information Σ Λᵢ μᵢ.
    """
    size = identity.stop - identity.start
    precision, information = -(len(fits) - 1.0) * np.eye(size), np.zeros(size)
    for fit in fits:
        own = np.linalg.inv(fit.covariance[identity, identity])
        precision += own
        information += own @ fit.code[identity]
    values, vectors = np.linalg.eigh(precision)
    covariance = (vectors / np.maximum(values, 1.0)) @ vectors.T  # data never make the prior wider
    return covariance @ information, covariance


def fit_shared(
    observations: list[Observations],
    focals: list[float],
    centres: list[Array],
    identity: slice,
    iterations: int = 30,
) -> list[LandmarkFit]:
    """Fit each photo, pool what they say of the identity, and fit view and expression again with that
    identity.
    """
    fits = [fit_landmarks(o, f, c, iterations) for o, f, c in zip(observations, focals, centres, strict=True)]
    mean, covariance = pool_identities(fits, identity)
    prior = CodePrior.standard(len(fits[0].code))
    prior.mean[identity], prior.precision[identity] = mean, HELD
    out = []
    for o, f, c in zip(observations, focals, centres, strict=True):
        fit = fit_landmarks(o, f, c, iterations, prior=prior)
        joint = fit.covariance.copy()
        joint[identity, :] = joint[:, identity] = 0.0
        joint[identity, identity] = covariance
        out.append(replace(fit, covariance=joint))
    return out
