"""Grain, pores, brush strokes and cracks of the varnish: what invented skin lacks of the fine detail that the
visible skin has, taken from the visible skin in patches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from facekit.records import BoolArray, FloatArray, IntArray

BODY = 200  # px, width of the face for which BANDS and PATCH stand
BANDS = (0.7, 1.4, 2.8)  # px, standard deviation of the Gaussian that ends each band
PATCH = 28  # px, side of a patch, at most
WIDE = 9.5  # standard deviations of a band that a patch must be wide to carry it
LEAST_PATCH = 8  # px, whatever the width of the face
FINER = 1.25  # by which a patch gets smaller where there are too few
PLAIN = 0.9  # share of a patch that must be visible skin
ENOUGH = 6  # areas of a patch that all of them must cover, else smaller ones are looked for
SCANT = 1.5  # of the smallest
CHOICE = 12  # patches that are about as light as the place they are for, of which chance takes one
OUTLYING = 4.0  # standard deviations of a band, beyond which it shows an edge or a hair, no grain
USUAL = 0.25  # quantile of the strength of patches: in the others there may be hairs and wrinkles
USUAL_RANGE = (0.5, 1.35)  # times that: patches of other strengths are left out
STRONGEST = 0.05  # sRGB, of a band: more than that is no grain
LOUDER = (1.0, 1.25)  # bounds of what patches are multiplied by, to be as strong as the usual skin
MEAN_OVER_MEDIAN = 1.18  # of absolute values of Gaussian noise
LIKE_NOISE = 1.18  # mean absolute value of Gaussian noise over the square of its mean root: edges count less
LOCAL = 0.04  # face widths, within which invented skin is looked at for detail that it has
REGION = 768  # px, side of the region that visible skin is taken from
MEASURED = 400  # px, width of the face at which invented skin is looked at


@dataclass(frozen=True)
class Swatches:
    """Fine detail of visible skin."""

    bands: list[FloatArray]  # (h, w, 3) sRGB each
    strength: list[float]  # mean absolute value of each in grey, of the usual skin
    louder: list[float]  # what to multiply the patches by, to be as strong as that
    at: IntArray  # (M, 2) row and column of the patches that may be used
    light: FloatArray  # (M,) how light the patches are, sRGB
    side: int  # px


def add_grain(
    picture: FloatArray,
    visible: BoolArray,
    invented: FloatArray,
    face_width: float,
    generator: torch.Generator,
) -> FloatArray:
    """Give the invented skin the fine detail of the visible skin.

    Patches of visible skin that are about as light are laid side by side, each with those bands of
    frequencies, and as much of them, as the place lacks: skin copied from the mirror side has its own.
    Overlapping patches are weighted so that their variance is kept (Heitz and Neyret, High-Performance
    By-Example Noise, 2018). picture (H, W, 3) float, sRGB 0 to 1; visible (H, W) bool, plain visible skin;
    invented (H, W) float 0 to 1, how much of each pixel is invented skin; face_width px. Returns (H, W, 3)
    float32, unchanged where ``invented`` is 0 or where there is too little visible skin; a float32 picture is
    changed in place, to spare memory.
    """
    result = np.asarray(picture, np.float32)
    if np.count_nonzero(invented > 0.5) < 50:
        return result
    sigmas = [max(0.5, s * face_width / BODY) for s in BANDS]
    swatches = _swatches(result, visible, sigmas, round(PATCH * face_width / BODY))
    if swatches is None:
        return result
    places = _places(invented, swatches.side)
    lacking, light = _lacking(result, invented, face_width, swatches, places)
    chosen = _choose(swatches, light, generator)
    weight = _window(swatches.side)
    height, width = invented.shape
    for (y, x), (v, u), gains in zip(places, swatches.at[chosen], lacking, strict=True):
        y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + swatches.side, height), min(x + swatches.side, width)
        taken = slice(y0 - y + v, y1 - y + v), slice(x0 - x + u, x1 - x + u)
        patch = sum(gain * band[taken] for gain, band in zip(gains, swatches.bands, strict=True))
        share = invented[y0:y1, x0:x1] * weight[y0 - y : y1 - y, x0 - x : x1 - x]
        result[y0:y1, x0:x1] += share[..., None] * (patch - np.float32(cv2.mean(patch)[:3]))
    return result


def _swatches(picture: FloatArray, visible: BoolArray, sigmas: list[float], side: int) -> Swatches | None:
    """Patches of the visible skin, the largest of which there are enough; None where there is too little."""
    if np.count_nonzero(visible) < 200:
        return None
    around = _around(visible)
    part, skin = picture[around], _inside(visible[around], 0.5)
    bands, light = _split(part, sigmas)
    sizes, strength = [], []  # of what is in each band, in grey
    for band in bands:
        usual = float(np.median(np.abs(_grey(band[::2, ::2])[skin[::2, ::2]]))) if skin.any() else 0.0
        strength.append(MEAN_OVER_MEDIAN * usual)
        limit = OUTLYING * 1.4826 * min(usual, STRONGEST)
        np.clip(band, -limit, limit, out=band)
        band *= skin[..., None]
        sizes.append(np.abs(_grey(band)))
    while side >= LEAST_PATCH:
        at = _candidates(sizes, skin, side)
        enough = ENOUGH if side / FINER >= LEAST_PATCH else SCANT
        if _area(at, skin.shape, side) >= enough * side**2:
            middle = at[:, 0] + side // 2, at[:, 1] + side // 2
            own = [float(_box(size, side)[at[:, 0], at[:, 1]].mean()) for size in sizes]
            louder = [float(np.clip(a / max(b, 1e-6), *LOUDER)) for a, b in zip(strength, own, strict=True)]
            strength = [a * b for a, b in zip(louder, own, strict=True)]
            kept = sum(side >= WIDE * sigma for sigma in sigmas)
            return Swatches(bands[:kept], strength[:kept], louder[:kept], at, light[middle].mean(-1), side)
        side = int(side / FINER)
    return None


def _candidates(sizes: list[FloatArray], skin: BoolArray, side: int) -> IntArray:
    """(M, 2) row and column of patches of plain skin, without the strongest, which show something else."""
    plain = _box(skin.astype(np.float32), side) > PLAIN
    plain[max(0, len(plain) - side + 1) :] = False
    plain[:, max(0, plain.shape[1] - side + 1) :] = False
    step = max(1, side // 6)
    plain = plain[::step, ::step].copy()
    fit = plain.copy()
    for size in sizes if plain.any() else []:
        strength = _box(size, side)[::step, ::step]
        usual = float(np.quantile(strength[plain], USUAL))
        fit &= (strength > USUAL_RANGE[0] * usual) & (strength < USUAL_RANGE[1] * usual)
    return np.argwhere(fit) * step


def _grey(picture: FloatArray) -> FloatArray:
    """Mean (H, W) of the channels; faster than NumPy's."""
    return np.asarray(cv2.transform(picture, np.full((1, 3), 1 / 3, np.float32)), np.float32)


