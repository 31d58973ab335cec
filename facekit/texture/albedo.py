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
from facekit.synthetic.tone import skin_colour
from facekit.texture.chart import Chart
from facekit.texture.membrane import membrane

DARK, BRIGHT = 0.004, 0.98  # linear albedo is kept inside
COARSE = 96  # texels a side of the grid on which the offset field is solved
REACH = 0.25  # of the side of the chart: how far an offset measured on the seen part carries into the unseen
UNLIKE = (0.5, 1.0)  # difference in log albedo at which plain skin starts to be, and is, something else
SPREAD = 0.12  # usual standard deviation of log albedo over a face; both limits grow with a larger one
WIDEST = 0.36  # but no further than with this: a larger one is hair among the skin, not uneven light
FADE = 1 / 40  # of the side of the chart: hair that the mask cuts off fades as far from the cut, not at once
UNEVEN = (0.3, 0.6)  # and at which it says nothing of the tone around it: a brow, a nostril, a mole
GLARE = 0.15  # log albedo by which teeth that nobody sees are lighter than usual, at most
TINT = 0.35  # log albedo, the most that any channel of theirs is tinted by the light, or the painter
MIDDLING = 3.5  # melanin: a hue beyond that of such skin is thought the light's
HUES, LEVELS = 0.08, 0.6  # log albedo, by which hue and lightness of skin usually are off
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


@dataclass(frozen=True)
class Ground:
    """What the chart shows where, (T, T) float32, 0 to 1."""

    skin: FloatArray  # skin, not eyes, mouth or nothing
    plain: FloatArray  # skin without brows, lips, nostrils
    face: FloatArray  # skin below the hairline, brows and lips included
    lips: FloatArray


def complete_albedo(
    seen: SeenAlbedo, prior: FloatArray, chart: Chart, ground: Ground, symmetric: bool
) -> FloatArray:
    """The whole albedo (T, T, 3) float32, linear RGB.

    prior (T, T, 3), linear albedo that is drawn from the albedo model given the seen texels; ``symmetric``:
    hflip of the chart mirrors the face. What seen texels differ from the prior is carried to their mirror
    texels as it is, and into texels that neither side shows as a smooth offset; then a second smooth offset
    makes the carried parts meet the seen ones, which is all that light and exposure change. Hair and
    background that show where skin should be are kept, but not carried, and fade towards what is not seen.
    """
    base = chart.pad(np.log(np.clip(prior, DARK, BRIGHT))).astype(np.float32)
    difference = seen.log - base
    usual, spread, spread_of_skin = _usual(difference, seen.trust * ground.face)
    apart = difference - usual
    smooth = np.abs(cv2.GaussianBlur(apart, (0, 0), 1.0)).max(-1)
    likeness = _likeness(smooth / _growth(spread), ground.plain, UNLIKE)
    carry = seen.trust * likeness
    even = _likeness(smooth / _growth(spread_of_skin), ground.skin, UNEVEN)
    mirrored: FloatArray = np.ascontiguousarray(carry[:, ::-1]) if symmetric else np.zeros_like(carry)
    own = carry * (1 - mirrored)
    either: FloatArray = own + mirrored
    guide = own[..., None] * difference + mirrored[..., None] * difference[:, ::-1]
    guide = guide / np.maximum(either, 1e-6)[..., None]
    # eyes and teeth as well: most of the usual difference is the colour and strength of the light
    usual_field = np.broadcast_to(usual, (COARSE, COARSE, 3)).astype(np.float32)
    filled = smooth_field(guide, either * np.maximum(even, even[:, ::-1]), chart, usual_field)
    guide = _mix(filled, guide, either)
    guide = guide + smooth_field(difference - guide, carry * even, chart, np.zeros_like(usual_field))
    # eyes lie beside the teeth in the chart: what they differ in says nothing of teeth that nobody sees
    apart_from_skin = (ground.skin < 0.5) & (cv2.GaussianBlur(either, (0, 0), len(either) / 64) < 0.02)
    guide = np.where(apart_from_skin[..., None], _cast(usual, base, ground), guide)
    kept = seen.trust * (likeness + (1 - likeness) * _far_inside(seen.trust, chart))
    completed = base + _mix(guide, difference, kept)
    return np.exp(np.clip(completed, np.log(DARK), np.log(BRIGHT)))


