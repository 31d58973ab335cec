"""The posterior of a linear face model given the visible vertices of a fit, as a way to complete faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from facekit.completion.evidence import evidence
from facekit.completion.limits import HalfSpaces, both, bounds, no_crossing
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import MIRROR
from facekit.records import Fit, FloatArray

if TYPE_CHECKING:
    import torch

TOLERANCE = 1.5e-3  # m, noise with which the fit's visible vertices count as seen
EFFECTIVE_SHARE = 0.98  # of the hidden variance, that the latents in the quality term carry
ASYMMETRY = (
    0.4  # standard deviation of the lopsided part of an expression, in standard deviations of the model
)
# Photographed faces smile, speak and open the mouth; they hardly ever roll the lips in or push the jaw aside.
# Standard deviation of such expressions, in standard deviations of the model, by the start of the ARKit name.
RARE = {
    "cheekPuff": 0.3,
    "jawForward": 0.4,
    "jawLeft": 0.4,
    "jawRight": 0.4,
    "mouthFrown": 0.4,
    "mouthFunnel": 0.4,
    "mouthLeft": 0.4,
    "mouthLowerDown": 0.6,
    "mouthPress": 0.5,
    "mouthPucker": 0.5,
    "mouthRight": 0.4,
    "mouthRoll": 0.4,
    "mouthShrug": 0.4,
    "mouthStretch": 0.5,
    "mouthUpperUp": 0.6,
    "noseSneer": 0.5,
}
NEAR, FAR = 3e-4, 2e-3  # m, how closely another model's code follows a fit where it was seen and elsewhere


@dataclass(frozen=True)
class LinearPosterior:
    """The posterior of a linear face model given the visible vertices of a fit, as a method.

    A shape is the fit plus the displacement of z @ lift; z = 0 is the fit itself. The latents are whitened by
    the posterior, so directions that would move the visible part move it little, and rotated so that the
    hidden part moves by ``spread`` along each, most along the first: distances over the hidden part are
    distances of z * spread.
    """

    model: FaceModel
    vertices: FloatArray  # (V, 3) float64, m, the fit
    centre: FloatArray  # (K,) code of the fit
    lift: FloatArray  # (K, K) codes = centre + z @ lift
    spread: FloatArray  # (K,) m, root of the sum of squares over the weighted hidden vertices, falling
    visible_gram: FloatArray  # (K, K) mm2, z @ gram @ z is the mean squared motion of what is seen
    limits: HalfSpaces
    dimension: int

    def tangent(self) -> LinearPosterior:
        """Itself: it is linear."""
        return self

    def start(self, n: int, generator: torch.Generator) -> FloatArray:
        """Posterior samples brought into the bounds; the first is the fit."""
        import torch

        z = torch.randn(n, len(self.lift), generator=generator, dtype=torch.float64).numpy().copy()
        z[0] = 0
        return self.limits.project(z)

    def decode(self, z: FloatArray) -> FloatArray:
        """fit + displacement."""
        return self.vertices + ((z @ self.lift) @ self.model.matrix).reshape(len(z), *self.vertices.shape)

    def raw(self, z: FloatArray) -> FloatArray:
        """As ``decode``: nothing needs mending."""
        return self.decode(z)

    def pullback(self, z: FloatArray, by_raw: FloatArray, by_hidden: FloatArray | None = None) -> FloatArray:
        """Through the modes."""
        gradient = (by_raw.reshape(len(z), -1) @ self.model.matrix.T) @ self.lift.T
        return gradient if by_hidden is None else gradient + self.hidden_pullback(by_hidden, z)

    def hidden(self, z: FloatArray) -> FloatArray:
        """z * spread."""
        return z * self.spread

    def hidden_pullback(self, gradient: FloatArray, z: FloatArray) -> FloatArray:
        """gradient * spread."""
        return gradient * self.spread

    def stray(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """z @ visible_gram @ z."""
        slope = z @ self.visible_gram
        return np.sum(slope * z, axis=1), 2.0 * slope

    def energy(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Squared length of the deciding coordinates."""
        slope = np.zeros_like(z)
        slope[:, : self.dimension] = 2 * z[:, : self.dimension]
        return np.sum(z[:, : self.dimension] ** 2, axis=1), slope

    def allowed(self, z: FloatArray, reach: float) -> FloatArray:
        """Each coordinate within ``reach``, then inside the half-spaces."""
        return self.limits.project(np.clip(z, -reach, reach), sweeps=2)

    def settled(self, z: FloatArray, reach: float) -> FloatArray:
        """As they are: ``allowed`` keeps every limit already."""
        return z

    def mahalanobis(self, z: FloatArray) -> FloatArray:
        """Length of the codes over the root of their number."""
        return np.linalg.norm(self.codes(z), axis=1) / np.sqrt(self.model.size)

    def codes(self, z: FloatArray) -> FloatArray:
        """Codes of the face model."""
        return self.centre + z @ self.lift


