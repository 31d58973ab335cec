"""Conditional normalising flows: the one file that knows nflows.

A flow is a chain of invertible blocks x -> z, each conditioned on h, with the base distribution N(0, I) at z.
Everything else speaks to ``Flow`` alone; frozen_flow.py takes the arrays of ``steps_of``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from nflows.nn.nets import ResidualNet
from nflows.transforms import (
    ActNorm,
    AdditiveCouplingTransform,
    AffineCouplingTransform,
    LULinear,
    Transform,
)
from torch import Tensor, nn

LIMIT = 4.0  # largest |log scale| of one affine block, reached softly


class Flow(nn.Module):
    """Invertible blocks, one after the other. x, z (B, D); h (B, C) or None."""

    def __init__(self, blocks: Iterable[Transform]) -> None:
        """``blocks`` in the direction x -> z."""
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def to_noise(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z (B, D) and log |det dz/dx| (B,)."""
        z, logdet = x, x.new_zeros(len(x))
        for block in self.blocks:
            z, change = block(z, h)
            logdet = logdet + change
        return z, logdet

    def from_noise(self, z: Tensor, h: Tensor | None = None) -> Tensor:
        """x (B, D): the inverse of ``to_noise``."""
        x = z
        for block in reversed(self.blocks):
            assert isinstance(block, Transform)
            x, _ = block.inverse(x, h)
        return x

    def log_prob(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """log p(x | h) (B,) in nats."""
        z, logdet = self.to_noise(x, h)
        return standard_normal(z) + logdet

    def log_probs(self, x: Tensor, h: Tensor | None, after: Sequence[int]) -> tuple[list[Tensor], Tensor]:
        """log p(x | h) (B,) of the flows made of the first ``after[i]`` blocks, and z (B, D), in one pass.

        ``after`` counts blocks from 1 and rises; with the number of all blocks the last is ``log_prob``.
        """
        found, z, logdet = [], x, x.new_zeros(len(x))
        for count, block in enumerate(self.blocks, 1):
            z, change = block(z, h)
            logdet = logdet + change
            if count in after:
                found.append(standard_normal(z) + logdet)
        return found, z


def standard_normal(z: Tensor) -> Tensor:
    """log N(z; 0, I) summed over the last axis."""
    return -0.5 * (z * z).sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)


