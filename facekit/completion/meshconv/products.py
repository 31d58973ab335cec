"""The products that mesh convolution is made of, with gradients written out so that nothing is padded or
stored twice.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from scipy import sparse
from torch import Tensor, nn

with warnings.catch_warnings():  # torch says once that CSR tensors are in beta; hear it here
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1), check_invariants=True)


class Pattern(nn.Module):
    """The fixed pattern of a CSR matrix, and which of the learned values stands where."""

    crow: Tensor
    column: Tensor
    place: Tensor

    def __init__(self, numbered: sparse.spmatrix) -> None:
        """numbered: a sparse matrix whose entries are the places of their values, counted from 1."""
        super().__init__()
        rows = sparse.csr_matrix(numbered)
        rows.sort_indices()
        self.shape = rows.shape
        self.register_buffer("crow", torch.as_tensor(rows.indptr.astype("int32")), persistent=False)
        self.register_buffer("column", torch.as_tensor(rows.indices.astype("int32")), persistent=False)
        self.register_buffer("place", torch.as_tensor(rows.data.astype("int64") - 1), persistent=False)

    def product(self, values: Tensor, x: Tensor) -> Tensor:
        """The matrix of ``values``, flattened, times x (n_in, K)."""
        matrix = self._tensor(values.reshape(-1)[self.place])
        return x.new_zeros(self.shape[0], x.shape[1]).addmm_(matrix, x, beta=0.0)  # @ would copy the result

    def sampled(self, left: Tensor, right: Tensor) -> Tensor:
        """left @ right at the places of the pattern, in the order of the values."""
        zero = self._tensor(left.new_zeros(len(self.place)))
        entries = torch.sparse.sampled_addmm(zero, left, right, beta=0.0).values()
        return torch.zeros_like(entries).index_copy_(0, self.place, entries)

    def _tensor(self, values: Tensor) -> Tensor:
        return torch.sparse_csr_tensor(self.crow, self.column, values, self.shape, check_invariants=False)


class SparseProduct(torch.autograd.Function):
    """S(values) @ x for x (n_in, K); ``back`` is the pattern of S transposed."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, x: Tensor, pattern: Pattern, back: Pattern) -> Tensor:
        ctx.patterns, ctx.shape = (pattern, back), values.shape
        by_values, by_x = ctx.needs_input_grad[:2]
        ctx.save_for_backward(values if by_x else None, x if by_values else None)
        return pattern.product(values, x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        values, x = ctx.saved_tensors
        pattern, back = ctx.patterns
        gradient = gradients[0].contiguous()
        by_values = pattern.sampled(gradient, x.t()).reshape(ctx.shape) if x is not None else None
        return by_values, back.product(values, gradient) if values is not None else None, None, None


class MixAndSum(torch.autograd.Function):
    """sum_m u_m @ basis_m: u (M, N, C_in) and basis (M, C_in, C_out) to (N, C_out)."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, basis: Tensor) -> Tensor:
        by_u, by_basis = ctx.needs_input_grad
        ctx.save_for_backward(u if by_basis else None, basis if by_u else None)
        return _mix_and_sum(u, basis)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        u, basis = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        each = gradient.expand(len(u if basis is None else basis), *gradient.shape)
        by_u = torch.bmm(each, basis.transpose(1, 2)) if basis is not None else None
        return by_u, torch.bmm(u.transpose(1, 2), each) if u is not None else None


class MixEach(torch.autograd.Function):
    """x @ basis_m for all m: x (N, C_in) and basis (M, C_in, C_out) to (M, N, C_out)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, basis: Tensor) -> Tensor:
        by_x, by_basis = ctx.needs_input_grad
        ctx.save_for_backward(x if by_basis else None, basis if by_x else None)
        return torch.bmm(x.expand(len(basis), *x.shape), basis)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, basis = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        by_x = _mix_and_sum(gradient, basis.transpose(1, 2)) if basis is not None else None
        return by_x, torch.bmm(x.t().expand(len(gradient), *x.t().shape), gradient) if x is not None else None


def _mix_and_sum(u: Tensor, basis: Tensor) -> Tensor:
    """Matrix products added up in place: no (M, N, C_out) in between."""
    out = u[0] @ basis[0]
    for part, kernel in zip(u[1:], basis[1:], strict=True):
        out.addmm_(part, kernel)
    return out
