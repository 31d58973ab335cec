"""The flow of LiP-Flow, learning and frozen: inverse, Jacobian, what it is conditioned on, speed-ups."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from facekit.priors.flow import Flow, glow
from facekit.priors.frozen_flow import FrozenFlow


def draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flow(size: int = 6, context: int = 3, *, batch_norm: bool = False, seed: int = 0) -> Flow:
    """A flow in float64 that a few batches went through and whose parameters are far from the first."""
    generator = torch.Generator().manual_seed(seed)
    made = glow(size, context, 4, 16, generator, batch_norm=batch_norm).double()
    h = draw(32, context, seed=5) if context else None
    made.train().to_noise(draw(32, size, seed=4) * 3 + 2, h)
    with torch.no_grad():
        for value in made.parameters():
            value += 0.2 * torch.randn(value.shape, generator=generator, dtype=torch.float64)
    return made.eval().requires_grad_(False)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("size", "context"), [(2, 3), (5, 0), (8, 3)])
def test_inverse(size: int, context: int, batch_norm: bool) -> None:
    made, x = flow(size, context, batch_norm=batch_norm), draw(7, size)
    h = draw(7, context, seed=2) if context else None
    z, _ = made.to_noise(x, h)
    assert (z - x).abs().max() > 0.1
    torch.testing.assert_close(made.from_noise(z, h), x, rtol=0, atol=1e-9)
    torch.testing.assert_close(made.to_noise(made.from_noise(x, h), h)[0], x, rtol=0, atol=1e-9)


def test_log_determinant_is_that_of_the_jacobian() -> None:
    made, x, h = flow(), draw(3, 6), draw(3, 3, seed=2)
    _, logdet = made.to_noise(x, h)
    assert logdet.abs().min() > 1e-3
    for row in range(3):
        jacobian = torch.autograd.functional.jacobian(
            lambda v, row=row: made.to_noise(v[None], h[row : row + 1])[0][0], x[row]
        )
        torch.testing.assert_close(logdet[row], torch.linalg.slogdet(jacobian)[1], rtol=1e-9, atol=1e-9)


def test_the_first_batch_sets_mean_and_deviation() -> None:
    made, x = glow(6, 0, 1, 8, torch.Generator().manual_seed(0)).double().train(), draw(64, 6) * 3 + 2
    normed, _ = made.blocks[0](x)
    torch.testing.assert_close(normed.mean(0), torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(normed.std(0), torch.ones(6, dtype=torch.float64), rtol=0, atol=1e-9)


def test_the_condition_moves_both_halves() -> None:
    made, x = flow(), draw(4, 6)
    one, other = (made.to_noise(x, draw(4, 3, seed=seed))[0] for seed in (2, 3))
    assert ((one - other).abs() > 1e-6).all()


def test_the_seed_gives_the_weights() -> None:
    one, same, other = (glow(6, 3, 2, 8, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    pairs = list(zip(one.parameters(), same.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("context", [0, 3])
def test_frozen_is_the_same_flow(context: int, batch_norm: bool) -> None:
    made, x = flow(6, context, batch_norm=batch_norm), draw(7, 6)
    h = draw(7, context, seed=2) if context else None
    frozen = FrozenFlow(made, h)
    for ours, theirs in (
        (frozen.to_noise(x)[0], made.to_noise(x, h)[0]),
        (frozen.to_noise(x)[1], made.to_noise(x, h)[1]),
        (frozen.from_noise(x), made.from_noise(x, h)),
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_frozen_has_the_same_gradients() -> None:
    made, h, weights = flow(batch_norm=True), draw(7, 3, seed=2), draw(7, 6, seed=3)
    frozen = FrozenFlow(made, h)
    for ours, theirs in (
        (lambda z: frozen.from_noise(z), lambda z: made.from_noise(z, h)),
        (lambda z: frozen.to_noise(z)[0], lambda z: made.to_noise(z, h)[0]),
    ):
        slopes = []
        for way in (ours, theirs):
            z = draw(7, 6).requires_grad_()
            slopes += torch.autograd.grad((way(z).sin() * weights).sum(), z)
        torch.testing.assert_close(slopes[0], slopes[1], rtol=0, atol=1e-9)


def test_frozen_takes_some_of_the_items() -> None:
    made, x, h = flow(), draw(7, 6), draw(7, 3, seed=2)
    rows = torch.tensor([4, 1])
    some = FrozenFlow(made, h).from_noise(x[rows], rows)
    torch.testing.assert_close(some, made.from_noise(x, h)[rows], rtol=0, atol=1e-9)
    assert not torch.allclose(some, FrozenFlow(made, h).from_noise(x[rows], torch.tensor([0, 2])))
