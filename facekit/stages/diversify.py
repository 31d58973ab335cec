"""Different faces that agree with a fit where the photo shows the face."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from facekit.completion import dpp
from facekit.completion.evidence import evidence, region_weight, watched
from facekit.completion.methods import Method, method_of
from facekit.completion.names import DEFAULT_METHOD, METHODS
from facekit.completion.presets import suited
from facekit.completion.sampler import Choice, Diversity, spread
from facekit.errors import NumericalError, UsageError
from facekit.metrics import average_self_distance, crossing_pairs
from facekit.morphable.model import FaceModel
from facekit.morphable.require import require_model
from facekit.records import BoolArray, ByteArray, Ensemble, Fit, FloatArray

if TYPE_CHECKING:
    import torch

    from facekit.completion.mesh_vae import MeshVAE


def diversify(
    fit: Fit,
    model: FaceModel,
    n: int,
    generator: torch.Generator,
    method: str = DEFAULT_METHOD,
    settings: Choice | None = None,
    network: MeshVAE | None = None,
    *,
    photo: ByteArray | None = None,
    region: str | None = None,
) -> Ensemble:
    """n completions of a fit: equal where it is visible (to a few tenths of a millimetre), different where
    hidden.

    The first is the most probable one: of the linear methods the fit itself. Hidden is every vertex that the
    photo does not show, under the mask or turned away; the spread is driven by those on the face alone (see
    ``watched``). ``settings`` as ``presets.suited`` takes them. ``network`` is for the methods with vae.
    ``photo`` (H, W, 3) uint8 sRGB is looked at where the settings give it a weight. With ``region``, a name
    of the model's regions, that one alone varies, seen or not, and the rest stays at the fit.

    Raises UsageError for an unknown method or region, a method that lacks its network, or n below 1,
    WrongKindError for a fit or a network of another model.
    """
    if n < 1:
        raise UsageError("ask for at least one completion")
    if method not in METHODS:
        raise UsageError(f"there is no method {method}; choose {', '.join(METHODS)}")
    require_model(fit, model)
    given, weight, share = fit, watched(fit.visible, model), None
    if region is not None:
        share = region_weight(model, region)
        given, weight = replace(fit, visible=share == 0), share**2
    way = method_of(method, given, model, weight, network)
    settings = suited(method, settings)
    z, quality = _latents(way, given, model, n, settings, generator, photo)
    vertices = way.decode(z)
    if share is not None:
        vertices = fit.vertices + share[:, None] * (vertices - fit.vertices)
    if not np.isfinite(vertices).all():
        raise NumericalError("the completions are not finite; make the fit again")
    landmarks = _landmarks(fit, model, vertices)
    told = {
        **_distances(vertices, evidence(given.visible, model) == 1, weight > 0),
        **_plausibility(way, z, landmarks, settings),
        "region": region,
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


def _latents(
    way: Method,
    fit: Fit,
    model: FaceModel,
    n: int,
    settings: Choice,
    generator: torch.Generator,
    photo: ByteArray | None,
) -> tuple[FloatArray, FloatArray]:
    """The latents (n, K) by the settings' kind, and their qualities (n,)."""
    if isinstance(settings, Diversity):
        return spread(way, n, settings, generator)
    from facekit.completion.algorithm2 import Descent, Seen, descend

    assert isinstance(settings, Descent)
    looked = None
    if photo is not None and settings.photo_weight:
        from facekit.completion.photometric import Photometric

        looked = Photometric(photo, fit, model)
    seen = Seen(np.asarray(fit.vertices, np.float64), evidence(fit.visible, model), looked)
    return descend(way, n, seen, settings, generator)


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
