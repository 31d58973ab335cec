"""Light and albedo from the pixels, geometry held: a robust Gaussian posterior (Eq. 12's L1 norm, re-
weighted).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.raster.shade import LAMBERT, sh_basis

Array = NDArray[np.float64]

AMBIENT = (
    3.0  # sh[0] of even light of strength 0.85: pictures are exposed so that skin is neither black nor white
)
LIGHT_SPREAD = np.array(
    [0.4, *[0.8] * 3, *[0.35] * 5]
)  # prior standard deviation of sh, all channels together
CHROMA = 0.2  # spread of the channels about their mean, relative to LIGHT_SPREAD
SOFT = 0.01  # sRGB: residuals below this count as squared
PIXEL_NOISE = 0.03  # sRGB, scale of the L1 norm
TONES = 6  # modes of the albedo that are tones of the whole skin rather than features on it
FOREIGN = 0.10  # sRGB: farther from tone and light than this a pixel does not show skin
LEAST_KEPT = 0.5  # share of the pixels that is kept all the same
EFFECTIVE = 0.005  # neighbouring pixels err together: the share of pixels that count as independent


@dataclass(frozen=True)
class Pixels:
    """Visible skin pixels with what the geometry says of them."""

    colour: Array  # (M, 3) linear RGB
    normals: Array  # (M, 3) unit, head frame
    albedo: Array  # (M, 3) mean linear albedo
    modes: NDArray[np.floating]  # (K, M, 3) per standard deviation


@dataclass(frozen=True)
class Appearance:
    """Light, albedo code and how well they explain the picture."""

    sh: Array  # (9, 3)
    code: Array  # (K,)
    residual: float  # mean absolute difference, sRGB 0..1
    iterations: int


def slope_of_srgb(linear: Array) -> Array:
    """d sRGB / d linear, held below 4 in the dark."""
    return np.clip(1.055 / 2.4 * np.maximum(linear, 1e-4) ** (1 / 2.4 - 1), 0.3, 4.0)


def light_precision() -> Array:
    """(27, 27) prior precision of sh flattened (9, 3)."""
    shared = np.full((3, 3), 1.0) + CHROMA**2 * np.eye(3)
    inverse = np.linalg.inv(shared)
    out = np.zeros((27, 27))
    for k in range(9):
        out[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] = inverse / LIGHT_SPREAD[k] ** 2
    return out


def first_light(pixels: Pixels, harmonics: Array) -> Array:
    """(9, 3) even light of the strength that gives the mean albedo the picture's median colour."""
    level = np.median(pixels.colour, 0) / np.maximum(np.median(pixels.albedo, 0), 1e-3)
    sh = np.zeros((9, 3))
    sh[0] = np.clip(level.mean(), 0.05, 4.0) / harmonics[0, 0]
    return sh


def fit_appearance(pixels: Pixels, iterations: int = 12, tolerance: float = 1e-3) -> Appearance:
    """Most probable light (9, 3) and albedo code (K,), first with the tone of the skin alone.

    What a tone and a light leave unexplained by far is hair, shadow or glare before the skin, not skin. All
    modes together could paint it, with a dark albedo in a glaring light, so those pixels are left out.
    """
    tone = Pixels(pixels.colour, pixels.normals, pixels.albedo, pixels.modes[:TONES])
    first, apart = _fit(tone, np.ones(len(tone.colour), bool), iterations, tolerance)
    near = apart < max(FOREIGN, float(np.quantile(apart, LEAST_KEPT)))
    start = np.r_[first.code, np.zeros(len(pixels.modes) - len(first.code))]
    return _fit(pixels, near, iterations, tolerance, (first.sh, start))[0]


def _fit(
    pixels: Pixels,
    use: NDArray[np.bool_],
    iterations: int,
    tolerance: float,
    start: tuple[Array, Array] | None = None,
) -> tuple[Appearance, Array]:
    """Gauss–Newton with L1 re-weighting over the pixels ``use`` (M,); also the size (M,) of each residual.

    The colour is albedo(code) × shade(normal, sh) in linear RGB; residuals are weighed as sRGB differences.
    """
    pixels = Pixels(pixels.colour[use], pixels.normals[use], pixels.albedo[use], pixels.modes[:, use])
    harmonics = sh_basis(pixels.normals) * np.asarray(LAMBERT)
    k, m = len(pixels.modes), len(pixels.colour)
    sh, code = start or (first_light(pixels, harmonics), np.zeros(k))
    prior = np.zeros((27 + k, 27 + k))
    prior[:27, :27], prior[27:, 27:] = light_precision(), np.eye(k)
    expected = np.zeros(27 + k)
    expected[:3] = AMBIENT
    slope = slope_of_srgb(pixels.colour)
    flat = np.asarray(pixels.modes, np.float32).reshape(k, m * 3)
    j = np.zeros((27 + k, m * 3), np.float32)  # single precision: the slope at the end is what counts
    done, residual = 0, np.zeros((m, 3))
    for done in range(1, iterations + 1):  # noqa: B007
        albedo = pixels.albedo + (code.astype(np.float32) @ flat).reshape(m, 3)
        light = harmonics @ sh
        residual = slope * (pixels.colour - albedo * light)
        size = np.sqrt((residual**2).sum(1) + SOFT**2)
        weight = np.sqrt(EFFECTIVE / (PIXEL_NOISE * size))[:, None] * slope
        _jacobian(harmonics, weight * albedo, flat, weight * light, j)
        gradient = j @ (weight / slope * residual).astype(np.float32).ravel()
        gradient = gradient - prior @ (np.r_[sh.ravel(), code] - expected)
        step = np.linalg.solve(j @ j.T + prior, gradient)
        sh, code = sh + step[:27].reshape(9, 3), code + step[27:]
        if np.abs(step).max() < tolerance:
            break
    return Appearance(sh, code, float(np.abs(residual).mean()), done), np.abs(residual).max(1)


def _jacobian(
    harmonics: Array, albedo: Array, modes: NDArray[np.float32], light: Array, out: NDArray[np.float32]
) -> None:
    """Slopes of the weighted colours (M, 3) by light and code, into ``out`` (27 + K, 3 M), zeros at first."""
    by_pixel = out[:27].reshape(9, 3, len(albedo), 3)
    for channel in range(3):
        by_pixel[:, channel, :, channel] = harmonics.T * albedo[:, channel]
    np.multiply(modes, light.astype(np.float32).ravel(), out=out[27:])
