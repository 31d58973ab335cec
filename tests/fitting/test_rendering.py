"""Slopes of what the photometric step compares agree with finite differences; bands and look-ups."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import drawn, landmark_fit, model

from facekit.fitting.appearance import fit_appearance
from facekit.fitting.bands import Bands
from facekit.fitting.lookup import smooth_lookup
from facekit.fitting.rendering import Comparison, Look, Picture
from facekit.fitting.skin_pixels import grid_pixels, skin_grid
from facekit.fitting.surface import Surface

POSE = slice(0, 7)
CODE = slice(7, 7 + model().size)
LIGHT = slice(CODE.stop, CODE.stop + 27)
ALBEDO = slice(LIGHT.stop, None)
TINY = np.array([1e-5, 1e-5, 1e-5, 1e-2, 1e-2, 1e-5, 1e-4])  # steps of the view


@pytest.fixture(scope="module")
def scene() -> tuple[Picture, Surface, Look]:
    case, face = drawn(), model()
    start = landmark_fit(case.truth)
    camera = start.view.camera(np.array(case.photo.shape[1::-1]))
    vertices = face.instance(start.code)
    grid = skin_grid(case.photo, None, face, vertices, camera, 64)
    assert grid is not None
    first = fit_appearance(grid_pixels(grid, vertices, face))
    look = Look(start.view, start.code, first.sh, first.code)
    return Picture.of(grid, camera), Surface.of(face, grid, start.code), look


@pytest.mark.parametrize("block", [POSE, CODE, LIGHT, ALBEDO])
def test_jacobian_is_the_slope(scene: tuple[Picture, Surface, Look], block: slice) -> None:
    picture, surface, look = scene
    here = Comparison.of(picture, surface, look)
    jacobian = here.jacobian(surface, look)
    bright = (here.albedo * here.light).min(axis=1) > 0.03  # in the dark the curve's slope is held
    assert bright.mean() > 0.8
    step = np.zeros(jacobian.shape[2])
    rng = np.random.default_rng(0)
    step[block] = 1e-3 * rng.standard_normal(len(step[block]))
    if block is POSE:
        step[block] = TINY * rng.standard_normal(7)
    if block is ALBEDO:
        step[block] *= 30.0  # its maps are single precision
    ahead, behind = (
        Comparison.of(picture, surface, look.moved(sign * step)).residual for sign in (1.0, -1.0)
    )
    difference, predicted = ((ahead - behind) / 2)[bright], (jacobian @ step)[bright]
    worst = np.abs(difference - predicted).max() / np.abs(difference).max()
    assert worst < 2e-3
    wrong = np.abs(difference - 1.05 * predicted).max() / np.abs(difference).max()
    assert wrong > 0.04


def test_lookup_of_a_ramp_is_exact() -> None:
    y, x = np.mgrid[0:20, 0:30]
    ramp = np.stack([2 * x + 1, 3 * y, x - y], -1).astype(np.float32)
    where = np.random.default_rng(0).uniform([3, 3], [26, 16], (50, 2))
    value, slope, valid = smooth_lookup(ramp, np.ones((20, 30), bool), where)
    px = where - 0.5
    np.testing.assert_allclose(value[:, 0], 2 * px[:, 0] + 1, atol=1e-4)
    np.testing.assert_allclose(slope[:, 0], [[2.0, 0.0]] * 50, atol=1e-4)
    np.testing.assert_allclose(slope[:, 2], [[1.0, -1.0]] * 50, atol=1e-4)
    assert valid.all()


def test_lookup_never_touches_unusable_pixels() -> None:
    usable = np.ones((20, 20), bool)
    usable[10, 10] = False
    where = np.stack(np.meshgrid(np.arange(0, 20.25, 0.25), np.arange(0, 20.25, 0.25)), -1).reshape(-1, 2)
    one, other = np.zeros((2, 20, 20, 3), np.float32)
    other[10, 10] = 1e6
    (a, _, valid), (b, _, same) = (smooth_lookup(p, usable, where) for p in (one, other))
    np.testing.assert_array_equal(valid, same)
    np.testing.assert_array_equal(a[valid], b[valid])
    assert (a[~valid] != b[~valid]).any()
    outside = (where < 1.5).any(1) | (where > 18.5).any(1)
    assert not valid[outside].any()


def test_bands_add_up_and_tell_coarse_from_fine() -> None:
    rng = np.random.default_rng(0)
    seen = rng.random((40, 30)) < 0.9
    bands = Bands.of(seen, 4)
    values = rng.standard_normal((seen.sum(), 2)).astype(np.float32)
    parts = bands.split(values)
    total = parts[-1]
    for up, part in zip(reversed(bands.up), reversed(parts[:-1]), strict=True):
        total = part + up @ total
    np.testing.assert_allclose(total, values, atol=1e-5)
    flat = bands.split(np.ones((seen.sum(), 1), np.float32))
    assert max(float(np.abs(part).max()) for part in flat[:-1]) < 1e-5
    np.testing.assert_allclose(flat[-1], 1.0, atol=1e-5)
    fine = [float((part**2).mean()) for part in parts]
    assert fine[0] > 2 * fine[1] > 4 * fine[2]
