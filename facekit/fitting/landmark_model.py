"""The part of a face model that landmarks see: a few hundred points, linear in the code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.errors import ModelUnavailableError
from facekit.morphable.model import FaceModel

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LandmarkModel:
    """Landmark positions mean + code · basis, in the head frame."""

    mean: Array  # (L, 3) m
    basis: Array  # (K, L, 3) m per standard deviation
    lower: Array  # (K,) standard deviations
    upper: Array  # (K,)

    def points(self, code: Array) -> Array:
        """Positions (L, 3) in metres for a code (K,)."""
        k, n = len(self.basis), len(self.mean)
        return self.mean + (code @ self.basis.reshape(k, n * 3)).reshape(n, 3)

    @cached_property
    def by_point(self) -> Array:
        """(L, 3, K), the modes of each point."""
        return np.ascontiguousarray(self.basis.transpose(1, 2, 0))

    def at(self, index: NDArray[np.integer]) -> LandmarkModel:
        """Only the landmarks ``index``."""
        return LandmarkModel(self.mean[index], np.take(self.basis, index, axis=1), self.lower, self.upper)

    def plus(self, mean: Array, basis: Array) -> LandmarkModel:
        """The model with offsets (L, 3) and mode changes (K, L, 3) added."""
        return LandmarkModel(self.mean + mean, self.basis + basis, self.lower, self.upper)


_CACHE: dict[tuple[str, str], LandmarkModel] = {}


def landmark_model(model: FaceModel, scheme: str) -> LandmarkModel:
    """The landmarks of ``scheme`` on ``model``, cached by the model's digest.

    Raises ModelUnavailableError where the model does not say where those landmarks lie.
    """
    if scheme not in model.topology.embeddings:
        raise ModelUnavailableError(
            f"the face model {model.name} has no places for {scheme} landmarks; use another scheme "
            f"({', '.join(sorted(model.topology.embeddings)) or 'it has none'}) or another --model"
        )
    key = (model.digest, scheme)
    if key not in _CACHE:
        embedding = model.topology.embeddings[scheme]
        _CACHE[key] = LandmarkModel(
            np.asarray(embedding.points(model.mean), np.float64),
            np.ascontiguousarray(embedding.points(np.asarray(model.basis, np.float64))),
            np.asarray(model.lower, np.float64),
            np.asarray(model.upper, np.float64),
        )
    return _CACHE[key]
