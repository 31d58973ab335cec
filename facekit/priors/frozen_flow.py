"""A flow that no longer learns, for many evaluations at the same conditions: latent optimisation.

What depends on the weights or on the condition alone is computed once: ActNorm and LULinear become one
matrix and its inverse, batch normalisation is folded into the layers around it, and h enters as terms that
are added and gates that are multiplied. What is left for each evaluation are products with plain matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from facekit.priors.flow import Flow, GlowStep, steps_of


@dataclass(frozen=True)
class _Block:
    """x + (second relu(first relu(scale x + shift))) gate; ``gate`` (B, H) or None, (weight, bias) pairs."""

    scale: Tensor | None
    shift: Tensor | None
    first: tuple[Tensor, Tensor]
    second: tuple[Tensor, Tensor]
    gate: Tensor | None


@dataclass(frozen=True)
class _Step:
    """y = matrix x + offset; then the moved coordinates of y are shifted by a net of the kept ones."""

    matrix: Tensor  # (D, D) of the coordinates in the order kept, moved
    inverse: Tensor
    offset: Tensor  # (D,)
    order: Tensor  # (D,) kept, moved
    back: Tensor  # (D,) inverse permutation
    kept: int
    entry: Tensor  # (H, kept)
    context: Tensor  # (B, H), or (1, H) without condition
    blocks: tuple[_Block, ...]
    final: tuple[Tensor, Tensor]

    def shift(self, kept: Tensor, rows: Tensor | None) -> Tensor:
        """What the net adds to the moved coordinates."""
        x = linear(kept, self.entry) + _rows(self.context, rows)
        for block in self.blocks:
            seen = x if block.scale is None or block.shift is None else x * block.scale + block.shift
            inner = linear(torch.relu(linear(torch.relu(seen), *block.first)), *block.second)
            x = x + (inner if block.gate is None else inner * _rows(block.gate, rows))
        return linear(x, *self.final)


class FrozenFlow:
    """The same maps as ``Flow`` has in evaluation, at fixed conditions h (B, C); gradients reach z alone.

    ``rows`` (b,) chooses among the conditions where not all items are evaluated.
    """

    def __init__(self, flow: Flow, h: Tensor | None = None) -> None:
        """``flow`` as made by ``glow``."""
        with torch.no_grad():
            self.steps = [_frozen(step, h) for step in steps_of(flow)]
            self.logdet = sum(torch.linalg.slogdet(step.matrix)[1] for step in self.steps)

    def to_noise(self, x: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z (b, D) and log |det dz/dx| (b,)."""
        for step in self.steps:
            y = linear(x, step.matrix, step.offset)
            kept, moved = y[:, : step.kept], y[:, step.kept :]
            x = torch.cat([kept, moved + step.shift(kept, rows)], 1)[:, step.back]
        return x, x.new_ones(len(x)) * self.logdet

    def from_noise(self, z: Tensor, rows: Tensor | None = None) -> Tensor:
        """x (b, D): the inverse of ``to_noise``."""
        for step in reversed(self.steps):
            y = z[:, step.order]
            kept, moved = y[:, : step.kept], y[:, step.kept :]
            y = torch.cat([kept, moved - step.shift(kept, rows)], 1)
            z = linear(y - step.offset, step.inverse)
        return z


def _rows(terms: Tensor, rows: Tensor | None) -> Tensor:
    return terms if rows is None or len(terms) == 1 else terms[rows]


def _frozen(step: GlowStep, h: Tensor | None) -> _Step:
    """Matrices in the order kept, moved; the inverse in float64."""
    order = torch.cat([step.kept, step.moved])
    whole = (step.weight * step.scale)[order]
    offset = (step.weight @ step.shift + step.bias)[order]
    inverse = torch.linalg.inv(whole.double()).to(whole)
    net: Any = step.net
    count = len(step.kept)
    entry, context = net.initial_layer.weight[:, :count], net.initial_layer.bias[None]
    if h is not None:
        context = context + linear(h, net.initial_layer.weight[:, count:])
    blocks = tuple(_block(block, h) for block in net.blocks)
    final = net.final_layer.weight, net.final_layer.bias
    return _Step(whole, inverse, offset, order, order.argsort(), count, entry, context, blocks, final)


def _block(block: Any, h: Tensor | None) -> _Block:
    """One residual block. GLU of (inner, context) is inner times the logistic function of the context."""
    first, second = ((layer.weight, layer.bias) for layer in block.linear_layers)
    scale = shift = None
    if block.use_batch_norm:
        (scale, shift), (inner, added) = (_affine(norm) for norm in block.batch_norm_layers)
        first = first[0] * inner[:, None], first[1] * inner + added
    gate = None if h is None else torch.sigmoid(block.context_layer(h))
    return _Block(scale, shift, first, second, gate)


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Batch normalisation in evaluation as a scale and a shift."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale
