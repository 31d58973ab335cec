"""The focal loss against its formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.segmentation.losses import focal_loss, focal_posterior


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.randint(-1, 3, (2, 4, 5), generator=torch.Generator().manual_seed(1))


def by_formula(logits: np.ndarray, labels: np.ndarray, gamma: float, balance: list[float]) -> float:
    total, count = 0.0, 0
    for b, y, x in np.ndindex(labels.shape):
        c = labels[b, y, x]
        if c < 0:
            continue
        p = np.exp(logits[b, :, y, x])[c] / np.exp(logits[b, :, y, x]).sum()
        total -= balance[c] * (1 - p) ** gamma * np.log(p)
        count += 1
    return total / count


@pytest.mark.parametrize(("gamma", "balance"), [(2.0, [1, 1, 1]), (0.0, [1, 1, 1]), (1.5, [0.5, 2.0, 1.0])])
def test_formula(logits: torch.Tensor, labels: torch.Tensor, gamma: float, balance: list[float]) -> None:
    found = focal_loss(logits, labels, gamma, torch.tensor(balance, dtype=torch.float64))
    assert found.item() == pytest.approx(by_formula(logits.numpy(), labels.numpy(), gamma, balance))


def test_without_gamma_it_is_the_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> None:
    entropy = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-1)
    assert focal_loss(logits, labels, 0.0).item() == pytest.approx(entropy.item())
    assert focal_loss(logits, labels, 2.0).item() < 0.8 * entropy.item()


def test_gradient(logits: torch.Tensor, labels: torch.Tensor) -> None:
    few = logits[:1, :, :2, :2].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: focal_loss(x, labels[:1, :2, :2]), (few,))


def test_pixels_without_a_label_do_not_count(logits: torch.Tensor, labels: torch.Tensor) -> None:
    shift = 5 * torch.eye(3, dtype=torch.float64)[0, :, None, None]
    other = torch.where((labels < 0)[:, None], logits + shift, logits)
    assert focal_loss(other, labels).item() == pytest.approx(focal_loss(logits, labels).item())
    assert focal_loss(other, labels.clamp_min(0)).item() != pytest.approx(
        focal_loss(logits, labels.clamp_min(0)).item()
    )
    assert focal_loss(logits, torch.full_like(labels, -1)).item() == 0.0


def test_the_posterior_is_what_minimises_the_focal_loss() -> None:
    chances = torch.tensor([0.7, 0.2, 0.1])
    logits = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-9)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        each = [focal_loss(logits[None, :, None, None], torch.full((1, 1, 1), c)) for c in range(3)]
        total = (chances * torch.stack(each)).sum()
        total.backward()
        return total

    optimiser.step(loss)
    scores = torch.softmax(logits.detach(), 0)
    assert scores.max() < 0.6  # less sure than the chances
    torch.testing.assert_close(focal_posterior(scores[None])[0], chances, atol=2e-3, rtol=0)
