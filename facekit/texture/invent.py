"""What the albedo prior says about the texels that the photo does not show."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from facekit.morphable.albedo import AlbedoModel
from facekit.records import BoolArray, FloatArray
from facekit.texture.albedo import DARK, SeenAlbedo

FITTED = 128  # texels a side at which the prior meets the photo
NOISE = 0.30  # standard deviation of a texel, relative to its albedo: detail that no mode explains
TOGETHER = 300.0  # neighbouring texels err together; this many count as one
WAVES = 4  # a side: cosines over the chart that stand for light the nine harmonics leave out
STRAY = 0.20  # standard deviation of each of them, relative to the albedo
SURROUNDINGS = 0.05  # of the side of the chart
LIGHTEST = 1.08  # times the mean of the surroundings
GREY_RANGE, COLOUR_RANGE = 0.8, 0.08  # of the logarithm of a sample's ratio to the mean
TEMPERATURE = 0.5  # of the samples' standard deviation: an invented texture is to differ, and to look likely


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
    fitted = _with_stray_light(model)
    weight = _resize(seen.trust, FITTED) * fitted.mask
    observed = np.exp(_resize(seen.log, FITTED))
    texels = weight > 0.3
    sigma = NOISE * np.maximum(observed.mean(-1), 0.02) * np.sqrt(TOGETHER / np.maximum(weight, 0.3))
    posterior = fitted.posterior(texels, observed[texels], sigma[texels], robust=True)
    codes = [posterior.mean]
    if n > 1:
        codes += list(posterior.mean + TEMPERATURE * (posterior.sample(generator, n - 1) - posterior.mean))
    maps = [_darker_features(model.instance(code[: model.size]), model.mask) for code in codes]
    return [_resize(_moderate(one, maps[0]), size) for one in maps]


def _moderate(sample: FloatArray, mean: FloatArray) -> FloatArray:
    """The sample with its ratio to the mean kept in bounds, in grey and in colour: far out, modes add up to
    no skin.
    """
    ratio = np.log(sample / mean)
    grey = ratio.mean(-1, keepdims=True)
    colour = np.clip(ratio - grey, -COLOUR_RANGE, COLOUR_RANGE)
    return mean * np.exp(np.clip(grey, -GREY_RANGE, GREY_RANGE) + colour)


def _darker_features(albedo: FloatArray, mask: BoolArray) -> FloatArray:
    """The map (T, T, 3) with no spot much lighter than the skin around it, and none black.

    Brows, lips and stubble darken the skin. A linear model knows no such bound: a fair brow on dark skin
    overshoots.
    """
    sigma = SURROUNDINGS * len(albedo)
    weight = mask.astype(np.float32)
    around = cv2.GaussianBlur(albedo * weight[..., None], (0, 0), sigma)
    around = around / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)[..., None]
    rows = len(albedo) * 4 // 5  # below lie eyes and teeth, which may be light
    result = np.maximum(albedo, DARK)
    result[:rows] = np.minimum(result[:rows], np.maximum(LIGHTEST * around[:rows], DARK))
    return result


def _with_stray_light(model: AlbedoModel) -> AlbedoModel:
    """The albedo model at FITTED texels a side, with smooth modes added that take up errors of the fitted
    light.
    """
    mean = _resize(model.mean, FITTED)
    basis = [_resize(mode, FITTED) for mode in model.basis]
    phase = np.pi * (np.arange(FITTED) + 0.5) / FITTED
    for row in range(WAVES):
        for column in range(WAVES):
            wave = np.outer(np.cos(row * phase), np.cos(column * phase))[..., None] * mean
            basis += [STRAY * wave * channel for channel in np.eye(3)]
    mask = _resize(model.mask.astype(np.float32), FITTED) > 0.99
    return AlbedoModel(mean, np.stack(basis).astype(np.float32), mask)


def _resize(picture: FloatArray, size: int) -> FloatArray:
    if len(picture) == size:
        return picture.astype(np.float32)
    method = cv2.INTER_CUBIC if len(picture) < size else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture.astype(np.float32), (size, size), interpolation=method), np.float32)
