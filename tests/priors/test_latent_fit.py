"""The fitter of latents against known minima, against torch's L-BFGS, and each item against itself alone."""

from __future__ import annotations

import pytest
import torch

from facekit.priors.latent_fit import _between, distance_to, minimise


def rosenbrock(z: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    return (100 * (z[:, 1:] - z[:, :-1] ** 2) ** 2 + (1 - z[:, :-1]) ** 2).sum(1)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def quadratics(count: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Curvatures and minima, different for each item."""
    A = draw(count, size, size)
    return A @ A.mT + 0.1 * torch.eye(size, dtype=torch.float64), draw(count, size, seed=1)


def test_each_item_finds_its_own_minimum() -> None:
    A, m = quadratics(5, 6)

    def objective(z: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return 0.5 * ((z - m[items])[:, None] @ A[items] @ (z - m[items])[..., None])[:, 0, 0]

    fit = minimise(objective, draw(5, 6, seed=2), 60)
    torch.testing.assert_close(fit.z, m, rtol=0, atol=1e-3)
    assert fit.value.max() < 1e-6


def test_a_valley_is_followed_as_fast_as_torch_follows_it() -> None:
    start = draw(4, 4)
    fit = minimise(rosenbrock, start, 50)
    for row in range(4):
        z = start[row : row + 1].clone().requires_grad_()
        theirs = torch.optim.LBFGS([z], 1.0, 50, 80, history_size=10, line_search_fn="strong_wolfe")

        def closure(z: torch.Tensor = z, theirs: torch.optim.LBFGS = theirs) -> torch.Tensor:
            theirs.zero_grad()
            value = rosenbrock(z, torch.zeros(1))[0]
            value.backward()
            return value

        theirs.step(closure)
        reached = rosenbrock(z.detach(), torch.zeros(1))[0].item()
        assert fit.value[row].item() < max(1e-5, 2 * reached)


def test_items_do_not_feel_each_other() -> None:
    start = draw(6, 3)
    together = minimise(rosenbrock, start, 12, watch=(5,))
    for row in range(6):
        alone = minimise(rosenbrock, start[row : row + 1], 12, watch=(5,))
        torch.testing.assert_close(alone.z[0], together.z[row], rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(alone.path[5][0], together.path[5][row], rtol=1e-8, atol=1e-10)
    assert not torch.allclose(together.z[0], together.z[1], atol=1e-4) or together.value[0] < 1e-8


def test_values_never_rise() -> None:
    start = draw(8, 5, seed=3)
    fit = minimise(rosenbrock, start, 30, watch=range(31))
    values = torch.stack([rosenbrock(fit.path[k], torch.arange(8)) for k in range(31)])
    assert (values[1:] <= values[:-1] + 1e-12).all()
    torch.testing.assert_close(fit.path[0], start)
    torch.testing.assert_close(fit.path[30], fit.z)
    torch.testing.assert_close(values[-1], fit.value)


def test_the_start_is_left_alone_and_a_minimum_stays() -> None:
    start = torch.ones(2, 3, dtype=torch.float64)
    fit = minimise(rosenbrock, start, 5)
    torch.testing.assert_close(fit.z, start)
    begin = draw(2, 3)
    kept = begin.clone()
    minimise(rosenbrock, begin, 5)
    assert torch.equal(begin, kept)


def test_a_step_into_nowhere_is_shortened() -> None:
    def objective(z: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return (z - torch.log(z)).sum(1)  # NaN for z < 0, least at 1

    fit = minimise(objective, torch.tensor([[9.0], [0.01], [300.0]], dtype=torch.float64), 40)
    torch.testing.assert_close(fit.z, torch.ones(3, 1, dtype=torch.float64), rtol=0, atol=1e-3)


def test_the_cubic_between_two_ends() -> None:
    """t^3 - 3 t has its minimum at 1."""
    low, high = torch.tensor([0.2]), torch.tensor([1.6])
    values = [low, low**3 - 3 * low, 3 * low**2 - 3, high, high**3 - 3 * high, 3 * high**2 - 3]
    assert _between(*values).item() == pytest.approx(1.0, abs=1e-5)
    values[3] = torch.tensor([torch.inf])
    assert _between(*values).item() == pytest.approx(0.4)


def test_the_distance_has_a_gradient_everywhere() -> None:
    z = draw(3, 4).requires_grad_()
    centre = draw(3, 4, seed=1)
    torch.testing.assert_close(distance_to(z, centre), (z - centre).norm(dim=1), rtol=0, atol=2e-4)
    assert torch.autograd.gradcheck(lambda v: distance_to(v, centre), z)
    same = centre.clone().requires_grad_()
    distance_to(same, centre).sum().backward()
    assert torch.equal(same.grad, torch.zeros_like(centre))