def linear_posterior(
    fit: Fit, model: FaceModel, hidden: FloatArray, tolerance: float = TOLERANCE
) -> LinearPosterior:
    """The posterior of ``model`` given a fit's visible vertices, each seen with noise ``tolerance`` m
    over its weight as evidence.

    The prior is the fit's own covariance where the fit was made with this model, else N(0, I). hidden (V,)
    weights from 0 to 1 say which vertices the latents are ordered by.
    """
    vertices = np.asarray(fit.vertices, np.float64)
    sight = evidence(fit.visible, model)
    always = _always(model)
    seen, watched = _Part(always, sight), _Part(always, np.sqrt(hidden))
    prior = np.eye(model.size)
    if fit.model_sha256 == model.digest:
        centre, prior = model.join(fit.code), _prior_precision(fit.covariance, model.size)
    else:
        centre = model.clip(_nearest_code(seen, watched, vertices - model.mean))
    factor = np.linalg.cholesky(prior + always.habits + seen.gram / tolerance**2)
    lift = solve_triangular(factor, np.eye(model.size), lower=True)
    variance, rotation = np.linalg.eigh(lift @ watched.gram @ lift.T)
    variance, lift = np.maximum(variance[::-1], 0), rotation.T[::-1].copy() @ lift
    share = np.cumsum(variance) / max(variance.sum(), 1e-30)
    return LinearPosterior(
        model=model,
        vertices=vertices,
        centre=centre,
        lift=lift,
        spread=np.sqrt(variance),
        visible_gram=1e6 / max(float(sight @ sight), 1.0) * lift @ seen.gram @ lift.T,
        limits=both(bounds(model.lower, model.upper, centre, lift), no_crossing(model, vertices, lift)),
        dimension=int(np.searchsorted(share, EFFECTIVE_SHARE)) + 1,
    )


def symmetry_precision(model: FaceModel) -> FloatArray:
    """Precision (K, K) that keeps expressions from being lopsided: left and right mostly act together.

    The model's own prior takes the modes for independent; faces drawn from it wink and smirk. Zero for a
    model without expressions or without mirror partners.
    """
    precision = np.zeros((model.size, model.size))
    expression, partner = model.block("expression"), model.topology.mirror
    if not expression.size or (partner < 0).any():
        return precision
    some = np.arange(0, len(partner), 4)  # a quarter of the vertices shows which modes are partners
    modes = model.basis[expression.slice].astype(np.float64)
    mirrored = (modes[:, partner[some]] * MIRROR).reshape(expression.size, -1)
    flat = modes[:, some].reshape(expression.size, -1)
    reflect = np.linalg.lstsq(flat @ flat.T, flat @ mirrored.T, rcond=1e-9)[0].T
    lopsided = (np.eye(expression.size) - reflect) / 2
    precision[expression.slice, expression.slice] = lopsided @ lopsided.T / ASYMMETRY**2
    return precision


def rarity_precision(model: FaceModel) -> FloatArray:
    """Precision (K, K), diagonal, that is to be added to N(0, I) so that RARE expressions are rare."""
    extra, expression = np.zeros(model.size), model.block("expression")
    if expression.size == len(model.expression_names):
        for k, name in enumerate(model.expression_names):
            spread = next((s for prefix, s in RARE.items() if name.startswith(prefix)), 1.0)
            extra[expression.start + k] = 1 / spread**2 - 1
    return np.diag(extra)


def _prior_precision(covariance: FloatArray, size: int) -> FloatArray:
    """Inverse of the fit's covariance; the identity where the record has none that is usable."""
    covariance = np.asarray(covariance, np.float64)
    if covariance.shape != (size, size) or not np.isfinite(covariance).all() or not covariance.any():
        return np.eye(size)
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return (vectors / np.clip(values, 1e-6, 1.0)) @ vectors.T


@dataclass(frozen=True)
class _Always:
    """What is the same for every fit of a model."""

    modes: FloatArray  # (V, 3, K) float64, contiguous: some vertices of them are quickly at hand
    habits: FloatArray  # (K, K) precision of how people use their faces


_always_of: dict[object, _Always] = {}  # by what it is made of


def _always(model: FaceModel) -> _Always:
    key = model.digest, tuple(model.blocks), tuple(model.expression_names)
    if key not in _always_of:
        modes = np.ascontiguousarray(model.basis.transpose(1, 2, 0), dtype=np.float64)
        _always_of[key] = _Always(modes, symmetry_precision(model) + rarity_precision(model))
    return _always_of[key]


class _Part:
    """The modes over some weighted vertices, and their gram (K, K) m2."""

    def __init__(self, always: _Always, weight: FloatArray) -> None:
        self._inside = np.flatnonzero(weight > 0)
        self._weight = weight[self._inside, None]
        self._modes = always.modes[self._inside]
        self._modes *= self._weight[:, None]
        self._modes = self._modes.reshape(-1, self._modes.shape[2])
        self.gram = self._modes.T @ self._modes

    def along(self, offset: FloatArray) -> FloatArray:
        """(K,) m2, how far the modes go along the offset (V, 3) of a shape from the mean."""
        return (offset[self._inside] * self._weight).ravel() @ self._modes


def _nearest_code(seen: _Part, watched: _Part, offset: FloatArray) -> FloatArray:
    """Code of a shape (V, 3) from the mean, under another model of its topology: close where it was seen, by
    and large elsewhere.
    """
    near, far = 1 / NEAR**2, 1 / FAR**2
    precision = np.eye(len(seen.gram)) + near * seen.gram + far * watched.gram
    return cho_solve(cho_factor(precision), near * seen.along(offset) + far * watched.along(offset))
