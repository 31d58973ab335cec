"""Mesh convolution, plain: one line per formula, over padded lists of neighbours. The fast layers are tested
against it.

Notation of Zhou et al. 2020: y_i = sum_{j in N(i)} W_ij x_j + b_i, with W_ij = sum_m a_ijm B_m (vcConv); and
y_i = sum_j p_ij x_j with densities p_ij = |rho_ij| / sum_j |rho_ij| (vdDownRes, vdUpRes). Meshes come first
here: x (B, V, C).
"""

from __future__ import annotations

import torch
from torch import Tensor

from facekit.completion.meshconv.sampling import Connections

RESIDUAL = 0.9  # share of the variance that the residual carries


def padded(connections: Connections) -> tuple[Tensor, Tensor]:
    """Neighbours (n_out, N) int64 with n_in for none, and where each of the E edges stands, (E,) into the
    flattened list.
    """
    degree = torch.as_tensor(connections.degree, dtype=torch.int64)
    room = torch.arange(int(degree.max())) < degree[:, None]
    neighbours = torch.full(room.shape, connections.inputs)
    neighbours[room] = torch.as_tensor(connections.index, dtype=torch.int64)
    return neighbours, room.reshape(-1).nonzero()[:, 0]


def gather(x: Tensor, neighbours: Tensor) -> Tensor:
    """x_j for all neighbours, (B, n_out, N, C), zero where there is none. x (B, n_in, C)."""
    return torch.cat([x, x.new_zeros(len(x), 1, x.shape[2])], 1)[:, neighbours]


def on_list(values: Tensor, connections: Connections) -> Tensor:
    """Values (..., E) of the edges on the padded list, (..., n_out, N)."""
    neighbours, place = padded(connections)
    out = values.new_zeros(*values.shape[:-1], neighbours.numel()).index_copy(-1, place, values)
    return out.reshape(*values.shape[:-1], *neighbours.shape)


def vc_conv(x: Tensor, connections: Connections, coefficients: Tensor, basis: Tensor, bias: Tensor) -> Tensor:
    """vcConv: (B, n_in, C_in) to (B, n_out, C_out).

    coefficients (M, E), basis (M, C_in, C_out), bias (n_out, C_out). The neighbours are summed once for each
    basis kernel, then mixed by it.
    """
    neighbours, _ = padded(connections)
    a = on_list(coefficients, connections)
    summed = torch.einsum("mpn,bpni->bpmi", a, gather(x, neighbours))
    return torch.einsum("mio,bpmi->bpmo", basis, summed).sum(2) + bias


def vd_pool(x: Tensor, connections: Connections, density: Tensor) -> Tensor:
    """vdPool: (B, n_in, C) to (B, n_out, C), the mean of the neighbours by learned densities (E,)."""
    neighbours, _ = padded(connections)
    p = on_list(density.abs(), connections)
    return torch.einsum("pn,bpni->bpi", p / p.sum(1, keepdim=True), gather(x, neighbours))


def residual_block(
    x: Tensor, connections: Connections, weights: dict[str, Tensor], activated: bool = True
) -> Tensor:
    """vcDownConv + vcDownRes, or vcUpConv + vcUpRes with transposed connections.

    weights: those of ``layers.MeshBlock``. The residual is mapped linearly where the channels differ.
    """
    y = vc_conv(x, connections, weights["coefficients"], weights["basis"], weights["bias"])
    if activated:
        y = torch.nn.functional.elu(y)
    r = vd_pool(x, connections, weights["density"])
    if "shortcut" in weights:
        r = r @ weights["shortcut"]
    return (1 - RESIDUAL) ** 0.5 * y + RESIDUAL**0.5 * r
