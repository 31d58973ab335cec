"""Completing the skin texture: what is seen stays, the other side is mirrored, the albedo prior invents the
rest.

All joins are made in the logarithm of the albedo. There a change of light or exposure is an offset, so that a
smooth offset field is all that is needed to make parts of different origin meet (3DFaceFill calls for the
same: complete the albedo, not the colours of the photo, so that symmetry holds).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from facekit.records import BoolArray, ByteArray, FloatArray
from facekit.texture.chart import Chart
from facekit.texture.membrane import membrane

DARK, BRIGHT = 0.004, 0.98  # linear albedo is kept inside
COARSE = 96  # texels a side of the grid on which the offset field is solved
REACH = 0.25  # of the side of the chart: how far an offset measured on the seen part carries into the unseen
SEEN, MIRRORED, INVENTED = 255, 128, 0


@dataclass(frozen=True)
class SeenAlbedo:
    """Albedo that a photo shows, padded beyond the chart, and how far to trust it."""

    log: FloatArray  # (T, T, 3) float32, logarithm of linear albedo
    trust: FloatArray  # (T, T) float32, 0 to 1


def seen_albedo(chart: Chart, colour: FloatArray, shade: FloatArray, trust: FloatArray) -> SeenAlbedo:
    """Divide the light out: colour (N, 3) linear RGB of the texels, shade (N, 3), trust (N,)."""
    albedo = np.clip(colour / np.maximum(shade, 1e-4), DARK, BRIGHT)
    return SeenAlbedo(chart.pad(chart.image(np.log(albedo))), chart.image(trust.astype(np.float32)))


def complete_albedo(
    seen: SeenAlbedo, prior: FloatArray, chart: Chart, skin: FloatArray, symmetric: bool
) -> FloatArray:
    """The whole albedo (T, T, 3) float32, linear RGB.

    prior (T, T, 3), linear albedo that is drawn from the albedo model given the seen texels. The difference
    between seen and prior is split into a smooth offset, continued into the unseen part, and detail, which
    unseen texels take from their mirror texel where that one is seen (``symmetric``: hflip of the chart
    mirrors the face).
    """
    base = chart.pad(np.log(np.clip(prior, DARK, BRIGHT))).astype(np.float32)
    difference = seen.log - base
    offset = offset_field(difference, seen.trust, chart, skin, symmetric)
    detail = (difference - offset) * seen.trust[..., None]
    if symmetric:
        free = 1.0 - seen.trust
        detail = detail + cv2.flip(detail, 1) * free[..., None]
    return np.exp(np.clip(base + offset + detail, np.log(DARK), np.log(BRIGHT)))


def offset_field(
    difference: FloatArray, trust: FloatArray, chart: Chart, skin: FloatArray, symmetric: bool
) -> FloatArray:
    """The smooth part of ``difference`` (T, T, 3): its local mean where trusted, continued where not.

    It does not cross from one island of the chart to another. Far from all trusted texels it goes to half the
    mirrored offset where there is one (skin differs alike on both sides, light does not), else to the median
    offset of the skin; ``skin`` (T, T) says where that holds, and elsewhere (eyes, mouth) it goes to zero.
    """
    size = len(trust)
    weight = _coarse(trust * chart.covered)
    sigma = COARSE / 48
    near = _blur(weight, sigma)
    mean = (
        _blur(_coarse(difference * (trust * chart.covered)[..., None]), sigma)
        / np.maximum(near, 1e-3)[..., None]
    )
    known = (weight > 0.5) & (near > 0.05)
    if not known.any():
        return np.zeros_like(difference)
    charted = _coarse(chart.covered.astype(np.float32)) > 0.5
    of_skin = known & (_coarse(skin) > 0.5)
    usual = np.median(mean[of_skin], 0) if of_skin.any() else np.zeros(3, np.float32)
    towards = _coarse(skin)[..., None] * usual
    if symmetric:
        both = known[:, ::-1, None]
        towards = np.where(both, 0.5 * (mean[:, ::-1] + towards), towards)
    screen = 1.0 / (REACH * COARSE) ** 2
    field = membrane(~known & charted, mean, known.astype(np.float32), screen, towards=towards)
    nearest = distance_transform_edt(~(known | charted), return_distances=False, return_indices=True)
    field = np.ascontiguousarray(field[nearest[0], nearest[1]])
    return np.asarray(cv2.resize(field, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _coarse(picture: FloatArray) -> FloatArray:
    return np.asarray(cv2.resize(picture, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.float32)


def _blur(picture: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def confidence_map(trust: FloatArray, covered: BoolArray, symmetric: bool) -> ByteArray:
    """(T, T) uint8: 255 seen in the photo, 128 copied from the mirror side, 0 invented or no skin."""
    seen = trust > 0.5
    mirrored = cv2.flip(seen.astype(np.uint8), 1) > 0 if symmetric else np.zeros_like(seen)
    result = np.full(trust.shape, INVENTED, np.uint8)
    result[mirrored & covered] = MIRRORED
    result[seen & covered] = SEEN
    return result


def is_symmetric(chart: Chart) -> bool:
    """Whether the chart covers the same texels as its mirror image, all but a few at its border."""
    covered = chart.covered
    return bool((covered ^ covered[:, ::-1]).sum() < 0.02 * covered.sum())
