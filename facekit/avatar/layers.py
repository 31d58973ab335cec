"""Layers of Multiface's Deep Appearance Model: weight normalisation by one norm, and biases for each texel.

Lombardi et al., Deep Appearance Models for Face Rendering, 2018; Wuu et al., Multiface, 2022. The weights of
a layer are divided by the norm of all of them together, then each output has a gain of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of the leaky ReLU


class Dense(nn.Linear):
    """A linear layer with normalised weights."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.gain = nn.Parameter(torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        # The gains come after the product: outputs are fewer than weights.
        return functional.linear(x, self.weight) * (self.gain / self.weight.norm()) + self.bias


class Down(nn.Conv2d):
    """A convolution of kernel 4, stride 2, with normalised weights: half the height and width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)
        self.gain = nn.Parameter(torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * (self.gain / self.weight.norm())[:, None, None, None]
        return functional.conv2d(x, weight, self.bias, 2, 1)


class Up(nn.ConvTranspose2d):
    """A transposed convolution of kernel 4, stride 2, with a bias for each texel of its output."""

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        """``side`` of the output, px."""
        super().__init__(inputs, outputs, 4, 2, 1, bias=False)
        self.gain = nn.Parameter(torch.ones(outputs))
        self.texels = nn.Parameter(torch.zeros(outputs, side, side))

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight * (self.gain / self.weight.norm())[:, None, None]
        return functional.conv_transpose2d(x, weight, None, 2, 1) + self.texels


def leaky(x: Tensor) -> Tensor:
    """The non-linearity of all networks of the Deep Appearance Model."""
    return functional.leaky_relu(x, SLOPE)


def initialise(module: nn.Module, generator: torch.Generator, *, plain: tuple[str, ...] = ()) -> None:
    """Glorot's uniform weights from ``generator``, biases 0, gains such that weights act as drawn.

    Layers named in ``plain`` are followed by no leaky ReLU, whose loss of variance the others make up for.
    """
    for name, layer in module.named_modules():
        if not isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            continue
        rise = 1.0 if name in plain else math.sqrt(2.0 / (1 + SLOPE**2))
        field = layer.weight[0, 0].numel() if layer.weight.ndim == 4 else 1
        if isinstance(layer, nn.ConvTranspose2d):
            field //= 4  # of sixteen weights, four meet in an output
        fan_in, fan_out = field * layer.weight.shape[1], field * layer.weight.shape[0]
        bound = rise * math.sqrt(6.0 / (fan_in + fan_out))
        with torch.no_grad():
            layer.weight.uniform_(-bound, bound, generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
            gain = getattr(layer, "gain", None)
            if gain is not None:
                gain.fill_(layer.weight.norm().item())
