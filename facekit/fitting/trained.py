"""Everything learned about landmarks on one face model: the detector's statistics, and experts that look
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.experts import Experts
from facekit.fitting.landmark_fit import LandmarkFit
from facekit.fitting.landmark_model import LandmarkModel, landmark_model, surface_model
from facekit.fitting.patches import Patches, cut_patches
from facekit.fitting.statistics import DetectorStatistics, fits, probe
from facekit.fitting.view import View
from facekit.geometry.mesh import vertex_normals
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray

Array = NDArray[np.float64]

SCHEME = "mediapipe478"


@dataclass(frozen=True)
class Trained:
    """Statistics of the detector's L points, followed by those of the experts' P points where there are
    experts.
    """

    statistics: DetectorStatistics
    experts: Experts | None
    modes: NDArray[Any]  # probe of the model it was learned on

    def shape(self, model: FaceModel) -> LandmarkModel:
        """The L + P points on ``model``."""
        points = landmark_model(model, SCHEME)
        return points if self.experts is None else points.joined(surface_model(model, self.experts.places)[0])

    def belongs_to(self, model: FaceModel) -> bool:
        """Whether it was learned on this model, or one that differs by a rebuild."""
        return SCHEME in model.topology.embeddings and fits(self.modes, landmark_model(model, SCHEME))

    def carried(self, source: FaceModel, target: FaceModel) -> Trained:
        """For a model of the same mean and topology whose modes span what those of ``source`` do.

        What a code changes for the detector follows from the code of ``source`` with the same shape.
        """
        modes = source.code(source.mean + target.basis.astype(np.float64))  # (K', K)
        statistics = self.statistics
        change = np.tensordot(modes, statistics.change, 1)
        moved = probe(landmark_model(target, SCHEME))
        return Trained(replace(statistics, change=change), self.experts, moved)

    def look(
        self, photo: ByteArray, hidden: BoolArray | None, model: FaceModel, fit: LandmarkFit
    ) -> Array | None:
        """(P, 2) px, where the experts see their points, given a first fit; NaN where they cannot tell."""
        if self.experts is None:
            return None
        patches = patches_at(photo, hidden, model, self.experts.places, fit.code, fit.view)
        return self.experts.points(patches)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays, to be stored."""
        out: dict[str, NDArray[Any]] = {**self.statistics.arrays(), "probe": self.modes}
        if self.experts is not None:
            out |= self.experts.arrays()
        return out

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Trained:
        """The inverse of ``arrays``."""
        experts = Experts.from_arrays(arrays) if "experts.places" in arrays else None
        return Trained(DetectorStatistics.from_arrays(arrays), experts, np.asarray(arrays["probe"]))

    @staticmethod
    def on(model: FaceModel, statistics: DetectorStatistics, experts: Experts | None) -> Trained:
        """With the probe of the model it was learned on."""
        return Trained(statistics, experts, probe(landmark_model(model, SCHEME)))


def patches_at(
    photo: ByteArray, hidden: BoolArray | None, model: FaceModel, places: Array, code: Array, view: View
) -> Patches:
    """Patches around ``places`` (P, 3) of the mean face, where a fit with ``code`` and ``view`` puts them."""
    embedding = surface_model(model, places)[1]
    vertices = model.instance(code)
    normals = embedding.points(vertex_normals(vertices, model.topology.faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return cut_patches(photo, hidden, view, embedding.points(vertices), normals)
