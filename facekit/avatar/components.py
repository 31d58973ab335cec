"""First weights from the principal components of a capture's meshes, for trainings of minutes.

The mesh enters Q and leaves D through one linear layer each, of many thousand weights; drawn at random they
take long to learn. Here they begin at the components of the training's meshes, each with both signs: the
difference of the two behind a leaky ReLU is linear. The layers between, to the latent and from it, begin as
what hands the components on, so that Q and D begin as a linear model of the mesh with standard deviations
for latents. Textures are left to learn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facekit.avatar.encoder import LOG_SIGMA, MEAN, DamEncoder
from facekit.avatar.layers import SLOPE, Dense
from facekit.avatar.models import Avatar

MOST = 1000  # frames that the components are of
LEAST = 1e-3  # deviation, per largest, below which a component is left out
NARROW = -3.0  # log sigma of Q at first


def begin_at_components(avatar: Avatar, vertices: Tensor) -> Tensor:
    """Set the mesh layers by meshes (N, V, 3) m; ``learn_scales`` comes first. Their latents (N, Z)."""
    apart = (vertices.flatten(1) - avatar.vertex_mean) / avatar.vertex_scale
    some = apart[:: -(-len(vertices) // MOST)]
    directions, deviations = components(
        some - some.mean(0), min(avatar.sizes.features // 2, avatar.sizes.latent)
    )
    if avatar.encoder is not None:
        _set(avatar.encoder.mesh, torch.cat([directions, -directions]) / deviations.repeat(2)[:, None])
        _hand_on(avatar.encoder, len(directions))
    basis = (directions * deviations[:, None]).T
    rest = basis.new_zeros(len(basis), avatar.sizes.features - 2 * len(directions))
    _set(avatar.decoder.mesh, torch.cat([basis, -basis, rest], 1))
    one = torch.eye(len(directions), avatar.sizes.latent)
    _set(avatar.decoder.latent, torch.cat([one, -one]) / (1 + SLOPE))
    return apart @ (directions / deviations[:, None]).T @ one


def _hand_on(encoder: DamEncoder, count: int) -> None:
    """Let Q's mean be the components that the mesh layer found, and its deviation narrow."""
    features = encoder.mesh.out_features
    weights = torch.zeros(count, 2 * features)
    for sign, first in ((1.0, features), (-1.0, features + count)):
        weights[:, first : first + count] = sign * torch.eye(count)
    _set(encoder.mean, weights / (MEAN * (1 + SLOPE)))
    with torch.no_grad():
        encoder.log_sigma.bias.fill_(NARROW / LOG_SIGMA)


def components(apart: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Orthonormal rows (K, D), K <= ``count``, and deviations (K,) along them of rows (N, D) about 0."""
    values, vectors = torch.linalg.eigh(apart.double() @ apart.double().T)
    values, vectors = values.flip(0)[:count], vectors.flip(1)[:, :count]
    kept = values > LEAST**2 * values[0]
    deviations = (values[kept] / len(apart)).sqrt()
    directions = (apart.double().T @ vectors[:, kept]).T / values[kept].sqrt()[:, None]
    return directions.to(apart), deviations.to(apart)


@torch.no_grad()
def _set(layer: Dense, weights: Tensor) -> None:
    """Let a layer act by ``weights``; where those are of fewer inputs or outputs the rest stays as drawn.

    What the layer does depends on the directions of its weights only: their size, here 1, is how slowly they
    turn. Weights of 15,000 vertices would be lost in the first steps of Adam else.
    """
    layer.weight *= (layer.gain / layer.weight.norm())[:, None]
    layer.weight[: weights.shape[0], : weights.shape[1]] = weights
    layer.gain.fill_(layer.weight.norm().item())
    layer.weight /= layer.weight.square().mean().sqrt()
