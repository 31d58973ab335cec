"""What the albedo prior says about the texels that the photo does not show."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from facekit.morphable.albedo import AlbedoModel
from facekit.records import BoolArray, FloatArray
from facekit.texture.albedo import DARK, Ground, SeenAlbedo
from facekit.texture.unwrap import smoothstep

FITTED = 128  # texels a side at which the prior meets the photo
NOISE = 0.30  # standard deviation of a texel, relative to its albedo: detail that no mode explains
TOGETHER = 300.0  # neighbouring texels err together; this many count as one
WAVES = 4  # a side: cosines over the chart that stand for light the nine harmonics leave out
STRAY = 0.20  # standard deviation of each of them, relative to the albedo
SURROUNDINGS = 0.05  # of the side of the chart
LIGHTEST = 1.08  # times the mean of the surroundings, and times the light tones of what is seen
LIGHT_TONE = 0.75  # quantile of the seen skin
SKIN_ROWS = 0.8  # share of the chart's rows that show skin; below lie eyes and teeth, which may be light
HAIR_ROWS = 0.55  # share of the chart's rows above which what is no face is hair, which tells of the brows
HAIR = 0.25  # how much a texel of it counts
OFF_HUE = 0.03  # log albedo that red may fall behind the mean of the channels, next to the skin around it
HAIR_HUE = 0.25  # and how much more, as a share of the darkening: thin brows let the skin's hue through
BEARD_ROWS = (0.50, 0.56)  # share of the chart's height from which on skin may bear a beard
SHAVEN = 0.6  # of the shadow there that is taken away where nothing tells of a beard
BEARD = (0.25, 0.55)  # shadow, log albedo, at which there may be one, and is
LIPS = (0.05, 0.28, 0.12)  # log albedo that lips are darker in than the prior, painted for faces of all tones
GREY_RANGE, COLOUR_RANGE = 0.8, 0.08  # of the logarithm of a sample's ratio to the mean
TEMPERATURE = 0.5  # of the samples' standard deviation: an invented texture is to differ, and to look likely


def invent(
    model: AlbedoModel | None, seen: SeenAlbedo, ground: Ground, generator: torch.Generator, n: int
) -> list[FloatArray]:
    """n albedos (T, T, 3) float32, linear RGB, for the whole chart given the seen texels, the posterior mean
    first.

    What is seen outside the face is hair, cloth or background as often as skin: above it counts little, below
    not at all. Without an albedo model all maps are the median colour of what is seen.
    """
    size = len(seen.trust)
    trusted = seen.trust > 0.5
    if model is None or not trusted.any():
        colour = np.exp(np.median(seen.log[trusted], 0)) if trusted.any() else np.full(3, 0.3)
        mean = model.mean if model is not None and not trusted.any() else None
        if mean is not None:
            return [_resize(mean, size)] * n
        return [np.broadcast_to(colour.astype(np.float32), (size, size, 3))] * n
    fitted = _fitted(model)
    weight = _resize(seen.trust * _evidence(ground), FITTED) * fitted.mask
    observed = np.exp(_resize(seen.log, FITTED))
    texels = weight > 0.3
    sigma = NOISE * np.maximum(observed.mean(-1), 0.02) * np.sqrt(TOGETHER / np.maximum(weight, 0.3))
    posterior = fitted.posterior(texels, observed[texels], sigma[texels], robust=True)
    codes = [posterior.mean]
    if n > 1:
        codes += list(posterior.mean + TEMPERATURE * (posterior.sample(generator, n - 1) - posterior.mean))
    shown = _resize(seen.trust * ground.face, model.resolution) > 0.5
    red = _resize(ground.lips, model.resolution)
    lips = _lips(model, red)[..., None] * np.array(LIPS, np.float32)
    samples = model.instance(np.stack(codes)[:, : model.size])
    maps = [_darker_features(sample, model.mask, shown) for sample in samples]
    chin = _resize(ground.face, model.resolution) * (1 - red)
    maps = [_shaven(one, chin) for one in maps]
    return [_resize(_moderate(one, maps[0]) * np.exp(-lips), size) for one in maps]


def _evidence(ground: Ground) -> FloatArray:
    """(T, T) float32: how much each seen texel tells of the albedo, 0 to 1."""
    hair = np.zeros_like(ground.face)
    hair[: int(HAIR_ROWS * len(hair))] = HAIR
    return np.asarray(1 - ground.skin * (1 - np.maximum(ground.face, hair)), np.float32)


def _lips(model: AlbedoModel, region: FloatArray) -> FloatArray:
    """(T, T) float32, 0 to 1: the red of the lips, where the mean map is redder than the skin around it."""
    inside = region > 0.5
    if not inside.any():
        return np.zeros_like(region)
    redness = np.log(np.maximum(model.mean[..., 0], DARK) / np.maximum(model.mean[..., 1], DARK))
    excess = np.maximum(redness - _around(redness[..., None], model.mask)[..., 0], 0) * region
    full = max(float(np.quantile(excess[inside], 0.8)), 1e-3)
    return np.asarray(np.clip(excess / full, 0, 1), np.float32)


def _shaven(albedo: FloatArray, where: FloatArray) -> FloatArray:
    """The map (T, T, 3) with less of a shadow where beards grow; ``where`` (T, T) is the skin of the face.

    Some people have beards, so that the mean of all that may be is a grey chin, which nobody has.
    """
    rows = (np.arange(len(albedo)) + 0.5) / len(albedo)
    upper = where * (1 - smoothstep(rows, *BEARD_ROWS))[:, None] > 0.5
    if not upper.any():
        return albedo
    shadow = np.log(np.median(albedo[upper], axis=0).mean() / np.maximum(albedo.mean(-1), DARK))
    bearded = smoothstep(cv2.GaussianBlur(shadow, (0, 0), len(albedo) / 32), *BEARD)
    less = SHAVEN * (1 - bearded) * where * smoothstep(rows, *BEARD_ROWS)[:, None]
    return np.asarray(albedo * np.exp(less * np.maximum(shadow, 0))[..., None], np.float32)


def _moderate(sample: FloatArray, mean: FloatArray) -> FloatArray:
    """The sample with its ratio to the mean kept in bounds, in grey and in colour: far out, modes add up to
    no skin.
    """
    ratio = np.log(sample / mean)
    grey = ratio.mean(-1, keepdims=True)
    colour = np.clip(ratio - grey, -COLOUR_RANGE, COLOUR_RANGE)
    return mean * np.exp(np.clip(grey, -GREY_RANGE, GREY_RANGE) + colour)


def _darker_features(albedo: FloatArray, mask: BoolArray, shown: BoolArray) -> FloatArray:
    """The map (T, T, 3) with no spot much lighter than the skin around it, none much lighter than the lighter
    skin of what is shown (T, T), none black and none green.

    Brows, lips and stubble darken the skin. A linear model knows no such bound: a fair brow on dark skin
    overshoots, and a smooth cheek under dark hair gives a white beard.
    """
    rows = int(SKIN_ROWS * len(albedo))
    surroundings = np.maximum(_around(albedo, mask)[:rows], DARK)
    around = surroundings
    skin = albedo[:rows][shown[:rows]]
    if len(skin) >= 50:
        around = np.minimum(around, np.quantile(skin, LIGHT_TONE, axis=0))
    result = np.maximum(albedo, DARK)
    result[:rows] = np.minimum(result[:rows], np.maximum(LIGHTEST * around, DARK))
    result[:rows] = _warm(result[:rows], surroundings)
    return np.maximum(result, DARK)


def _warm(albedo: FloatArray, surroundings: FloatArray) -> FloatArray:
    """The albedo (..., 3) with no tone greener or bluer than its surroundings, unless it is as much darker.

    Brows are greyer than skin, the more hair the more. Far from usual skin, in a yellow painting say, the
    linear model makes them grey without making them dark, which looks green beside the skin.
    """
    ratio = np.log(albedo / surroundings)
    grey = ratio.mean(-1, keepdims=True)
    hue = ratio - grey
    most = OFF_HUE + HAIR_HUE * np.maximum(-grey, 0)
    hue = hue * np.minimum(1, most / np.maximum(-hue[..., :1], 1e-6))
    return np.asarray(surroundings * np.exp(grey + hue), np.float32)


def _around(picture: FloatArray, mask: BoolArray) -> FloatArray:
    """Mean (T, T, C) of the charted texels around each texel."""
    sigma = SURROUNDINGS * len(picture)
    weight = mask.astype(np.float32)
    total = cv2.GaussianBlur(picture * weight[..., None], (0, 0), sigma)
    total = total.reshape(picture.shape)
    return total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)[..., None]


_FITTED: dict[int, tuple[AlbedoModel, AlbedoModel]] = {}


def _fitted(model: AlbedoModel) -> AlbedoModel:
    """``_with_stray_light``, once per process and model."""
    key = id(model)
    if key not in _FITTED or _FITTED[key][0] is not model:
        _FITTED.clear()
        _FITTED[key] = (model, _with_stray_light(model))
    return _FITTED[key][1]


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
