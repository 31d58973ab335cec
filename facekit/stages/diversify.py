"""Different faces that agree with a fit where the photo shows the face."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from facekit.completion import dpp
from facekit.completion.algorithm2 import Descent, Seen, descend
from facekit.completion.approach import USUAL, Approach
from facekit.completion.evidence import evidence, region_weight, watched
from facekit.completion.gaze import one_gaze
from facekit.completion.methods import Method, method_of
from facekit.completion.names import METHODS
from facekit.completion.presets import suited
from facekit.completion.sampler import Choice, Diversity, spread
from facekit.errors import NumericalError, UsageError
from facekit.metrics import average_self_distance, crossing_pairs
from facekit.morphable.model import FaceModel
from facekit.morphable.require import require_model
from facekit.records import BoolArray, ByteArray, Ensemble, Fit, FloatArray

if TYPE_CHECKING:
    import torch


def diversify(
    fit: Fit, model: FaceModel, n: int, generator: torch.Generator, approach: Approach = USUAL
) -> Ensemble:
    """n completions of a fit: equal where it is visible (to a few tenths of a millimetre), different where
    hidden.

    The first is the most probable one: of the linear methods the fit itself. Hidden is every vertex that the
    photo does not show, under the mask or turned away; the spread is driven by those on the face alone (see
    ``watched``). With a region in the approach that one varies instead, and the rest stays at the fit.

    Raises UsageError for an unknown method or region, a method that lacks its network, or n below 1,
    WrongKindError for a fit or a network of another model.
    """
    method = approach.chosen
    _check(n, method)
    require_model(fit, model)
    settings = suited(method, approach.settings)
    given, weight, share = _wanted(fit, model, approach.region)
    way = method_of(method, given, model, weight, approach.network)
    seen = _seen(given, model, approach.photo, settings)
    z, quality = _latents(way, n, seen, settings, generator)
    vertices = _shapes(way.decode(z), fit, share)
    if METHODS[method].network:  # shapes of the linear methods are those of their codes, eyes included
        vertices = one_gaze(vertices, np.asarray(given.visible, bool), model)
    landmarks = _landmarks(fit, model, vertices)
    told = {
        **_distances(vertices, seen.weight == 1, weight > 0),
        **_plausibility(way, z, landmarks, settings),
        "region": approach.region,
        **asdict(settings),
    }
    return Ensemble(
        model=fit.model,
        model_sha256=fit.model_sha256,
        method=method,
        codes=way.codes(z).astype(np.float32),
        vertices=vertices.astype(np.float32),
        faces=fit.faces,
        landmarks68=landmarks.astype(np.float32),
        hidden=~fit.visible if share is None else ~fit.visible | (share > 0),
        quality=quality.astype(np.float32),
        stats=json.dumps(told),
        history=fit.history,
    )


def _check(n: int, method: str) -> None:
    if n < 1:
        raise UsageError("ask for at least one completion")
    if method not in METHODS:
        raise UsageError(f"there is no method {method}; choose {', '.join(METHODS)}")


def _wanted(fit: Fit, model: FaceModel, region: str | None) -> tuple[Fit, FloatArray, FloatArray | None]:
    """The fit with what may vary as its hidden part, the weight (V,) of the vertices that drive the spread,
    and the share (V,) of a region in the result, None without one.
    """
    if region is None:
        return fit, watched(fit.visible, model), None
    share = region_weight(model, region)
    return replace(fit, visible=share == 0), share**2, share


def _seen(fit: Fit, model: FaceModel, photo: ByteArray | None, settings: Choice) -> Seen:
    """What the visible part is held to; the photo only where the settings give it a weight."""
    looked = None
    if photo is not None and isinstance(settings, Descent) and settings.photo_weight:
        from facekit.completion.photometric import Photometric

        looked = Photometric(photo, fit, model)
    return Seen(np.asarray(fit.vertices, np.float64), evidence(fit.visible, model), looked)


def _latents(
    way: Method, n: int, seen: Seen, settings: Choice, generator: torch.Generator
) -> tuple[FloatArray, FloatArray]:
    """The latents (n, K) by the settings' kind, and their qualities (n,)."""
    if isinstance(settings, Diversity):
        return spread(way, n, settings, generator)
    assert isinstance(settings, Descent)
    return descend(way, n, seen, settings, generator)


def _shapes(vertices: FloatArray, fit: Fit, share: FloatArray | None) -> FloatArray:
    """The completions (n, V, 3), outside a region at the fit. Raises NumericalError where they are not
    finite.
    """
    if share is not None:
        vertices = fit.vertices + share[:, None] * (vertices - fit.vertices)
    if not np.isfinite(vertices).all():
        raise NumericalError("the completions are not finite; make the fit again")
    return vertices


def _landmarks(fit: Fit, model: FaceModel, vertices: FloatArray) -> FloatArray:
    """The 68 landmarks (n, 68, 3): those of the fit, moved with the surface."""
    points = model.topology.embeddings.get("ibug68")
    if points is None:
        return np.repeat(fit.landmarks68[None], len(vertices), axis=0)
    return fit.landmarks68 + points.points(vertices) - points.points(np.asarray(fit.vertices, np.float64))


def _distances(vertices: FloatArray, visible: BoolArray, hidden: BoolArray) -> dict[str, object]:
    """Self distances in mm, as in the paper's tables; None where there are none."""
    several = len(vertices) > 1

    def apart(region: BoolArray) -> float | None:
        return 1e3 * average_self_distance(vertices, region) if several and region.any() else None

    return {
        "asd_visible_mm": apart(visible),
        "asd_hidden_mm": apart(hidden),
        "hidden_vertices": int(hidden.sum()),
    }


def _plausibility(way: Method, z: FloatArray, landmarks: FloatArray, settings: Choice) -> dict[str, object]:
    """How plausible each face is: length of its latents beside the bound of the quality, distance from the
    mean in the face model (about 1 for a face drawn from it), and pairs of lips and lids that cross.
    """
    return {
        "latent_radius": [round(r, 3) for r in np.sqrt(way.energy(z)[0]).tolist()],
        "latent_bound": round(dpp.radius(way.dimension, settings.n_sigma), 3),
        "mahalanobis": [round(d, 3) for d in way.mahalanobis(z).tolist()],
        "crossing_pairs": crossing_pairs(landmarks).tolist(),
    }
