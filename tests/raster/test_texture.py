"""Texture look-up: where texels lie, gradients, and filtering of small pictures."""

import math

import pytest
import torch

from facekit.raster.texture import footprint_level, mip_pyramid, sample_texture


def uv_grid(height, width):
    """Texture coordinates of the pixel centres of a picture of the whole UV square, row 0 on top."""
    v, u = torch.meshgrid(
        1 - (torch.arange(height, dtype=torch.float64) + 0.5) / height,
        (torch.arange(width, dtype=torch.float64) + 0.5) / width,
        indexing="ij",
    )
    return torch.stack([u, v], -1)[None]


def noise(*shape, seed=0):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mode", ["bilinear", "mip"])
def test_the_square_shows_the_texture_itself(mode):
    texture = noise(16, 16, 3)
    torch.testing.assert_close(sample_texture(texture, uv_grid(16, 16), mode)[0], texture)


def test_v_is_upwards_and_row_0_on_top():
    texture = torch.zeros(4, 4, 1, dtype=torch.float64)
    texture[0, 3] = 1  # top right texel: its centre is u = 7/8, v = 7/8
    uv = torch.tensor(
        [[[[7 / 8, 7 / 8], [7 / 8, 1 / 8], [1 / 8, 7 / 8], [6 / 8, 7 / 8]]]], dtype=torch.float64
    )
    assert sample_texture(texture, uv)[0, 0, :, 0].tolist() == pytest.approx([1, 0, 0, 0.5])


def test_the_border_texel_goes_on_outside():
    texture = noise(4, 4, 1)
    uv = torch.tensor([[[[1.5, 1.5], [1.0, 1.0], [-2.0, 0.0]]]], dtype=torch.float64)
    found = sample_texture(texture, uv)[0, 0, :, 0]
    torch.testing.assert_close(found, torch.stack([texture[0, 3, 0], texture[0, 3, 0], texture[3, 0, 0]]))


def test_gradcheck():
    texture = noise(8, 8, 2).requires_grad_()
    uv = (
        uv_grid(3, 3) + 0.013
    ).requires_grad_()  # off the texels' centres, where bilinear look-up has a bend
    assert torch.autograd.gradcheck(sample_texture, (texture, uv))
    fixed = uv.detach()
    assert torch.autograd.gradcheck(lambda t: sample_texture(t, fixed, "mip"), (texture,))


@pytest.mark.parametrize(("pixels", "level"), [(32, 0.0), (64, 0.0), (16, 1.0), (8, 2.0)])
def test_the_level_is_the_footprint(pixels, level):
    found = footprint_level(uv_grid(pixels, pixels), 32)
    torch.testing.assert_close(found, torch.full_like(found, level))


def test_seams_do_not_raise_the_level():
    uv = uv_grid(32, 32)
    uv[:, :, 16:, 0] -= 0.5
    assert float(footprint_level(uv, 32).max()) < 1e-9


def test_mip_takes_means_where_bilinear_takes_chances():
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).double()[..., None]
    uv = uv_grid(8, 8) + 0.5 / 64  # on texel centres
    assert float((sample_texture(board, uv) - 0.5).abs().max()) == pytest.approx(0.5)
    torch.testing.assert_close(sample_texture(board, uv, "mip"), torch.full((1, 8, 8, 1), 0.5).double())


def test_between_levels_the_two_are_mixed():
    texture = noise(16, 16, 1).requires_grad_()
    uv = uv_grid(11, 11).requires_grad_()
    fine, coarse = (level.permute(0, 2, 3, 1) for level in mip_pyramid(texture.permute(2, 0, 1)[None], 2))
    share = math.log2(16 / 11)
    truth = (1 - share) * sample_texture(fine, uv) + share * sample_texture(coarse, uv)
    found = sample_texture(texture, uv, "mip")
    torch.testing.assert_close(found, truth)
    weight = noise(1, 11, 11, 1, seed=1)
    gradients = [torch.autograd.grad((x * weight).sum(), (texture, uv)) for x in (found, truth)]
    torch.testing.assert_close(*gradients)


def test_the_pyramid_keeps_the_mean_and_stops_at_odd_sides():
    pyramid = mip_pyramid(noise(1, 3, 24, 24), 9)
    assert [p.shape[-1] for p in pyramid] == [24, 12, 6, 3]
    for level in pyramid:
        torch.testing.assert_close(level.mean(), pyramid[0].mean())


def test_one_texture_serves_a_batch():
    texture, uv = noise(8, 8, 3), noise(2, 5, 5, 2)
    found = sample_texture(texture[None], uv, "mip")
    for k in range(2):
        torch.testing.assert_close(found[k : k + 1], sample_texture(texture, uv[k : k + 1], "mip"))


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError, match="unknown texture mode"):
        sample_texture(noise(8, 8, 3), uv_grid(4, 4), "cubic")
