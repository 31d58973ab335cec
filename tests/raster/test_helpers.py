"""The comparers must reject what is wrong: each case here has to fail."""

from dataclasses import replace

import pytest
import torch
from raster_helpers import TOLERANCE, assert_same_fragments, assert_same_gradient, head, same_bytes, screens

from facekit.raster.fragments import rasterize

SIZE = (48, 40)
LIMITS = TOLERANCE[torch.float64]


@pytest.fixture(scope="module")
def scene():
    vertices, faces = head()
    screen = screens(vertices, [(0.3, 0.1)], SIZE, torch.float64)
    return screen, faces, rasterize(screen, faces, SIZE)


def test_the_same_is_accepted(scene):
    _, _, fragments = scene
    assert_same_fragments(fragments, fragments, LIMITS)
    assert_same_gradient(fragments.bary, fragments.bary, 1e-12)
    assert same_bytes(fragments.depth, fragments.depth.clone())


@pytest.mark.parametrize("shift", [1.0, 0.1])
def test_a_shifted_picture_is_rejected(scene, shift):
    screen, faces, fragments = scene
    moved = rasterize(screen + torch.tensor([shift, 0.0, 0.0]), faces, SIZE)
    with pytest.raises(AssertionError):
        assert_same_fragments(moved, fragments, LIMITS)


def test_rotated_corners_are_rejected(scene):
    _, _, fragments = scene
    with pytest.raises(AssertionError):
        assert_same_fragments(replace(fragments, bary=fragments.bary.roll(1, -1)), fragments, LIMITS)


def test_a_wrong_depth_is_rejected(scene):
    _, _, fragments = scene
    with pytest.raises(AssertionError):
        assert_same_fragments(replace(fragments, depth=fragments.depth * 1.001), fragments, LIMITS)


def test_a_hole_is_rejected(scene):
    _, _, fragments = scene
    holed = fragments.pix_to_face.clone()
    holed[0, 20:23, 20] = -1
    with pytest.raises(AssertionError):
        assert_same_fragments(replace(fragments, pix_to_face=holed), fragments, LIMITS)


def test_a_wrong_gradient_is_rejected(scene):
    _, _, fragments = scene
    with pytest.raises(AssertionError):
        assert_same_gradient(fragments.bary * 1.01, fragments.bary, 1e-3)
    with pytest.raises(AssertionError):
        assert_same_gradient(torch.zeros(3), torch.zeros(3), 1e-3)


def test_bytes_see_the_sign_of_zero():
    assert not same_bytes(torch.zeros(1), -torch.zeros(1))
