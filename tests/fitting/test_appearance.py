"""Light and albedo come back from pixels made with them; a few wrong pixels do not matter."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.fitting.appearance import Pixels, fit_appearance
from facekit.raster.shade import shade


def scene(seed: int = 0) -> tuple[Pixels, np.ndarray, np.ndarray]:
    """8,000 pixels, as many as a face has, of a smooth albedo with three modes under a lamp from the left."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(8000, 3)) + np.array([0, 0, 2.0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    albedo = np.array([0.45, 0.3, 0.22]) + 0.05 * rng.standard_normal((8000, 1))
    modes = 0.04 * rng.standard_normal((3, 8000, 3))
    sh = np.zeros((9, 3))
    sh[0], sh[3], sh[1] = [2.8, 2.7, 2.5], 1.2, 0.5
    code = np.array([1.0, -0.7, 0.4])
    colour = (albedo + np.tensordot(code, modes, 1)) * shade(normals, sh)
    return Pixels(colour, normals, albedo, modes), sh, code


def test_recovers_light_and_albedo() -> None:
    pixels, sh, code = scene()
    found = fit_appearance(pixels)
    np.testing.assert_allclose(found.code, code, atol=0.15)
    # The prior of the light draws on directions that few normals have: the worst seen is 0.077.
    np.testing.assert_allclose(shade(pixels.normals, found.sh), shade(pixels.normals, sh), atol=0.1)
    assert found.residual < 0.01


def test_spoiled_pixels_hardly_matter() -> None:
    pixels, sh, _ = scene()
    pixels.colour[::8] = [0.9, 0.0, 0.9]
    found = fit_appearance(pixels)
    seen = np.abs(shade(pixels.normals, found.sh) - shade(pixels.normals, sh)).mean()
    assert seen < 0.08


def test_hair_is_not_explained_by_a_glaring_light_on_a_dark_skin() -> None:
    pixels, sh, _ = scene()
    rng = np.random.default_rng(1)
    strands = np.zeros((12, 8000, 3))  # modes that could paint hair, if light were there to make it pay
    strands[:, :2000] = 0.2 * rng.standard_normal((12, 2000, 1))
    modes = np.concatenate([pixels.modes, np.zeros((3, 8000, 3)), strands])
    pixels.colour[:2000] *= 0.1
    found = fit_appearance(Pixels(pixels.colour, pixels.normals, pixels.albedo, modes))
    assert found.sh[0].mean() == pytest.approx(sh[0].mean(), rel=0.05)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_pictures_give_finite_numbers(level: float) -> None:
    pixels, _, _ = scene()
    pixels.colour[:] = level
    found = fit_appearance(pixels)
    assert np.isfinite(found.sh).all()
    assert np.isfinite(found.code).all()
