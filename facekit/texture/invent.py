"""What the albedo prior says about the texels that the photo does not show."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from facekit.morphable.albedo import AlbedoModel
from facekit.records import BoolArray, FloatArray
from facekit.texture.albedo import DARK, SeenAlbedo

NOISE = 0.08  # standard deviation of a texel, relative to its albedo: light and detail that no mode explains
TOGETHER = 40.0  # neighbouring texels err together; this many count as one
TEMPERATURE = 0.7  # of the samples' standard deviation: an invented texture is to differ, and to look likely


def invent(
    model: AlbedoModel | None, seen: SeenAlbedo, covered: BoolArray, generator: torch.Generator, n: int
) -> list[FloatArray]:
    """n albedos (T, T, 3) float32, linear RGB, for the whole chart given the seen texels, the posterior mean
    first.

    Without an albedo model all of them are the median colour of what is seen.
    """
    size = len(seen.trust)
    trusted = seen.trust > 0.5
    if model is None or not trusted.any():
        colour = np.exp(np.median(seen.log[trusted], 0)) if trusted.any() else np.full(3, 0.3)
        mean = model.mean if model is not None and not trusted.any() else None
        if mean is not None:
            return [_resize(mean, size)] * n
        return [np.broadcast_to(colour.astype(np.float32), (size, size, 3))] * n
    coarse = model.resolution
    weight = cv2.resize(seen.trust, (coarse, coarse), interpolation=cv2.INTER_AREA) * model.mask
    observed = np.exp(cv2.resize(seen.log, (coarse, coarse), interpolation=cv2.INTER_AREA))
    texels = weight > 0.3
    sigma = NOISE * np.maximum(observed.mean(-1), 0.02) * np.sqrt(TOGETHER / np.maximum(weight, 0.3))
    posterior = model.posterior(texels, observed[texels], sigma[texels], robust=True)
    codes = [posterior.mean]
    if n > 1:
        codes += list(posterior.mean + TEMPERATURE * (posterior.sample(generator, n - 1) - posterior.mean))
    return [_resize(np.maximum(model.instance(code), DARK), size) for code in codes]


def _resize(picture: FloatArray, size: int) -> FloatArray:
    if len(picture) == size:
        return picture.astype(np.float32)
    method = cv2.INTER_CUBIC if len(picture) < size else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture.astype(np.float32), (size, size), interpolation=method), np.float32)
