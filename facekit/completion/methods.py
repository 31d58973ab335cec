"""Ways to complete a face, one final class each; the sampler spreads the latents of any of them apart.

A method turns latents z, N(0, I) when nothing but the photo's visible part is known, into shapes. The names
of ``--method`` stand in ``names.py``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facekit.completion.names import METHODS
from facekit.completion.posterior import linear_posterior
from facekit.errors import UsageError
from facekit.morphable.local import REGIONS, local_modes, local_weights
from facekit.morphable.model import Block, FaceModel
from facekit.records import Fit, FloatArray

if TYPE_CHECKING:
    import torch

    from facekit.completion.mesh_vae import MeshVAE

GLOBAL_MODES = 10  # of the identity, as in the paper; the rest is local
JOINED = {
    "left_eye_region": "eye_region",
    "right_eye_region": "eye_region",
    "left_ear": "head",
    "right_ear": "head",
    "neck": "head",
    "scalp": "head",
}
_local_identity: dict[
    str, FaceModel
] = {}  # by digest of the whole model: one takes longer than the rest together


class Movable(Protocol):
    """What the steps of a descent need. Latents are (n, K); all gradients are by the latents."""

    @property
    def dimension(self) -> int:
        """Latent dimensions that decide about the hidden part: the d of the quality term."""

    def start(self, n: int, generator: torch.Generator) -> FloatArray:
        """n latents from the distribution given the visible part; the first is the most probable."""

    def raw(self, z: FloatArray) -> FloatArray:
        """Shapes (n, V, 3) m as the model makes them, before the visible part is mended."""

    def pullback(self, z: FloatArray, by_raw: FloatArray, by_hidden: FloatArray | None = None) -> FloatArray:
        """Gradient from those by the raw shapes (n, V, 3) and by the features of ``hidden``."""

    def hidden(self, z: FloatArray) -> FloatArray:
        """Features (n, M) whose L2 distances are the distances of the shapes over the hidden part, m."""

    def energy(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """z.z over the deciding dimensions (n,), and gradient."""

    def allowed(self, z: FloatArray, reach: float) -> FloatArray:
        """The latents brought back to plausible faces, no coordinate beyond ``reach`` deviations."""


class Method(Movable, Protocol):
    """What the samplers need to know of a method."""

    def tangent(self) -> Movable:
        """The method to first order around its most probable shape, where that is nearly all of it."""

    def decode(self, z: FloatArray) -> FloatArray:
        """Shapes (n, V, 3) m."""

    def hidden_pullback(self, gradient: FloatArray, z: FloatArray) -> FloatArray:
        """Gradient from the gradient by the features (n, M)."""

    def stray(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean squared distance of the visible vertices from where the photo shows them (n,) mm2, and
        gradient.
        """

    def settled(self, z: FloatArray, reach: float) -> FloatArray:
        """The latents near these whose faces keep every limit, called once, at the end."""

    def mahalanobis(self, z: FloatArray) -> FloatArray:
        """Distance (n,) of the faces from the mean in the face model, over the root of the number of
        modes.
        """

    def codes(self, z: FloatArray) -> FloatArray:
        """What the Ensemble stores (n, K')."""


def method_of(
    name: str, fit: Fit, model: FaceModel, hidden: FloatArray, network: MeshVAE | None = None
) -> Method:
    """The method of that name for one fit. hidden (V,) weights from 0 to 1 of the vertices that should vary.

    Raises UsageError for an unknown name, a method that lacks its network, or one of the global model for a
    fit of another; WrongKindError for a network of another topology.
    """
    if name not in METHODS:
        raise UsageError(f"there is no method {name}; choose {', '.join(METHODS)}")
    recipe = METHODS[name]
    if not recipe.local and model.block("local").size:
        raise UsageError(f"{name} is for fits of the global model, and this one is of {model.name}")
    if recipe.network:
        if network is None:
            raise UsageError(f"{name} needs --weights, made by facekit train-prior mesh-vae")
        from facekit.completion.vae_completion import VaeCompletion

        return VaeCompletion(fit, model, hidden, network)
    return linear_posterior(fit, _with_local(model) if recipe.local else model, hidden)


def _with_local(model: FaceModel) -> FaceModel:
    """The model with local identity modes; itself where it has them or cannot have them."""
    no_regions = not set(REGIONS) & model.topology.regions.keys()
    if model.block("local").size or no_regions or model.block("identity").size <= GLOBAL_MODES:
        return model
    if model.digest not in _local_identity:
        _local_identity[model.digest] = local_identity(model)
    return _local_identity[model.digest]


def local_identity(model: FaceModel, global_modes: int = GLOBAL_MODES, explained: float = 0.97) -> FaceModel:
    """The model with its identity as global+local modes (Eq. 4-6) and its own, bounded expressions.

    Expressions stay whole: cut at region borders an open mouth no longer moves the chin.
    """
    identity, expression = model.block("identity"), model.block("expression")
    modes = model.basis[identity.slice].astype(np.float64)
    local = local_modes(modes[global_modes:], _joined(local_weights(model)), "identity", explained)
    basis = np.concatenate(
        [
            model.basis[identity.slice][:global_modes],
            model.basis[expression.slice],
            *(part.modes.astype(np.float32) for part in local),
        ]
    )
    first, second = global_modes, global_modes + expression.size
    lower, upper = np.full(len(basis), -np.inf), np.full(len(basis), np.inf)
    lower[first:second], upper[first:second] = model.lower[expression.slice], model.upper[expression.slice]
    arkit_map = None
    if model.arkit_map is not None:
        arkit_map = np.zeros((len(model.arkit_map), len(basis)))
        arkit_map[:, first:second] = model.arkit_map[:, expression.slice]
    return replace(
        model,
        name=f"{model.name}+local-identity",
        basis=basis,
        blocks=(
            Block("identity", 0, first),
            Block("expression", first, second),
            Block("local", second, len(basis)),
        ),
        lower=lower,
        upper=upper,
        arkit_map=arkit_map,
    )


def _joined(weights: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Region weights (V,) with both sides as one region, and all that a portrait hardly shows as another.

    Eyes that vary apart from each other look wrong.
    """
    joined: dict[str, FloatArray] = {}
    for name, weight in weights.items():
        one = JOINED.get(name, name)
        joined[one] = joined.get(one, 0.0) + weight
    return joined
