"""The terms of the objective against torch.distributions, and what must not count."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from facekit.avatar.encoder import Gaussian
from facekit.avatar.losses import IMAGE, entropy, image_loss, kl, kl_to_standard, mesh_loss


def draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def normal(g: Gaussian) -> Normal:
    return Normal(g.mean, g.log_sigma.exp())


def test_divergences_and_entropy() -> None:
    q, p = Gaussian(draw(3, 4), draw(3, 4, seed=2)), Gaussian(draw(3, 4, seed=3), draw(3, 4, seed=4))
    standard = Normal(torch.zeros(3, 4).double(), torch.ones(3, 4).double())
    torch.testing.assert_close(kl(q, p), kl_divergence(normal(q), normal(p)).mean())
    torch.testing.assert_close(kl_to_standard(q), kl_divergence(normal(q), standard).mean())
    assert kl(q, q).abs() < 1e-12
    assert not torch.allclose(kl(q, p), kl(p, q))
    wider = Gaussian(p.mean, p.log_sigma + 1)
    torch.testing.assert_close(
        entropy(wider) - entropy(p), (normal(wider).entropy() - normal(p).entropy()).mean()
    )


def test_only_pixels_in_the_mask_count() -> None:
    truth, masks = torch.rand(2, 3, 4, 3), torch.zeros(2, 3, 4, dtype=torch.bool)
    masks[:, 1] = True
    wrong = truth + 0.1
    inside = image_loss(wrong, truth, masks).item()
    assert inside == pytest.approx((0.1 / IMAGE) ** 2, rel=1e-4)
    wrong[:, 0] += 5
    assert image_loss(wrong, truth, masks).item() == pytest.approx(inside)
    wrong[:, 1] += 0.1
    assert image_loss(wrong, truth, masks).item() > inside


def test_meshes_count_in_their_deviation() -> None:
    vertices = draw(2, 5, 3)
    found = mesh_loss(vertices + 0.003, vertices, torch.tensor(0.001))
    assert found.item() == pytest.approx(9.0, rel=1e-6)
