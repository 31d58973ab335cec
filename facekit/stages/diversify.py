"""Different faces that agree with a fit where the photo shows the face."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facekit.completion.evidence import evidence, watched
from facekit.completion.methods import method_of
from facekit.completion.names import DEFAULT_METHOD, METHODS
from facekit.completion.sampler import Diversity, spread
from facekit.errors import NumericalError, UsageError
from facekit.metrics import average_self_distance
from facekit.morphable.model import FaceModel
from facekit.morphable.require import require_model
from facekit.records import BoolArray, Ensemble, Fit, FloatArray

if TYPE_CHECKING:
    import torch

    from facekit.completion.mesh_vae import MeshVAE


def diversify(
    fit: Fit,
    model: FaceModel,
    n: int,
    generator: torch.Generator,
    method: str = DEFAULT_METHOD,
    settings: Diversity | None = None,
    network: MeshVAE | None = None,
) -> Ensemble:
    """n completions of a fit: equal where it is visible (to a few tenths of a millimetre), different where
    hidden.

    The first is the fit itself, the most probable one. Hidden is every vertex that the photo does not show,
    under the mask or turned away; the spread is driven by those on the face alone (see ``watched``).
    ``network`` is for the methods with vae. Raises UsageError for an unknown method, one that lacks its
    network, or n below 1, WrongKindError for a fit or a network of another model.
    """
    if n < 1:
        raise UsageError("ask for at least one completion")
    require_model(fit, model)
    weight = watched(fit.visible, model)
    way = method_of(method, fit, model, weight, network)
    settings = settings or Diversity()
    if not METHODS[method].spread:
        settings = replace(settings, candidates=1, iterations=0)  # plain samples
    z, quality = spread(way, n, settings, generator)
    vertices = way.decode(z)
    if not np.isfinite(vertices).all():
        raise NumericalError("the completions are not finite; make the fit again")
    return Ensemble(
        model=fit.model,
        model_sha256=fit.model_sha256,
        method=method,
        codes=way.codes(z).astype(np.float32),
        vertices=vertices.astype(np.float32),
        faces=fit.faces,
        landmarks68=_landmarks(fit, model, vertices).astype(np.float32),
        hidden=~fit.visible,
        quality=quality.astype(np.float32),
        stats=json.dumps(_stats(vertices, evidence(fit.visible, model) == 1, weight > 0, settings)),
        history=fit.history,
    )


def _landmarks(fit: Fit, model: FaceModel, vertices: FloatArray) -> FloatArray:
    """The 68 landmarks (n, 68, 3): those of the fit, moved with the surface."""
    points = model.topology.embeddings.get("ibug68")
    if points is None:
        return np.repeat(fit.landmarks68[None], len(vertices), axis=0)
    return fit.landmarks68 + points.points(vertices) - points.points(np.asarray(fit.vertices, np.float64))


def _stats(
    vertices: FloatArray, visible: BoolArray, hidden: BoolArray, settings: Diversity
) -> dict[str, object]:
    """Self distances in mm, as in the paper's tables, and what was done."""
    several = len(vertices) > 1
    return {
        "asd_visible_mm": 1e3 * average_self_distance(vertices, visible)
        if several and visible.any()
        else None,
        "asd_hidden_mm": 1e3 * average_self_distance(vertices, hidden) if several and hidden.any() else None,
        "hidden_vertices": int(hidden.sum()),
        "k": settings.k,
        "n_sigma": settings.n_sigma,
        "iterations": settings.iterations,
    }
