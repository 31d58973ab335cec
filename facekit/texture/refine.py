"""What the albedo inpainter changes in a linearly completed texture, and how completions then differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch

from facekit.records import FloatArray
from facekit.texture.albedo import BRIGHT, DARK, Ground, SeenAlbedo
from facekit.texture.chart import Chart
from facekit.texture.examples import SIZE, halved
from facekit.texture.inpainter import Inpainter

MOST = 0.5  # log albedo that the network may change a texel by
FEATURES = 0.5  # share of its finer changes in the first picture: all of them turn unsure eyes into smudges
TONES = 1 / 20  # of the side of the chart: coarser changes than this are of tone, finer ones of features
WAVE = 1 / 14  # of the side: wave length, as a standard deviation, of what completions differ in
STRENGTH = 0.2  # of the uncertainty: most of it is of features, which differ with the shape
COLOURED = 0.05  # of it, of each channel apart
EVEN = 0.8  # share of the variance that both sides of the face have in common


@dataclass(frozen=True)
class Refinement:
    """Of log albedo on the chart, zero where it is seen."""

    change: FloatArray  # (T, T, 3) float32
    sigma: FloatArray  # (T, T) float32, mean absolute error that is left

    @cached_property
    def tones(self) -> FloatArray:
        """The coarse part (T, T, 3) of the change."""
        wide = np.asarray(cv2.GaussianBlur(self.change, (0, 0), TONES * len(self.change)), np.float32)
        return wide * (self.sigma > 0)[..., None]

    @cached_property
    def doubt(self) -> FloatArray:
        """The coarse part (T, T) of sigma."""
        return np.asarray(cv2.GaussianBlur(self.sigma, (0, 0), TONES * len(self.sigma) / 2), np.float32)


def refinement(
    network: Inpainter, seen: SeenAlbedo, albedo: FloatArray, chart: Chart, ground: Ground, symmetric: bool
) -> Refinement:
    """What the network makes of a texture (T, T, 3) that the albedo model has completed."""
    linear = chart.pad(np.log(np.clip(albedo, DARK, BRIGHT)))
    small = halved(linear)
    done, sigma = network.complete(
        halved(seen.log), halved(seen.trust), small, halved(ground.face), symmetric
    )
    size, unseen = len(albedo), 1 - seen.trust
    change = _enlarged(np.clip(done - small, -MOST, MOST), size) * unseen[..., None]
    # hardly any photo shows teeth, so that of their hue, and that of eyes, nothing was learned
    change = np.where(ground.skin[..., None] < 0.5, change.mean(-1, keepdims=True), change)
    return Refinement(change, _enlarged(sigma, size) * unseen)


def expected(albedo: FloatArray, found: Refinement) -> FloatArray:
    """The albedo (T, T, 3) of the most probable picture: what the network expects, features softened by its
    doubt in part.
    """
    change = FEATURES * found.change + (1 - FEATURES) * found.tones
    return np.clip(albedo * np.exp(change), DARK, BRIGHT)


def toned(albedo: FloatArray, found: Refinement) -> FloatArray:
    """The albedo (T, T, 3) with the tones that the network expects, and features left crisp."""
    return np.clip(albedo * np.exp(found.tones), DARK, BRIGHT)


def varied(albedo: FloatArray, found: Refinement, generator: torch.Generator) -> FloatArray:
    """One of many albedos (T, T, 3): smooth differences as large as the network is unsure."""
    size = len(albedo)
    noise = torch.randn(4, SIZE, SIZE, generator=generator).numpy()
    waves = [_wave(one) for one in noise]
    grey, colours = waves[0], np.stack(waves[1:], -1)
    field = _enlarged(grey[..., None] + COLOURED * (colours - colours.mean(-1, keepdims=True)), size)
    shift = STRENGTH * found.doubt[..., None] * field
    return np.clip(albedo * np.exp(shift * (found.sigma > 0)[..., None]), DARK, BRIGHT)


def _wave(noise: FloatArray) -> FloatArray:
    """White noise (T, T) made smooth, of unit variance, most of it the same on both sides."""
    smooth = cv2.GaussianBlur(noise, (0, 0), WAVE * len(noise))
    even, odd = (smooth + smooth[:, ::-1]) / 2, (smooth - smooth[:, ::-1]) / 2
    mixed = np.sqrt(EVEN) * even / max(float(even.std()), 1e-6)
    return np.asarray(mixed + np.sqrt(1 - EVEN) * odd / max(float(odd.std()), 1e-6), np.float32)


def _enlarged(picture: FloatArray, size: int) -> FloatArray:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
