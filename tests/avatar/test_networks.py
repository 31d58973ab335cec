"""The laws of the networks: normalised weights, Gaussians, colours, attention, missing points, sizes."""

from __future__ import annotations

import pytest
import torch
from invented import SIZES, avatar
from torch import Tensor
from torch.distributions import Independent, Normal

from facekit.avatar.batches import faces_batch
from facekit.avatar.capture import Capture
from facekit.avatar.colour import CameraColours
from facekit.avatar.hmc_encoder import HmcEncoder
from facekit.avatar.layers import Dense, Down, Up
from facekit.avatar.models import MODELS, Avatar, Shape
from facekit.avatar.sizes import PRESETS


def draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_points() -> Tensor:
    return torch.rand(5, 8, 2, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("layer", "shape"), [(Dense(6, 4), (2, 6)), (Down(3, 4), (2, 3, 8, 8)), (Up(3, 4, 16), (2, 3, 8, 8))]
)
def test_weights_count_by_direction_and_gain_alone(layer: torch.nn.Module, shape: tuple[int, ...]) -> None:
    x = draw(*shape)
    with torch.no_grad():
        before = layer(x)
        layer.weight *= 7.0
        torch.testing.assert_close(layer(x), before, rtol=1e-4, atol=1e-5)
        layer.gain *= 2.0
        assert not torch.allclose(layer(x), before)


def test_each_texel_has_a_bias_of_its_own() -> None:
    layer = Up(2, 3, 8)
    with torch.no_grad():
        before = layer(draw(1, 2, 4, 4))
        layer.texels[1, 5, 6] += 1.0
        change = layer(draw(1, 2, 4, 4)) - before
    assert change[0, 1, 5, 6].item() == pytest.approx(1.0, abs=1e-5)
    change[0, 1, 5, 6] = 0
    assert change.abs().max() < 1e-5


def test_the_encoder_begins_near_the_standard_normal_distribution(sheet: Capture) -> None:
    faces = faces_batch(sheet, sheet.frames(), SIZES.texels)
    q = avatar("dam").posterior(faces["vertices"], faces["textures"])
    assert q.mean.abs().max() < 2.0
    assert q.log_sigma.abs().max() < 0.2


def test_the_view_changes_the_texture_and_not_the_mesh() -> None:
    made, z = avatar("dam"), draw(3, SIZES.latent)
    made.texture_scale.fill_(1.0)
    views = torch.nn.functional.normalize(draw(2, 3), dim=1)
    (mesh, texture), (other, another) = (made.decode(z, view.expand(3, 3)) for view in views)
    torch.testing.assert_close(mesh, other)
    torch.testing.assert_close(mesh, made.decode_mesh(z))
    assert (texture - another).abs().max() > 1e-3


def test_the_first_camera_keeps_its_colours() -> None:
    colours = CameraColours(3)
    with torch.no_grad():
        colours.gain += 0.3
        colours.bias -= 0.2
    image = torch.rand(2, 4, 5, 3, generator=torch.Generator().manual_seed(0))
    made = colours(image, torch.tensor([0, 2]))
    torch.testing.assert_close(made[0], image[0])
    torch.testing.assert_close(made[1], 1.3 * image[1] - 0.2)
    made.sum().backward()
    assert colours.gain.grad is not None
    assert (colours.gain.grad[0] == 0).all()


def test_attention_mixes_the_pictures_by_weights_that_add_to_one() -> None:
    net = HmcEncoder((12, 16), SIZES, torch.Generator().manual_seed(0))
    pictures = torch.rand(2, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    seen = torch.stack([look(pictures[:, k : k + 1]) for k, look in enumerate(net.looks)])
    h = net(pictures)
    assert (h <= seen.amax(0) + 1e-6).all()
    assert (h >= seen.amin(0) - 1e-6).all()
    with torch.no_grad():
        net.attention[:, 1] += 100.0
    torch.testing.assert_close(net(pictures), seen[1])


def test_where_a_missing_point_lies_does_not_matter_but_that_it_is_missing_does() -> None:
    made, points = avatar("lip-kl"), some_points()
    gone, half = points.clone(), points.clone()
    gone[:, 2] = torch.nan
    half[:, 2, 0] = torch.nan
    assert made.look is not None
    torch.testing.assert_close(made.look(gone), made.look(half))
    assert torch.isfinite(made.look(gone)).all()
    assert not torch.allclose(made.look(gone), made.look(points))


@pytest.mark.parametrize("kind", MODELS)
def test_the_likelihood_is_that_of_the_prior_through_the_flow(kind: str) -> None:
    made, z = avatar(kind), draw(5, SIZES.latent)
    prior = made.prior(some_points(), 5)
    there, logdet = made.to_prior(z, prior)
    torch.testing.assert_close(made.from_prior(there, prior), z, rtol=0, atol=1e-4)
    believed = made.belief(prior)
    expected = Independent(Normal(believed.mean, believed.log_sigma.exp()), 1).log_prob(there) + logdet
    torch.testing.assert_close(made.log_prior(z, prior), expected)
    assert (logdet.abs().max() > 1e-3) == kind.endswith("flow")
    standard = Independent(Normal(torch.zeros_like(z), torch.ones_like(z)), 1).log_prob(z)
    assert torch.allclose(expected, standard) == (kind in ("dam", "dam-enc"))


def test_sizes_of_the_paper() -> None:
    """What 4-16 texels, 4096 numbers and a latent of 256 ask for fits together, and small presets run."""
    paper = PRESETS["paper"]
    assert (paper.texels, paper.latent, paper.hidden, paper.up[0] * 16) == (1024, 256, 1024, 4096)
    with torch.device("meta"):
        flat = (480 >> len(paper.hmc)) * (640 >> len(paper.hmc)) * paper.hmc[-1]
    assert flat == paper.hidden
    tiny = Avatar(
        "lip-flow", "hmc", PRESETS["tiny"], Shape(9, 2, 5, (24, 32)), torch.Generator().manual_seed(0)
    )
    vertices, texture = tiny.eval().decode(draw(2, 8), draw(2, 3))
    assert vertices.shape == (2, 9, 3)
    assert texture.shape == (2, 3, 32, 32)


def test_the_seed_gives_the_weights() -> None:
    one, same, other = avatar(), avatar(), avatar(seed=1)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
