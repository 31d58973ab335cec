"""The part of a face model that landmarks see: a few hundred points, linear in the code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facekit.errors import ModelUnavailableError
from facekit.geometry.closest import closest_point
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import Embedding

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LandmarkModel:
    """Landmark positions mean + modes · code, in the head frame."""

    mean: Array  # (L, 3) m
    modes: Array  # (L, 3, K) m per standard deviation, contiguous
    lower: Array  # (K,) standard deviations
    upper: Array  # (K,)

    @property
    def size(self) -> int:
        """K, the number of modes."""
        return self.modes.shape[2]

    def points(self, code: Array) -> Array:
        """Positions (L, 3) in metres for a code (K,)."""
        points: Array = self.mean + self.deformation(code)
        return points

    def deformation(self, code: Array) -> Array:
        """Displacements (L, 3) in metres from the mean for a code (K,)."""
        return (self.modes.reshape(-1, self.size) @ code).reshape(-1, 3)

    def pull(self, forces: Array) -> Array:
        """modesᵀ forces (K,) for forces (L, 3) on the landmarks."""
        out: Array = forces.ravel() @ self.modes.reshape(-1, self.size)
        return out

    def at(self, index: NDArray[np.integer]) -> LandmarkModel:
        """Only the landmarks ``index``."""
        return replace(self, mean=self.mean[index], modes=self.modes[index])

    def joined(self, other: LandmarkModel) -> LandmarkModel:
        """These landmarks, then those of ``other``, a part of the same face model."""
        return replace(
            self,
            mean=np.concatenate([self.mean, other.mean]),
            modes=np.concatenate([self.modes, other.modes]),
        )


_CACHE: dict[tuple[str, str], LandmarkModel] = {}
_PLACED: dict[tuple[str, str], tuple[LandmarkModel, Embedding]] = {}


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
            _by_point(embedding.points(np.asarray(model.basis, np.float64))),
            np.asarray(model.lower, np.float64),
            np.asarray(model.upper, np.float64),
        )
    return _CACHE[key]


def surface_model(model: FaceModel, places: Array) -> tuple[LandmarkModel, Embedding]:
    """The points of the surface nearest to ``places`` (P, 3) m on the mean face, as landmarks; cached.

    Kept as places rather than vertices, they outlive a rebuild of the mesh.
    """
    key = (model.digest, hashlib.sha256(np.ascontiguousarray(places).tobytes()).hexdigest())
    if key not in _PLACED:
        found = closest_point(model.mean, model.topology.faces, places)
        embedding = model.topology.embed(found.face, found.bary)
        shape = LandmarkModel(
            np.asarray(embedding.points(model.mean), np.float64),
            _by_point(embedding.points(np.asarray(model.basis, np.float64))),
            np.asarray(model.lower, np.float64),
            np.asarray(model.upper, np.float64),
        )
        _PLACED[key] = shape, embedding
    return _PLACED[key]


def _by_point(basis: Array) -> Array:
    """(K, L, 3) as contiguous (L, 3, K)."""
    return np.ascontiguousarray(basis.transpose(1, 2, 0))