def _likeness(far: FloatArray, where: FloatArray, limits: tuple[float, float]) -> FloatArray:
    """(T, T) float32: falls to 0 where ``where`` is 1 and the difference in log albedo ``far`` goes beyond
    the limits.
    """
    low, high = limits
    return (1 - np.clip((far - low) / (high - low), 0, 1) * where).astype(np.float32)


def _far_inside(trust: FloatArray, chart: Chart) -> FloatArray:
    """(T, T) float32: 0 at the border of the seen part and beyond, 1 from about twice FADE inside it on."""
    covered = chart.covered.astype(np.float32)
    sigma = FADE * len(trust)
    around = cv2.GaussianBlur(trust * covered, (0, 0), sigma) / np.maximum(
        cv2.GaussianBlur(covered, (0, 0), sigma), 1e-3
    )
    return np.clip(2 * around - 1, 0, 1).astype(np.float32)


def _mix(under: FloatArray, over: FloatArray, share: FloatArray) -> FloatArray:
    return under + share[..., None] * (over - under)


def _growth(spread: float) -> float:
    """How much the limits of likeness grow with the spread of log albedo over a face."""
    return float(np.clip(spread, SPREAD, WIDEST)) / SPREAD


def _usual(difference: FloatArray, weight: FloatArray) -> tuple[FloatArray, float, float]:
    """Median difference (3,) of the trusted skin, and the robust standard deviations of all that is trusted
    there and of the skin among it; zero where none is.

    Where they vary more than skin does, hair and deep shadow are among them: then the lighter half is skin.
    """
    chosen = difference[weight > 0.5]
    if len(chosen) == 0:
        return np.zeros(3, np.float32), 0.0, 0.0
    median, spread = _robust(chosen)
    if spread <= WIDEST:
        return median, spread, spread
    grey = chosen.mean(1)
    median, of_skin = _robust(chosen[grey >= np.median(grey)])
    return median, spread, of_skin


def _robust(samples: FloatArray) -> tuple[FloatArray, float]:
    """Median (C,) of samples (M, C), and 1.4826 times the median distance from it."""
    median = np.median(samples, 0)
    return median, 1.4826 * float(np.median(np.abs(samples - median)))


def _cast(usual: FloatArray, base: FloatArray, ground: Ground) -> FloatArray:
    """(3,) log albedo to add to unseen eyes and teeth: the picture's tint, and not all of its exposure."""
    skin = base[ground.face > 0.5]
    if len(skin) == 0:
        return usual
    return np.asarray(min(float(usual.mean()), GLARE) + _tint(np.median(skin, axis=0)), np.float32)


def _tint(skin: FloatArray) -> FloatArray:
    """(3,) how far the hue of log albedo (3,) is from that of pale to middling skin, the lightness being no
    more than a hint of which: pale skin is bluer than other skin in the same light, its teeth are not.
    """
    tones = np.log(skin_colour(np.linspace(0, MIDDLING, 40, dtype=np.float32)))
    level, hue = skin.mean(), skin - skin.mean()
    levels, hues = tones.mean(1), tones - tones.mean(1, keepdims=True)
    apart = ((hue - hues) ** 2).sum(1) / HUES**2 + (level - levels) ** 2 / LEVELS**2
    return np.clip(hue - hues[int(np.argmin(apart))], -TINT, TINT)


def smooth_field(values: FloatArray, trust: FloatArray, chart: Chart, towards: FloatArray) -> FloatArray:
    """Local mean (T, T, 3) of ``values`` where trusted, continued where not.

    It does not cross from one island of the chart to another, and far from all trusted texels it goes to
    ``towards`` (COARSE, COARSE, 3).
    """
    size = len(trust)
    held = trust * chart.covered
    weight = _coarse(held)
    near = _blur(weight)
    mean = _blur(_coarse(values * held[..., None])) / np.maximum(near, 1e-3)[..., None]
    known = (weight > 0.5) & (near > 0.05)
    charted = _coarse(chart.covered.astype(np.float32)) > 0.5
    screen = 1.0 / (REACH * COARSE) ** 2
    field = membrane(~known & charted, mean, known.astype(np.float32), screen, towards=towards)
    nearest = distance_transform_edt(~(known | charted), return_distances=False, return_indices=True)
    field = np.ascontiguousarray(field[nearest[0], nearest[1]])
    return np.asarray(cv2.resize(field, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _coarse(picture: FloatArray) -> FloatArray:
    return np.asarray(cv2.resize(picture, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.float32)


def _blur(picture: FloatArray) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), COARSE / 48), np.float32)


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
