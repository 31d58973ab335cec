"""Colours of skin and hair in linear RGB, by the pigments that make them.

Skin is a turbid layer: pigments act as factors (Tsumura et al., "Image-based skin color and texture
analysis/synthesis by extracting hemoglobin and melanin information in the skin", SIGGRAPH 2003). Melanin
moves the colour along a path of eight tones from very light to very dark, because scattering bends that path
away from a straight line in log space; haemoglobin and carotene multiply by exp(-density × absorption).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facekit.records import FloatArray

# linear RGB at melanin index 0 to 7
_TONES_SRGB = np.array(
    [
        (233, 204, 190),
        (226, 189, 168),
        (213, 170, 144),
        (196, 147, 116),
        (173, 123, 91),
        (143, 97, 71),
        (108, 71, 52),
        (74, 49, 38),
    ]
)
HAEMOGLOBIN = np.array([0.10, 1.0, 0.78], np.float32)  # relative absorption in R, G, B, from oxyhaemoglobin
CAROTENE = np.array([0.0, 0.12, 1.0], np.float32)
DARKEST = len(_TONES_SRGB) - 1


def decode_srgb(values: FloatArray) -> FloatArray:
    """Linear light from sRGB values in 0..255 (IEC 61966-2-1)."""
    x = np.asarray(values, np.float64) / 255.0
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


_LOG_TONES = np.log(decode_srgb(_TONES_SRGB)).astype(np.float32)


def skin_colour(
    melanin: FloatArray, blood: FloatArray | float = 0.0, carotene: FloatArray | float = 0.0
) -> FloatArray:
    """Linear RGB (N, 3) float32 of skin.

    melanin (N,): index on the path of tones, 0 lightest to 7 darkest; blood, carotene (N,): densities
    relative to the mean skin, 0.1 is a visible flush.
    """
    index = np.clip(np.asarray(melanin, np.float32), 0.0, DARKEST - 1e-3)
    red = np.broadcast_to(np.asarray(blood, np.float32), index.shape)
    yellow = np.broadcast_to(np.asarray(carotene, np.float32), index.shape)
    colour = np.zeros((len(index), 3), np.float32)
    _mix(index, red, yellow, _LOG_TONES, colour)
    return colour


@njit(cache=True, fastmath=True)
def _mix(
    index: FloatArray, blood: FloatArray, carotene: FloatArray, tones: FloatArray, colour: FloatArray
) -> None:
    for i in range(len(index)):
        step = int(index[i])
        part = index[i] - step
        for c in range(3):
            log = tones[step, c] * (1 - part) + tones[step + 1, c] * part
            colour[i, c] = np.exp(log - blood[i] * HAEMOGLOBIN[c] - carotene[i] * CAROTENE[c])


HAIR = {
    "black": (28, 24, 23),
    "dark brown": (50, 36, 28),
    "brown": (84, 58, 40),
    "light brown": (122, 88, 58),
    "blond": (184, 146, 92),
    "red": (128, 62, 32),
    "grey": (140, 138, 136),
    "white": (205, 203, 200),
}


def hair_weights(melanin: float) -> dict[str, float]:
    """How frequent the hair colours are for a skin tone."""
    fair = float(np.clip(1 - melanin / 4.0, 0.0, 1.0))
    return {
        "black": 0.3 + 0.12 * melanin,
        "dark brown": 0.5,
        "brown": 0.1 + 0.6 * fair,
        "light brown": 0.5 * fair,
        "blond": 0.5 * fair**2,
        "red": 0.25 * fair**2,
        "grey": 0.12,
        "white": 0.06,
    }


def hair_colour(name: str, rng: np.random.Generator) -> FloatArray:
    """Linear RGB (3,) float32 of a hair colour, varied by a fifth."""
    base = decode_srgb(np.array(HAIR[name]))
    return (base * np.exp(0.18 * rng.standard_normal() + 0.05 * rng.standard_normal(3))).astype(np.float32)
