"""Faces between two of them: interpolation in a latent space (Diverse3DFace, App. A.6)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facekit.completion.membrane import Membrane
from facekit.completion.names import METHODS
from facekit.errors import UsageError, WrongKindError
from facekit.metrics import rms_distance
from facekit.morphable.model import FaceModel
from facekit.morphable.require import require_model
from facekit.records import BoolArray, Ensemble, Fit, FloatArray, IntArray

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE

MIXED = "interpolate"  # the method of faces between two of different methods


@dataclass(frozen=True)
class End:
    """One of the two faces."""

    vertices: FloatArray  # (V, 3) m
    landmarks68: FloatArray  # (68, 3) m
    hidden: BoolArray  # (V,)
    method: str  # that made it
    code: FloatArray  # (K,) in the method's own latent space
    quality: float

    @classmethod
    def of(cls, record: Fit | Ensemble, index: int, model: FaceModel) -> End:
        """A fit, or the face of that number in an ensemble.

        Raises UsageError where there is none of that number, WrongKindError where another model made it.
        """
        require_model(record, model)
        if isinstance(record, Fit):
            code = np.asarray(model.join(record.code), np.float64)
            shape = np.asarray(record.vertices, np.float64)
            return cls(shape, record.landmarks68, ~record.visible, MIXED, code, 1.0)
        if not 0 <= index < len(record.vertices):
            count = len(record.vertices)
            raise UsageError(f"the ensemble has faces 0 to {count - 1}, and no face {index}")
        return cls(
            np.asarray(record.vertices[index], np.float64),
            record.landmarks68[index],
            record.hidden,
            record.method,
            np.asarray(record.codes[index], np.float64),
            float(record.quality[index]),
        )


def interpolate(
    first: Fit | Ensemble,
    second: Fit | Ensemble,
    steps: int,
    model: FaceModel,
    index: tuple[int, int] = (0, 0),
    network: MeshVAE | None = None,
) -> Ensemble:
    """``steps`` faces from one to the other, both ends among them, z(a) = (1 - a) z1 + a z2.

    With a network z are its latents, those that an ensemble holds or else the most probable ones of the face;
    what the network misses of the ends is interpolated beside them, and vertices that the photo shows in both
    go straight. Without, z are the codes of the face model, in which shapes are linear. Raises UsageError for
    fewer than two steps or an ensemble of the mesh VAE without its network, WrongKindError for records or a
    network of another face model.
    """
    if steps < 2:
        raise UsageError("ask for at least two steps: both ends are among them")
    a, b = End.of(first, index[0], model), End.of(second, index[1], model)
    share = np.linspace(0.0, 1.0, steps)
    straight = _between(a.vertices, b.vertices, share)
    if network is None:
        if _by_network(a.method) or _by_network(b.method):
            raise UsageError("faces of the mesh VAE are interpolated in its latents; give it with --weights")
        shapes, codes = straight, _codes(a, b, share, model)
        quality = np.full(steps, min(a.quality, b.quality))  # of a ball in the latents, which is convex
        quality[[0, -1]] = a.quality, b.quality
    else:
        shapes, codes, quality = _through(network, a, b, share, model.topology.faces)
    landmarks = _between(a.landmarks68, b.landmarks68, share)
    if (points := model.topology.embeddings.get("ibug68")) is not None:
        landmarks = landmarks + points.points(shapes - straight)
    apart = [1e3 * rms_distance(one, other) for one, other in pairwise(shapes)]
    told = {"steps": steps, "step_mm": [round(d, 4) for d in apart], "ends": [a.method, b.method]}
    return Ensemble(
        model=first.model,
        model_sha256=first.model_sha256,
        method=a.method if a.method == b.method else MIXED,
        codes=codes.astype(np.float32),
        vertices=shapes.astype(np.float32),
        faces=model.topology.faces,
        landmarks68=landmarks.astype(np.float32),
        hidden=a.hidden | b.hidden,
        quality=quality.astype(np.float32),
        stats=json.dumps(told),
        history=first.history,
    )


def _through(
    network: MeshVAE, a: End, b: End, share: FloatArray, faces: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shapes, latents and qualities by the network."""
    import torch

    from facekit.completion import dpp

    if len(network.mean) != len(a.vertices):
        raise WrongKindError("the mesh VAE was trained for another face model; give the one of these faces")
    network.eval()
    kind = network.mean

    def decoded(z: FloatArray) -> FloatArray:
        with torch.no_grad():
            made = network.decode(torch.as_tensor(z, dtype=kind.dtype, device=kind.device))
        return np.asarray(made.cpu().numpy(), np.float64)

    def latent(end: End) -> FloatArray:
        if _by_network(end.method) and len(end.code) == network.latent_size:
            return end.code
        shape = torch.as_tensor(end.vertices[None], dtype=kind.dtype, device=kind.device)
        with torch.no_grad():
            given = network.posterior(shape, torch.ones_like(shape[..., 0]))
        return np.asarray(given.mean[0].cpu().numpy(), np.float64)

    z = _between(latent(a), latent(b), share)
    made = decoded(z)
    missed = _between(a.vertices - made[0], b.vertices - made[-1], share)
    seen = Membrane(faces, ~(a.hidden | b.hidden))
    shapes = seen.mend(made + missed, _between(a.vertices, b.vertices, share))
    return shapes, z, dpp.quality((z**2).sum(1), z.shape[1])[0]


def _between(a: FloatArray, b: FloatArray, share: FloatArray) -> FloatArray:
    """(steps, ...) on the straight line; the ends are exact."""
    weight = share.reshape(-1, *[1] * np.ndim(a))
    return (1 - weight) * np.asarray(a, np.float64) + weight * np.asarray(b, np.float64)


def _by_network(method: str) -> bool:
    return method in METHODS and METHODS[method].network


def _codes(a: End, b: End, share: FloatArray, model: FaceModel) -> FloatArray:
    """Codes in the ends' common latent space; those of the face model where they have none in common."""
    if a.method == b.method and len(a.code) == len(b.code):
        return _between(a.code, b.code, share)
    return _between(model.code(a.vertices), model.code(b.vertices), share)
