"""Attributes over the picture: values, gradients, layouts."""

import numpy as np
import pytest
import torch
from raster_helpers import TOLERANCE, assert_same_gradient, head, screens

from facekit.raster.fragments import rasterize
from facekit.raster.interpolate import interpolate

SIZE = (40, 36)
ANGLES = [(0.4, 0.1), (-0.6, 0.3)]


@pytest.fixture(scope="module", params=[torch.float32, torch.float64], ids=["float32", "float64"])
def scene(request):
    vertices, faces = head()
    return screens(vertices, ANGLES, SIZE, request.param), faces


def gather(fragments, faces, attributes):
    """The same in plain torch: attributes (B, V, C)."""
    corners = torch.from_numpy(faces).long()[fragments.pix_to_face.clamp(min=0).long()]
    image = torch.arange(len(corners))[:, None, None, None]
    return (attributes[image, corners] * fragments.bary[..., None]).sum(-2)


def random(*shape, dtype, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def test_values_and_gradients_are_those_of_gathering(scene):
    screen, faces = scene
    values = random(*screen.shape[:2], 5, dtype=screen.dtype)
    weight = random(len(screen), *SIZE, 5, dtype=screen.dtype, seed=1)
    results = []
    for function in (interpolate, gather):
        leaves = screen.clone().requires_grad_(), values.clone().requires_grad_()
        fragments = rasterize(leaves[0], faces, SIZE)
        picture = function(fragments, faces, leaves[1])
        (picture * weight).sum().backward()
        results.append((picture.detach(), leaves[0].grad, leaves[1].grad))
    limit = TOLERANCE[screen.dtype]["gradient"]
    for found, truth in zip(*results, strict=True):
        assert_same_gradient(found, truth, limit)


def test_shared_attributes_serve_the_whole_batch(scene):
    screen, faces = scene
    fragments = rasterize(screen, faces, SIZE)
    shared = random(screen.shape[1], 2, dtype=screen.dtype).requires_grad_()
    repeated = shared.detach().expand(len(screen), -1, -1).clone().requires_grad_()
    one, other = interpolate(fragments, faces, shared), interpolate(fragments, faces, repeated)
    assert torch.equal(one, other)
    one.square().sum().backward()
    other.square().sum().backward()
    torch.testing.assert_close(shared.grad, repeated.grad.sum(0))


def test_corner_attributes_equal_to_vertex_attributes_give_the_same(scene):
    screen, faces = scene
    fragments = rasterize(screen, faces, SIZE)
    values = random(screen.shape[1], 2, dtype=screen.dtype)
    assert torch.equal(interpolate(fragments, faces, values[faces]), interpolate(fragments, faces, values))


def test_corner_attributes_may_break_at_edges(scene):
    screen, faces = scene
    fragments = rasterize(screen, faces, SIZE)
    number = torch.arange(len(faces), dtype=screen.dtype)[:, None, None].expand(-1, 3, 1).contiguous()
    picture = interpolate(fragments, faces, number)[..., 0]
    truth = torch.where(fragments.mask, fragments.pix_to_face, 0).to(screen.dtype)
    torch.testing.assert_close(picture, truth, rtol=1e-5, atol=1e-5)


def test_a_constant_is_the_mask(scene):
    screen, faces = scene
    fragments = rasterize(screen, faces, SIZE)
    picture = interpolate(fragments, faces, torch.ones(screen.shape[1], 1, dtype=screen.dtype))[..., 0]
    torch.testing.assert_close(picture, fragments.mask.to(screen.dtype))


def test_gradcheck():
    screen = torch.tensor(
        [[(-20, -9, 0.7), (31, -8, 1.5), (2, 40, 1.1)]], dtype=torch.float64, requires_grad=True
    )
    values = random(3, 2, dtype=torch.float64).requires_grad_()
    faces = np.array([[0, 1, 2]])
    assert torch.autograd.gradcheck(
        lambda s, a: interpolate(rasterize(s, faces, (4, 3)), faces, a), (screen, values)
    )


@pytest.mark.parametrize("shape", [(3, 5, 2), (7,), (1, 3, 2)])
def test_wrong_shapes_are_named(scene, shape):
    screen, faces = scene
    with pytest.raises(ValueError, match="attributes"):
        interpolate(rasterize(screen, faces, SIZE), faces, torch.zeros(shape))
