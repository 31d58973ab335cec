"""The convolution blocks of 3DFaceFill."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facekit.networks.blocks import (
    ResUnit,
    SigGNConv,
    SigGNDeconv,
    SpectralConv,
    SpectralDeconv,
    conv_gn_elu,
    groups_of,
    initialise,
    parameter_count,
    upsample,
)


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _seeded(module: nn.Module, seed: int = 0) -> nn.Module:
    initialise(module, torch.Generator().manual_seed(seed))
    return module


@pytest.mark.parametrize("kind", [SpectralConv, SpectralDeconv])
def test_the_weights_used_have_largest_singular_value_one(kind: type[SpectralConv]) -> None:
    layer = _seeded(kind(4, 6, 3, 1, 1)).train()
    x = _random(1, 4, 5, 5)
    for _ in range(60):
        out = layer(x)
    matrix = layer.weight if kind is SpectralConv else layer.weight.transpose(0, 1)
    largest = torch.linalg.matrix_norm(matrix.flatten(1), 2)
    plain = (nn.Conv2d if kind is SpectralConv else nn.ConvTranspose2d)(4, 6, 3, 1, 1, bias=False)
    plain.weight.data = layer.weight.data / largest
    assert torch.allclose(out, plain(x), atol=1e-4)
    assert largest > 1.2  # so that dividing by it matters


def test_looking_moves_nothing_but_training_does() -> None:
    layer = _seeded(SpectralConv(4, 6, 3, 1, 1))
    before = layer.u.clone()
    layer.eval()(_random(1, 4, 5, 5))
    assert torch.equal(layer.u, before)
    layer.train()(_random(1, 4, 5, 5))
    assert not torch.equal(layer.u, before)


def test_scaled_weights_are_the_same_layer() -> None:
    layer = _seeded(SpectralConv(4, 6, 3, 1, 1)).eval()
    x = _random(2, 4, 7, 7)
    out = layer(x)
    layer.weight.data *= 3
    assert torch.allclose(layer(x), out, atol=1e-5)


@pytest.mark.parametrize("kind", [SpectralConv, SpectralDeconv])
def test_half_precision_rounds_the_products_but_not_the_singular_value(kind: type[SpectralConv]) -> None:
    whole, half = _seeded(kind(4, 6, 3, 1, 1)).train(), _seeded(kind(4, 6, 3, 1, 1)).train()
    x = _random(1, 4, 5, 5)
    for _ in range(5):
        expected = whole(x)
        with torch.autocast("cpu", torch.bfloat16):
            out = half(x)
    assert out.dtype == torch.bfloat16
    assert torch.allclose(out.float(), expected, atol=0.03)
    assert not torch.equal(out.float(), expected)
    assert torch.equal(half.u, whole.u)


def test_a_layer_can_be_used_twice_before_the_gradient_is_taken() -> None:
    layer = _seeded(SpectralConv(3, 3, 3, 1, 1)).train()
    (layer(layer(_random(1, 3, 5, 5)))).square().sum().backward()
    assert layer.weight.grad is not None
    assert torch.isfinite(layer.weight.grad).all()


def test_the_gradient_of_a_unit_is_that_of_finite_differences() -> None:
    unit = _seeded(ResUnit(2, 4, 3, 2, 1)).double().eval()
    x = _random(1, 2, 3, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(unit, (x,))


@pytest.mark.parametrize(("height", "width"), [(8, 6), (7, 9)])
@pytest.mark.parametrize(("c_in", "c_out", "s"), [(3, 8, 1), (3, 8, 2), (8, 8, 2), (8, 8, 1)])
def test_shapes_of_units_and_gates_agree(c_in: int, c_out: int, s: int, height: int, width: int) -> None:
    x = _random(2, c_in, height, width)
    shape = (2, c_out, -(-height // s), -(-width // s))
    assert ResUnit(c_in, c_out, 3, s, 1)(x).shape == shape
    gate = SigGNConv(c_in, c_out, 3, s, 1)(x)
    assert gate.shape == shape
    assert gate.min() > 0
    assert gate.max() < 1


def test_gates_and_pictures_grow_alike() -> None:
    x = _random(1, 4, 3, 5)
    assert SigGNDeconv(4, 8, 4, 2, 1)(x).shape[2:] == upsample(x).shape[2:] == (6, 10)
    assert torch.equal(upsample(x, 3, 4)[..., 1, 1], x[..., 0, 0])


@pytest.mark.parametrize(("channels", "groups"), [(32, 8), (196, 49), (6, 1), (3, 1), (20, 5)])
def test_groups_divide(channels: int, groups: int) -> None:
    assert groups_of(channels) == groups


def test_same_seed_same_weights_and_no_other() -> None:
    first, again = (_seeded(conv_gn_elu(3, 8, 3, 1, 1)).state_dict() for _ in range(2))
    other = _seeded(conv_gn_elu(3, 8, 3, 1, 1), 1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])


def test_parameters_are_those_that_learn() -> None:
    assert parameter_count(conv_gn_elu(3, 8, 3, 1, 1)) == 3 * 8 * 9 + 8 + 2 * 8
