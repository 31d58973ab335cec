"""First weights from the principal components of a capture's meshes, for trainings of minutes.

The mesh enters Q and leaves D through one linear layer each, of many thousand weights; drawn at random they
take long to learn. Here they begin at the components of the training's meshes, each with both signs, since
half of it would be lost behind a leaky ReLU.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facekit.avatar.layers import Dense
from facekit.avatar.models import Avatar

MOST = 1000  # frames that the components are of
LEAST = 1e-3  # deviation, per largest, below which a component is left out


def begin_at_components(avatar: Avatar, vertices: Tensor) -> None:
    """Set the mesh layers by meshes (N, V, 3) m; ``learn_scales`` comes first."""
    some = vertices[:: -(-len(vertices) // MOST)].flatten(1)
    apart = (some - avatar.vertex_mean) / avatar.vertex_scale
    apart = apart - apart.mean(0)
    directions, deviations = components(apart, avatar.sizes.features // 2)
    if avatar.encoder is not None:
        _set(avatar.encoder.mesh, torch.cat([directions, -directions]) / deviations.repeat(2)[:, None])
    basis = (directions * deviations[:, None]).T
    _set(avatar.decoder.mesh, torch.cat([basis, -basis], 1))


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
    """Let a layer act by ``weights``; where those are of fewer inputs or outputs the rest stays as drawn."""
    layer.weight *= (layer.gain / layer.weight.norm())[:, None]
    layer.weight[: weights.shape[0], : weights.shape[1]] = weights
    layer.gain.fill_(layer.weight.norm().item())
