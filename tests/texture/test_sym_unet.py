"""The networks of Tables 5 and 6, and the losses that they are trained with."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from facekit.networks.blocks import initialise, parameter_count
from facekit.texture.losses import (
    TOLERATED,
    completion_loss,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    image_loss,
    masked_mean,
    symmetry_loss,
)
from facekit.texture.pyramid_gan import preset_discriminator
from facekit.texture.sym_unet import PLAIN, SymUNet, preset_sym_unet

WIDTHS = (4, 8, 8, 8, 8)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def network() -> SymUNet:
    made = SymUNet(WIDTHS)
    initialise(made, generator())
    return made.eval()


def test_the_paper_s_networks_have_the_paper_s_size() -> None:
    with torch.device("meta"):
        inpainter, judge = preset_sym_unet("paper"), preset_discriminator("paper")
    assert inpainter.inputs == PLAIN
    assert parameter_count(inpainter) == pytest.approx(11e6, rel=0.07)
    assert parameter_count(judge) == pytest.approx(2.79e6, rel=0.001)


def test_maps_come_out_as_large_as_they_go_in(network: SymUNet) -> None:
    albedo, sigma = network(torch.rand(2, PLAIN, 64, 96, generator=generator()))
    assert albedo.shape == (2, 3, 64, 96)
    assert sigma.shape == (2, 1, 64, 96)
    with pytest.raises(ValueError, match="5 levels"):
        SymUNet((4, 4))


def test_the_second_branch_sees_the_mirror_image(network: SymUNet) -> None:
    """Branches that change places see the mirror image as they saw the picture before."""
    x = torch.rand(1, PLAIN, 32, 32, generator=generator(1))
    exchanged = SymUNet(WIDTHS)
    exchanged.load_state_dict(network.state_dict())
    exchanged.here, exchanged.mirrored = exchanged.mirrored, exchanged.here
    exchanged.eval()
    here, there = network.branches(x).chunk(2, 1)
    again_there, again_here = exchanged.branches(x.flip(-1)).chunk(2, 1)
    assert torch.allclose(here, again_here, atol=1e-6)
    assert torch.allclose(there, again_there, atol=1e-6)
    assert not torch.allclose(here, again_there, atol=1e-3)  # must fail
    # what only the other side shows reaches the output through the second branch alone
    changed = x.clone()
    changed[..., :4] += 1
    moved = network(changed, x.flip(-1))[0] - network(x, x.flip(-1))[0]
    alone = network(x, changed.flip(-1))[0] - network(x, x.flip(-1))[0]
    assert moved.abs().max() > 1e-4
    assert alone.abs().max() > 1e-4


def test_all_four_scores_reach_the_discriminator_s_loss() -> None:
    judge = preset_discriminator("tiny")
    initialise(judge, generator())
    scores = judge(torch.rand(2, 3, 64, 64, generator=generator()))
    assert [tuple(one.shape[2:]) for one in scores] == [(16, 16), (8, 8), (4, 4), (2, 2)]
    discriminator_loss(scores, [-one for one in scores]).backward()
    for layer in judge.scores:
        assert layer.weight.grad is not None
        assert layer.weight.grad.abs().max() > 0


def slope_is_right(loss, at: Tensor) -> bool:  # type: ignore[no-untyped-def]
    """Whether the gradient agrees with finite differences."""
    point = at.double().requires_grad_()
    return bool(torch.autograd.gradcheck(loss, (point,), eps=1e-6, atol=1e-6, raise_exception=False))


def test_gradients_agree_with_finite_differences() -> None:
    g = generator(2)
    albedo, truth = (torch.rand(2, 3, 4, 4, generator=g).double() for _ in range(2))
    sigma = torch.randn(2, 1, 4, 4, generator=g).double()
    mask = (torch.rand(2, 1, 4, 4, generator=g) > 0.4).double()
    assert slope_is_right(lambda x: completion_loss(x, truth, sigma, mask), albedo)
    assert slope_is_right(lambda x: completion_loss(albedo, truth, x, mask), sigma)
    assert slope_is_right(lambda x: image_loss(x, truth, mask), albedo)
    score = torch.randn(2, 1, 3, 3, generator=g).double()
    assert slope_is_right(lambda x: discriminator_loss([x, 2 * x], [score, x - 0.3]), score + 0.1)
    assert slope_is_right(lambda x: generator_loss([x, x * x]), score)
    assert not slope_is_right(lambda x: symmetry_loss(x, mask), albedo)  # must fail: the mirror is held


def test_the_uncertainty_comes_to_be_the_mean_error() -> None:
    truth = torch.zeros(1, 3, 8, 8)
    wrong, mask = torch.full_like(truth, 0.2), torch.ones(1, 1, 8, 8)
    values = [completion_loss(wrong, truth, torch.full((1, 1, 8, 8), c).log(), mask) for c in (0.1, 0.2, 0.4)]
    assert values[1] < values[0]
    assert values[1] < values[2]


def test_only_the_masked_texels_count_however_many_they_are() -> None:
    values = torch.ones(1, 3, 8, 8)
    few, many = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    few[..., :2, :2] = 1
    assert masked_mean(values, few) == masked_mean(values, many) == 1
    assert masked_mean(values, 0 * few) == 0
    values[..., 4:, :] = 9
    assert masked_mean(values, few) == 1


def test_symmetry_counts_only_where_the_other_side_is_seen() -> None:
    albedo = torch.zeros(1, 3, 2, 8)
    albedo[..., 0] = 0.5
    visible = torch.zeros(1, 1, 2, 8)
    assert symmetry_loss(albedo, visible) == 0
    visible[..., 7] = 1  # the mirror of column 0, which is hidden
    assert symmetry_loss(albedo, visible) == pytest.approx(0.5)
    visible[..., 0] = 1
    assert symmetry_loss(albedo, visible) == 0
    visible[..., 0] = 0
    assert symmetry_loss(0.9 * TOLERATED * albedo / 0.5, visible) == 0
    albedo.requires_grad_()
    symmetry_loss(albedo, visible).backward()
    assert albedo.grad is not None
    assert albedo.grad[..., 0].abs().min() > 0
    assert albedo.grad[..., 7].abs().max() == 0  # what is seen does not move


def test_the_penalty_wants_slopes_of_one() -> None:
    genuine, made = torch.rand(2, 3, 4, 4, generator=generator()), torch.zeros(2, 3, 4, 4)
    share = torch.tensor([0.2, 0.7])

    def scores(slope: float):  # type: ignore[no-untyped-def]
        return lambda x: [slope * x.sum((1, 2, 3), keepdim=True) / 48**0.5]

    assert gradient_penalty(scores(1.0), genuine, made, share) == pytest.approx(0, abs=1e-6)
    assert gradient_penalty(scores(3.0), genuine, made, share) == pytest.approx(4, rel=1e-4)
