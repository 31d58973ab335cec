"""The laws of a flow: inverse, Jacobian, a density that integrates to one, and what FLAG asks of it."""

from __future__ import annotations

import math

import pytest
import torch

from facekit.priors.flow import Flow, gaussian, layers, real_nvp, standard_normal


def flow(size: int = 5, context: int = 3, blocks: int = 6, seed: int = 0) -> Flow:
    """A flow in float64 whose last layers are not zero."""
    generator = torch.Generator().manual_seed(seed)
    made = real_nvp(size, context, blocks, 16, generator).double()
    with torch.no_grad():
        for value in made.parameters():
            value.copy_(0.3 * torch.randn(value.shape, generator=generator, dtype=torch.float64))
    return made


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("size", [2, 5, 8])
def test_inverse(size: int, context: int) -> None:
    made, x = flow(size, context), draw(7, size)
    h = draw(7, context, seed=2) if context else None
    z, _ = made.to_noise(x, h)
    assert (z - x).abs().max() > 0.1
    torch.testing.assert_close(made.from_noise(z, h), x, rtol=0, atol=1e-9)
    torch.testing.assert_close(made.to_noise(made.from_noise(x, h), h)[0], x, rtol=0, atol=1e-9)


def test_log_determinant_is_that_of_the_jacobian() -> None:
    made, x, h = flow(), draw(4, 5), draw(4, 3, seed=2)
    _, logdet = made.to_noise(x, h)
    for row in range(4):
        jacobian = torch.autograd.functional.jacobian(
            lambda v, row=row: made.to_noise(v[None], h[row : row + 1])[0][0], x[row]
        )
        torch.testing.assert_close(logdet[row], torch.linalg.slogdet(jacobian)[1], rtol=1e-9, atol=1e-9)


def test_density_integrates_to_one_for_each_condition() -> None:
    made = flow(2, 1, 4)
    side = torch.linspace(-25, 25, 401, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    for value in (-1.0, 0.5):
        h = torch.full((len(grid), 1), value, dtype=torch.float64)
        total = made.log_prob(grid, h).exp().sum().item() * (side[1] - side[0]).item() ** 2
        assert total == pytest.approx(1.0, abs=2e-3)


def test_the_condition_matters() -> None:
    made, x = flow(), draw(4, 5)
    assert not torch.allclose(made.log_prob(x, draw(4, 3, seed=2)), made.log_prob(x, draw(4, 3, seed=3)))


def test_the_flow_begins_as_the_identity() -> None:
    made = real_nvp(6, 2, 16, 8, torch.Generator().manual_seed(0)).double()
    x, h = draw(3, 6), draw(3, 2)
    z, logdet = made.to_noise(x, h)
    torch.testing.assert_close(z, x)
    torch.testing.assert_close(logdet, torch.zeros(3, dtype=torch.float64))


def test_every_coordinate_changes_in_two_blocks() -> None:
    whole = flow(5, 3, 2)
    x, h = draw(3, 5), draw(3, 3)
    assert ((whole.to_noise(x, h)[0] - x).abs() > 1e-6).all()
    halves = [((Flow([block]).to_noise(x, h)[0] - x).abs() > 1e-6).all(0) for block in whole.blocks]
    assert torch.equal(halves[0], ~halves[1])


def test_likelihoods_after_some_blocks_are_those_of_shorter_flows() -> None:
    made, x, h = flow(), draw(4, 5), draw(4, 3, seed=2)
    found, z = made.log_probs(x, h, (2, 4, 6))
    torch.testing.assert_close(z, made.to_noise(x, h)[0])
    assert len(found) == 3
    for count, value in zip((2, 4, 6), found, strict=True):
        torch.testing.assert_close(value, Flow(list(made.blocks)[:count]).log_prob(x, h))
    torch.testing.assert_close(found[-1], made.log_prob(x, h))


def test_far_latents_give_finite_poses() -> None:
    made = flow()
    assert torch.isfinite(made.from_noise(1e3 * draw(4, 5), draw(4, 3))).all()


def test_gradient_against_differences() -> None:
    made, x, h = flow(3, 2, 3), draw(2, 3).requires_grad_(), draw(2, 2).requires_grad_()
    assert torch.autograd.gradcheck(made.log_prob, (x, h))
    assert torch.autograd.gradcheck(made.from_noise, (x, h))


def test_same_seed_same_weights() -> None:
    one, two, other = (real_nvp(4, 1, 2, 4, torch.Generator().manual_seed(s)).state_dict() for s in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_gaussians_against_torch() -> None:
    z, mean, log_sigma = draw(4, 3), draw(4, 3, seed=2), draw(4, 3, seed=3)
    expected = torch.distributions.Normal(mean, log_sigma.exp()).log_prob(z).sum(-1)
    torch.testing.assert_close(gaussian(z, mean, log_sigma), expected)
    torch.testing.assert_close(standard_normal(z), gaussian(z, 0 * z, 0 * z))


def test_layers() -> None:
    made = layers((3, 4, 2), torch.nn.ReLU, torch.Generator().manual_seed(0), last=0.0)
    assert [type(part).__name__ for part in made] == ["Linear", "ReLU", "Linear"]
    assert made(torch.randn(5, 3, generator=torch.Generator().manual_seed(1))).abs().max() == 0
    assert made[0].weight.abs().max() <= 1 / math.sqrt(3)
