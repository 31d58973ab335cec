"""Mesh convolution, fast: vertices first, sparse products, the cheaper order of mixing and summing layer by
layer.

Equal to ``reference``. x is (V, B, C), so that one sparse matrix serves the whole batch, and nothing is
padded: on a head the largest number of neighbours is two to three times the mean. With
y_i = sum_j sum_m a_ijm B_m x_j a layer either sums over neighbours first and mixes the channels of n_out
vertices, or mixes those of n_in vertices first and sums over what comes out; which of the two is cheaper
follows from the sizes (pooling and widening layers sum first, unpooling and narrowing ones mix first).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from facekit.completion.meshconv.products import MixAndSum, MixEach, Pattern, SparseProduct
from facekit.completion.meshconv.reference import RESIDUAL
from facekit.completion.meshconv.sampling import Connections


def multiplications(connections: Connections, width: tuple[int, int], bases: int) -> tuple[int, int]:
    """Multiplications per mesh of a forward pass with C_in, C_out channels: summing first, and mixing
    first.
    """
    wide = bases * width[0] * width[1]
    first = bases * connections.edges * width[0] + wide * connections.outputs
    return first, wide * connections.inputs + bases * connections.edges * width[1]


class MeshBlock(nn.Module):
    """vcDownConv + vcDownRes, or vcUpConv + vcUpRes with transposed connections: (n_in, B, C_in) to
    (n_out, B, C_out).

    Parameters: coefficients (M, E) of the E edges, basis (M, C_in, C_out), bias (n_out, C_out), density (E,),
    and shortcut (C_in, C_out) where the channels differ or the block is linear, not ``activated`` by an ELU.
    """

    def __init__(
        self,
        connections: Connections,
        width: tuple[int, int],
        bases: int,
        generator: torch.Generator,
        activated: bool = True,
    ) -> None:
        super().__init__()
        self.connections, self.activated = connections, activated
        self.sums_first = bool(np.argmin(multiplications(connections, width, bases)) == 0)
        scale = (connections.edges / connections.outputs * bases) ** -0.5
        self.coefficients = _normal((bases, connections.edges), scale, generator)
        self.basis = _normal((bases, *width), width[0] ** -0.5, generator)
        self.bias = nn.Parameter(torch.zeros(connections.outputs, width[1]))
        self.density = nn.Parameter(0.5 + torch.rand(connections.edges, generator=generator))
        direct = activated and width[0] == width[1]
        self.shortcut = None if direct else _normal(width, width[0] ** -0.5, generator)
        self.sum, self.sum_back = _patterns(connections, bases, tall=self.sums_first)
        self.pool, self.pool_back = _patterns(connections, 1, tall=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n_in, B, C_in) to (n_out, B, C_out)."""
        y = self._convolved(x) + self.bias[:, None]
        if self.activated:
            y = nn.functional.elu(y)
        return (1 - RESIDUAL) ** 0.5 * y + RESIDUAL**0.5 * self._residual(x)

    def _convolved(self, x: Tensor) -> Tensor:
        n_in, batch, width = x.shape
        n_out = self.connections.outputs
        if self.sums_first:
            summed = SparseProduct.apply(
                self.coefficients, x.reshape(n_in, batch * width), self.sum, self.sum_back
            )
            y = MixAndSum.apply(summed.reshape(len(self.basis), n_out * batch, width), self.basis)
        else:
            mixed = MixEach.apply(x.reshape(n_in * batch, width), self.basis)
            mixed = mixed.reshape(len(self.basis) * n_in, -1)
            y = SparseProduct.apply(self.coefficients, mixed, self.sum, self.sum_back)
        return y.reshape(n_out, batch, self.basis.shape[2])

    def _residual(self, x: Tensor) -> Tensor:
        if self.shortcut is None:
            return self._pooled(x)
        narrows = self.shortcut.shape[1] <= self.shortcut.shape[0]
        return self._pooled(x @ self.shortcut) if narrows else self._pooled(x) @ self.shortcut

    def _pooled(self, x: Tensor) -> Tensor:
        pooled = SparseProduct.apply(self._density(), x.reshape(len(x), -1), self.pool, self.pool_back)
        return pooled.reshape(-1, *x.shape[1:])

    def _density(self) -> Tensor:
        """|rho_ij| / sum_j |rho_ij|, (E,)."""
        size = self.density.abs()
        start = self.pool.crow.long()
        degree = start.diff()
        total = torch.segment_reduce(size, "sum", lengths=degree)
        return size / total.repeat_interleave(degree, output_size=len(size))


def _normal(shape: tuple[int, ...], scale: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(scale * torch.randn(shape, generator=generator))


def _patterns(connections: Connections, bases: int, tall: bool) -> tuple[Pattern, Pattern]:
    """The matrices of all bases over each other, (M n_out, n_in), or side by side, (n_out, M n_in), and
    transposed.
    """
    one = connections.matrix()
    parts = []
    for m in range(bases):
        part = one.copy()
        part.data = 1.0 + m * connections.edges + np.arange(connections.edges)
        parts.append(part)
    stacked = sparse.vstack(parts) if tall else sparse.hstack(parts)
    return Pattern(stacked), Pattern(stacked.T)