def _area(at: IntArray, shape: tuple[int, ...], side: int) -> int:
    """How many pixels the patches cover together."""
    covered = np.zeros((shape[0] + 1, shape[1] + 1), np.int32)
    for dy, dx, sign in ((0, 0, 1), (side, side, 1), (0, side, -1), (side, 0, -1)):
        np.add.at(covered, (at[:, 0] + dy, at[:, 1] + dx), sign)
    return int(np.count_nonzero(covered.cumsum(0).cumsum(1)))


def _box(picture: FloatArray, side: int) -> FloatArray:
    """Mean of the ``side`` x ``side`` pixels from each one on, right and down."""
    return np.asarray(cv2.boxFilter(picture, -1, (side, side), anchor=(0, 0)), np.float32)


def _places(invented: FloatArray, side: int) -> IntArray:
    """(N, 2) row and column of patches, each half over the next, that cover all invented skin."""
    step = side // 2
    rows, columns = (np.arange(-step, n, step) for n in invented.shape)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    total = cv2.integral((invented > 0.02).astype(np.uint8))
    y0, x0 = np.maximum(y, 0), np.maximum(x, 0)
    y1, x1 = np.minimum(y + side, invented.shape[0]), np.minimum(x + side, invented.shape[1])
    count = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
    return np.stack([y, x], 1)[count > 0]