def gaussian(z: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """log N(z; mean, diag sigma^2) summed over the last axis."""
    return standard_normal((z - mean) * torch.exp(-log_sigma)) - log_sigma.sum(-1)


def real_nvp(size: int, context: int, blocks: int, hidden: int, generator: torch.Generator) -> Flow:
    """The flow of FLAG (supplement, Sec. 1 and Eq. 1): affine coupling blocks that swap halves.

    Scale and translation are networks of their own, three layers of width ``hidden``, tanh and ReLU; both see
    the kept half and h (B, ``context``). Which coordinates go together is drawn once. The last layers begin
    at zero, so that the flow begins as the identity.
    """
    order = torch.randperm(size, generator=generator)
    first = torch.zeros(size, dtype=torch.long)
    first[order[: size // 2]] = 1
    return Flow(
        _Affine(first if k % 2 == 0 else 1 - first, context, hidden, generator) for k in range(blocks)
    )


class _Affine(AffineCouplingTransform):
    """y = x exp(s(kept, h)) + t(kept, h) for the coordinates where the mask is 1; the others are kept.

    The log scale is bounded softly, so that an optimiser that strays far out in z finds no infinite poses.
    """

    def __init__(self, mask: Tensor, context: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__(mask, lambda kept, out: _ScaleAndShift(kept + context, hidden, out // 2, generator))

    def _coupling_transform_forward(
        self, inputs: Tensor, transform_params: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        log_scale, shift = transform_params
        return inputs * torch.exp(log_scale) + shift, log_scale.sum(-1)

    def _coupling_transform_inverse(
        self, inputs: Tensor, transform_params: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        log_scale, shift = transform_params
        return (inputs - shift) * torch.exp(-log_scale), -log_scale.sum(-1)


class _ScaleAndShift(nn.Module):
    """Two networks of the kept half and h: the log scale with tanh, the shift with ReLU."""

    def __init__(self, inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = layers((inputs, hidden, hidden, outputs), nn.Tanh, generator, last=0.0)
        self.shift = layers((inputs, hidden, hidden, outputs), nn.ReLU, generator, last=0.0)

    def forward(self, kept: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        seen = kept if context is None else torch.cat([kept, context], -1)
        return LIMIT * torch.tanh(self.scale(seen) / LIMIT), self.shift(seen)


def glow(
    size: int,
    context: int,
    steps: int,
    hidden: int,
    generator: torch.Generator,
    *,
    blocks: int = 2,
    batch_norm: bool = False,
) -> Flow:
    """The flow of LiP-Flow (Sec. 12.3, Table 10): steps of ActNorm, LULinear and an additive coupling.

    The coupling moves one half by a residual net of ``blocks`` blocks of width ``hidden`` that sees the other
    half and h (B, ``context``; 0 for no condition); the halves change places from step to step. ActNorm takes
    its first values from the first batch seen in training. log |det| does not depend on z.
    """
    even = torch.arange(size) % 2
    chain: list[Transform] = []
    for k in range(steps):
        net = _residual(context or None, hidden, blocks, batch_norm)
        mask = even if k % 2 == 0 else 1 - even
        chain += [ActNorm(size), _Linear(size), AdditiveCouplingTransform(mask, net)]
    flow = Flow(chain)
    for step in range(steps):
        redraw(chain[3 * step + 2], generator, last="final_layer")
    return flow


def _residual(
    context: int | None, hidden: int, blocks: int, batch_norm: bool
) -> Callable[[int, int], nn.Module]:
    """What nflows calls with the numbers of kept and of moved coordinates."""
    return lambda kept, moved: ResidualNet(
        kept, moved, hidden, context_features=context, num_blocks=blocks, use_batch_norm=batch_norm
    )


class _Linear(LULinear):
    """LULinear whose inverse does not call what torch is about to drop."""

    def inverse_no_cache(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = self._create_lower_upper()
        solved = torch.linalg.solve_triangular(lower, (inputs - self.bias).T, upper=False, unitriangular=True)
        outputs = torch.linalg.solve_triangular(upper, solved, upper=True).T
        return outputs, -self.logabsdet() * inputs.new_ones(len(outputs))


@dataclass(frozen=True)
class GlowStep:
    """The arrays of one step of ``glow``: y = weight (scale x + shift) + bias, then the coupling."""

    scale: Tensor  # (D,)
    shift: Tensor  # (D,)
    weight: Tensor  # (D, D)
    bias: Tensor  # (D,)
    kept: Tensor  # (D - d,) indices
    moved: Tensor  # (d,) indices
    net: nn.Module  # nflows' ResidualNet


def steps_of(flow: Flow) -> list[GlowStep]:
    """The steps of a flow made by ``glow``."""
    found = []
    for first in range(0, len(flow.blocks), 3):
        norm, linear, coupling = flow.blocks[first : first + 3]
        assert isinstance(norm, ActNorm)
        assert isinstance(linear, LULinear)
        assert isinstance(coupling, AdditiveCouplingTransform)
        kept, moved = coupling.identity_features, coupling.transform_features
        affine = norm.scale, norm.shift, linear.weight(), linear.bias
        found.append(GlowStep(*affine, kept, moved, coupling.transform_net))
    return found


def redraw(module: nn.Module, generator: torch.Generator, *, last: str = "") -> None:
    """Draw the weights of all linear layers anew from ``generator``; those whose name ends in ``last`` are
    drawn a hundred times smaller.
    """
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear):
            bound = (0.01 if last and name.endswith(last) else 1.0) / math.sqrt(layer.in_features)
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)


def layers(
    sizes: Sequence[int],
    between: type[nn.Module],
    generator: torch.Generator,
    *,
    last: float = 1.0,
) -> nn.Sequential:
    """Fully connected layers with a non-linearity between them; first weights drawn from ``generator``.

    ``last`` scales the first weights of the last layer.
    """
    parts: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        layer = nn.Linear(inputs, outputs)
        bound = (last if index == len(sizes) - 2 else 1.0) / math.sqrt(inputs)
        with torch.no_grad():
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)
        parts += [layer, between()]
    return nn.Sequential(*parts[:-1])
