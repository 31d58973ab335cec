"""What the prior puts where nothing is seen."""

from __future__ import annotations

import numpy as np
import torch

from facekit.morphable.albedo import AlbedoModel
from facekit.records import FloatArray
from facekit.texture.albedo import Ground, SeenAlbedo
from facekit.texture.invent import _shaven, invent

TEXELS = 128
BROW = (slice(60, 66), slice(30, 50))
BLACK = (slice(60, 66), slice(80, 100))


def greenness(albedo: FloatArray, where: tuple[slice, slice]) -> float:
    """Log of green over red, next to the skin below."""
    ratio = np.log(albedo[..., 1] / albedo[..., 0])
    return float(ratio[where].mean() - ratio[75:85, 30:100].mean())


def test_thin_brows_take_the_hue_of_the_skin() -> None:
    mean = np.full((TEXELS, TEXELS, 3), (0.5, 0.3, 0.1), np.float32)
    mean[BROW] = (0.34, 0.3, 0.12)
    mean[BLACK] = (0.06, 0.05, 0.035)
    everywhere = np.ones((TEXELS, TEXELS), bool)
    model = AlbedoModel(mean, np.zeros((1, TEXELS, TEXELS, 3), np.float32), everywhere)
    trust = np.zeros((TEXELS, TEXELS), np.float32)
    trust[70:] = 1
    skin = everywhere.astype(np.float32)
    ground = Ground(skin, skin, skin, 0 * skin)
    (found,) = invent(model, SeenAlbedo(np.log(mean), trust), ground, torch.Generator().manual_seed(0), 1)
    assert greenness(mean, BROW) > 0.3  # must fail
    assert greenness(found, BROW) < 0.2
    assert found[BROW].mean() < 0.9 * found[75:85].mean()
    assert greenness(found, BLACK) > 0.2  # dark hair is grey
    assert found[BLACK].mean() < 0.07


def test_a_grey_chin_is_shaven_and_a_beard_is_not() -> None:
    skin = np.full((TEXELS, TEXELS, 3), (0.5, 0.3, 0.2), np.float32)
    where = np.ones((TEXELS, TEXELS), np.float32)
    chin = (slice(80, 120), slice(30, 100))
    for shadow, least, most in ((0.85, 0.9, 1.0), (0.4, 0.38, 0.42)):
        face = skin.copy()
        face[chin] *= shadow
        share = _shaven(face, where)[90:110, 45:85].mean() / skin.mean()
        assert least < share < most
        assert np.allclose(_shaven(face, where)[:60], face[:60])