def _lacking(
    picture: FloatArray, invented: FloatArray, face_width: float, swatches: Swatches, places: IntArray
) -> tuple[FloatArray, FloatArray]:
    """How much of each band each place lacks, (N, B), 1 if it has none; how light the place is, (N,)."""
    factor = max(1.0, face_width / MEASURED)
    size = tuple(max(1, round(n / factor)) for n in invented.shape[::-1])
    grey, weight = (
        np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.float32)
        for one in (_grey(picture), invented)
    )
    width = face_width / factor
    bands, light = _split(grey, [max(0.5, s * width / BODY) for s in BANDS])
    middle = ((places + swatches.side / 2) / factor).astype(int)
    y, x = np.minimum(np.maximum(middle, 0), np.array(grey.shape) - 1).T
    sigma = LOCAL * width
    share = np.maximum(_blurred(weight, sigma)[y, x], 1e-3)
    lacking = []
    for band, usual, louder in zip(bands, swatches.strength, swatches.louder, strict=False):
        here = LIKE_NOISE * (_blurred(np.sqrt(np.abs(band)) * weight, sigma)[y, x] / share) ** 2
        lacking.append(louder * np.sqrt(np.clip(1 - (here / max(usual, 1e-6)) ** 2, 0, 1)))
    return np.stack(lacking, 1).astype(np.float32), light[y, x]


def _choose(swatches: Swatches, light: FloatArray, generator: torch.Generator) -> IntArray:
    """(N,) a patch for each place, by chance among those that are most nearly as light."""
    order = np.argsort(swatches.light, kind="stable")
    count = min(CHOICE, len(order))
    first = np.searchsorted(swatches.light[order], light) - count // 2
    chance = torch.randint(count, (len(light),), generator=generator).numpy()
    return order[np.clip(first, 0, len(order) - count) + chance]


def _window(side: int) -> FloatArray:
    """(side, side) float32 weights of a patch; the squares of those that overlap add up to one."""
    step = side // 2
    t = (np.arange(side) + 0.5) / (2 * step)
    hann = np.sin(np.pi * np.minimum(t, 1)) ** 2
    total = np.array([np.sum(hann[i % step :: step] ** 2) for i in range(side)])
    line = hann / np.sqrt(total)
    return np.outer(line, line).astype(np.float32)


def _around(region: BoolArray) -> tuple[slice, slice]:
    """At most REGION pixels a side around the middle of a region."""
    box = []
    for axis in (0, 1):
        middle = int(np.median(np.flatnonzero(region.any(1 - axis))))
        box.append(slice(max(0, middle - REGION // 2), middle + REGION // 2))
    return box[0], box[1]


def _split(picture: FloatArray, sigmas: list[float]) -> tuple[list[FloatArray], FloatArray]:
    """What lies between a picture and its Gaussian blur, between that and the next; and the last blur."""
    bands = []
    for lower in _blurs(picture, sigmas):
        bands.append(np.asarray(picture - lower, np.float32))
        picture = lower
    return bands, picture


def _blurs(picture: FloatArray, sigmas: list[float]) -> Iterator[FloatArray]:
    for sigma in sigmas:
        yield _blurred(picture, sigma)


def _blurred(picture: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur; a wide one on a smaller grid."""
    factor = int(sigma / 2)
    if factor < 2:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
    height, width = picture.shape[:2]
    size = max(1, width // factor), max(1, height // factor)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _inside(region: BoolArray, sigma: float) -> BoolArray:
    size = 2 * int(np.ceil(2 * sigma)) + 1
    return cv2.erode(region.astype(np.uint8), np.ones((size, size), np.uint8), borderValue=[0.0]) > 0
