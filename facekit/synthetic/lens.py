"""From linear light to the bytes of a photo: exposure, colour cast, contrast, blur, shot noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facekit.records import BoolArray, ByteArray, FloatArray
from facekit.synthetic.chance import between


@dataclass(frozen=True)
class Lens:
    """How the camera records light."""

    level: float  # linear brightness that the median skin pixel is drawn to
    pull: float  # 0 keeps the scene's own brightness .. 1 draws every face to the level
    cast: FloatArray  # (3,) colour factors
    contrast: float  # exponent about the level
    saturation: float
    blur: float  # px, standard deviation
    noise: float  # standard deviation at mid grey, in units of 1/255
    jpeg: int  # quality; 0 = no compression
    seed: int


def sample_lens(rng: np.random.Generator, wild: float) -> Lens:
    """Random settings; ``wild`` 0..1 widens them from a good camera to a poor one."""
    poor = rng.random() < 0.3 * wild
    return Lens(
        level=between(rng, 0.12, 0.36),
        pull=between(rng, 0.3, 0.8),
        cast=np.exp(rng.normal(0, 0.015 + 0.035 * wild, 3)).astype(np.float32),
        contrast=float(np.exp(rng.normal(0, 0.04 + 0.08 * wild))),
        saturation=float(np.exp(rng.normal(-0.06, 0.05 + 0.10 * wild))),
        blur=between(rng, 0.25, 0.65) + (between(rng, 0.0, 1.3) if poor else 0.0),
        noise=between(rng, 0.5, 2.5) + (between(rng, 0.0, 7.0) if poor else 0.0),
        jpeg=int(rng.integers(35, 96)) if rng.random() < 0.5 * wild else 0,
        seed=int(rng.integers(2**31)),
    )


def exposure(linear: FloatArray, skin: BoolArray, lens: Lens) -> float:
    """The factor that brings the skin (H, W) bool of a linear picture towards the lens's level."""
    luminance = linear[skin] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    middle = float(np.median(luminance)) if luminance.size else 0.2
    return float((lens.level / max(middle, 1e-3)) ** lens.pull)


def expose(linear: FloatArray, factor: float, lens: Lens) -> ByteArray:
    """The photo (H, W, 3) uint8 sRGB of linear light (H, W, 3) times ``factor``."""
    rng = np.random.default_rng(lens.seed)
    light = np.maximum(linear * (factor * lens.cast), 0.0)
    grey = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    light = np.maximum(grey[..., None] + lens.saturation * (light - grey[..., None]), 0.0)
    light = lens.level * (light / lens.level) ** lens.contrast
    light = cv2.GaussianBlur(light.astype(np.float32), (0, 0), lens.blur)
    grain = rng.standard_normal(light.shape, np.float32)
    light = np.clip(_shoulder(light), 0.0, 1.0)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    srgb += grain * (lens.noise * (0.6 + 0.8 * np.sqrt(light)))
    image = np.clip(np.rint(srgb), 0, 255).astype(np.uint8)
    if lens.jpeg:
        _, code = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, lens.jpeg])
        image = np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])
    return image


def _shoulder(light: FloatArray) -> FloatArray:
    """Film-like roll-off above 0.7, so that highlights do not clip hard."""
    over = np.maximum(light - 0.7, 0.0)
    rolled = np.minimum(light, 0.7) + 0.3 * over / (0.3 + over)
    return np.asarray(rolled, np.float32)
