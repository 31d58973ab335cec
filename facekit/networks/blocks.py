"""The operators that the networks of 3DFaceFill are made of (supplement, Sec. 4.1).

Pictures are (B, C, H, W). ``k, s, p`` are kernel size, stride and padding, as in the paper's tables. Every
convolution is spectrally normalised (Miyato et al., 2018) except those that the tables call Conv.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

PER_GROUP = 4  # channels normalised together


def groups_of(channels: int) -> int:
    """The groups of a group normalisation: of four channels each, or the next larger size that divides."""
    wanted = max(1, channels // PER_GROUP)
    return next(n for n in range(wanted, 0, -1) if channels % n == 0)


class SpectralConv(nn.Conv2d):
    """A convolution whose weights are divided by their largest singular value, as a (c_out, rest) matrix.

    The value is followed by one power iteration for each training step from a direction ``u``, a buffer.
    """

    u: Tensor

    def __init__(self, c_in: int, c_out: int, k: int, s: int, p: int) -> None:
        super().__init__(c_in, c_out, k, s, p)
        self.register_buffer("u", _even(c_out))

    def forward(self, x: Tensor) -> Tensor:
        weight = _normalised(self, self.weight, self.weight.flatten(1))
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


class SpectralDeconv(nn.ConvTranspose2d):
    """A transposed convolution, normalised as SpectralConv."""

    u: Tensor

    def __init__(self, c_in: int, c_out: int, k: int, s: int, p: int) -> None:
        super().__init__(c_in, c_out, k, s, p)
        self.register_buffer("u", _even(c_out))

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = _normalised(self, self.weight, self.weight.transpose(0, 1).flatten(1))
        stride, padding = int(self.stride[0]), int(self.padding[0])
        return functional.conv_transpose2d(x, weight, self.bias, stride, padding)


def _even(count: int) -> Tensor:
    return torch.full((count,), count**-0.5)


def _normalised(layer: SpectralConv | SpectralDeconv, weight: Tensor, matrix: Tensor) -> Tensor:
    """``weight`` over the largest singular value of ``matrix`` (c_out, N), its numbers in another order."""
    with torch.autocast(weight.device.type, enabled=False):  # half precision would spoil the power iteration
        with torch.no_grad():
            u = layer.u.to(matrix.dtype)
            v = functional.normalize(matrix.T @ u, dim=0)
            if layer.training:
                u = functional.normalize(matrix @ v, dim=0)
                layer.u = u.to(layer.u.dtype)  # a new tensor: the last one may be wanted for a gradient
        return weight / (u @ (matrix @ v))


def conv_gn(
    c_in: int, c_out: int, k: int, s: int, p: int, activation: nn.Module, groups: int | None = None
) -> nn.Sequential:
    """SpectralConv, group normalisation with ``groups`` (default c_out / 4), activation."""
    return nn.Sequential(
        SpectralConv(c_in, c_out, k, s, p), nn.GroupNorm(groups or groups_of(c_out), c_out), activation
    )


def conv_gn_elu(c_in: int, c_out: int, k: int, s: int, p: int, groups: int | None = None) -> nn.Sequential:
    """SpectralConv + GN + ELU of Tables 3 and 4."""
    return conv_gn(c_in, c_out, k, s, p, nn.ELU(), groups)


def conv_gn_lrelu(c_in: int, c_out: int, k: int, s: int, p: int, slope: float = 0.2) -> nn.Sequential:
    """SpectralConv + GN + LReLU of Table 6."""
    return conv_gn(c_in, c_out, k, s, p, nn.LeakyReLU(slope))


class SigGNConv(nn.Sequential):
    """A gate between 0 and 1: SpectralConv + GN + sigmoid."""

    def __init__(self, c_in: int, c_out: int, k: int, s: int, p: int) -> None:
        super().__init__(
            SpectralConv(c_in, c_out, k, s, p), nn.GroupNorm(groups_of(c_out), c_out), nn.Sigmoid()
        )


class SigGNDeconv(nn.Sequential):
    """A gate between 0 and 1 at a higher resolution: SpectralDeconv + GN + sigmoid."""

    def __init__(self, c_in: int, c_out: int, k: int, s: int, p: int) -> None:
        super().__init__(
            SpectralDeconv(c_in, c_out, k, s, p), nn.GroupNorm(groups_of(c_out), c_out), nn.Sigmoid()
        )


class ResUnit(nn.Module):
    """ELU(GN(conv(ELU(GN(conv(x))))) + shortcut(x)), the second convolution 3 x 3 with stride 1.

    The shortcut is a 1 x 1 convolution with stride s where the number of channels changes, else the mean
    over s x s pixels. The paper names only the unit: with these parts, and 2 x 2 deconvolutions (as its code
    has them) instead of Upsample, its Table 7 has the 7.18 M parameters that it says.
    """

    def __init__(self, c_in: int, c_out: int, k: int, s: int, p: int) -> None:
        super().__init__()
        self.first = conv_gn_elu(c_in, c_out, k, s, p)
        self.second = SpectralConv(c_out, c_out, 3, 1, 1)
        self.norm = nn.GroupNorm(groups_of(c_out), c_out)
        self.shortcut: nn.Module = SpectralConv(c_in, c_out, 1, s, 0)
        if c_in == c_out:
            self.shortcut = nn.Identity() if s == 1 else nn.AvgPool2d(s, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        return functional.elu(self.norm(self.second(self.first(x))) + self.shortcut(x))


def upsample(x: Tensor, high: int = 2, wide: int = 2) -> Tensor:
    """Height and width times whole numbers, by the nearest neighbour."""
    return x.repeat_interleave(high, 2).repeat_interleave(wide, 3)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Weights of all convolutions and linear layers anew, from ``generator`` (CPU): He et al.'s normal
    distribution; biases 0; the directions of spectral normalisation random.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            fan = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                fan = layer.weight[:, 0].numel() // (layer.stride[0] * layer.stride[1])
            with torch.no_grad():
                drawn = torch.randn(layer.weight.shape, generator=generator)
                layer.weight.copy_(drawn * (2.0 / max(fan, 1)) ** 0.5)
                if layer.bias is not None:
                    layer.bias.zero_()
        if isinstance(layer, SpectralConv | SpectralDeconv):
            layer.u.copy_(functional.normalize(torch.randn(layer.u.shape, generator=generator), dim=0))


def parameter_count(module: nn.Module) -> int:
    """The number of trained numbers of a network."""
    return sum(value.numel() for value in module.parameters() if value.requires_grad)
