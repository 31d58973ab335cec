"""Which pixels a fitted face does not explain: what the network says of a mask, corrected.

After Egger et al., "Occlusion-aware 3D Morphable Models and an Illumination Prior for Face Image Analysis",
IJCV 2018: a pixel shows the face where the rendered colour is near, else something whose colours a histogram
describes; neighbours agree. There the mask starts from the render alone and beards are a class of their own;
here it starts from the network, which knows beards, brows and lips.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from facekit.fitting.skin_pixels import SkinGrid, grid_pixels, skin_grid
from facekit.morphable.model import FaceModel
from facekit.raster.shade import LAMBERT, linear_to_srgb, sh_basis
from facekit.records import BoolArray, ByteArray, Fit, FloatArray
from facekit.segmentation.segment import guided

SIDE = 160  # px, of the window that is looked at
BINS = 8  # of the histogram, along each of the three colours
SURE = 0.5  # chance from which a pixel's colour counts as the occluder's
UNIFORM = 0.1  # least share of the histogram that is spread evenly
EVEN = 0.05  # of the pixels: so many are spread evenly, so that few sure ones say little
FLOOR = 0.03  # sRGB: the least spread of the face's residual
TAIL = 0.05  # share of face pixels that no render explains: wrinkles, glints, moles
WEIGHT = 0.6  # of a pixel's likelihood: neighbouring ones err together
LARGEST = 3.0  # of the evidence of a pixel, in natural logarithms
AGREE = 2.0  # pull of the neighbours
ROUNDS = 4
OPEN = 0.15  # chance from which a pixel can become an occluder; below, the network is sure that it is face
RADIUS = 4  # px of the window: neighbours


def corrected_chance(photo: ByteArray, chance: FloatArray, fit: Fit, model: FaceModel) -> FloatArray | None:
    """Chances (H, W) of an occluder, corrected where the fitted skin lies; None where too little is seen.

    photo (H, W, 3) uint8 sRGB; chance (H, W) from the network.
    """
    grid = skin_grid(photo, None, model, np.asarray(fit.vertices, np.float64), fit.camera, SIDE)
    if grid is None or model.albedo is None or len(fit.code.albedo) != len(model.albedo.basis):
        return None
    seen = linear_to_srgb(np.clip(grid.window.linear, 0, 1))
    prior = cv2.resize(_cut(chance, grid, fit), seen.shape[1::-1], interpolation=cv2.INTER_AREA)
    evidence = np.zeros(seen.shape[:2])
    evidence[grid.seen] = log_ratio(seen[grid.seen], _drawn(grid, fit, model), prior[grid.seen])
    smooth = settled(prior, evidence, seen, grid.seen)
    smooth = np.where(prior < OPEN, np.minimum(smooth, prior), smooth)
    return _pasted(chance, np.where(grid.seen, smooth, prior) - prior, grid, fit)


def _drawn(grid: SkinGrid, fit: Fit, model: FaceModel) -> FloatArray:
    """sRGB (M, 3) of the fitted face at the seen pixels."""
    pixels = grid_pixels(grid, np.asarray(fit.vertices, np.float64), model)
    light = (sh_basis(pixels.normals) * np.asarray(LAMBERT)) @ fit.light.sh
    code = np.asarray(fit.code.albedo, np.float64)
    albedo = pixels.albedo + np.tensordot(code, pixels.modes, 1)
    return np.asarray(linear_to_srgb(np.clip(albedo * light, 0, 1)))


def log_ratio(seen: FloatArray, drawn: FloatArray, prior: FloatArray) -> FloatArray:
    """Evidence (M,) for an occluder: log p(colour | occluder) - log p(colour | face), within +-LARGEST.

    seen, drawn (M, 3) sRGB in 0..1; prior (M,) chances, which say what to learn spread and histogram from.
    """
    on_face = (1 - TAIL) * _near(seen - drawn, 1 - prior) + TAIL  # the colours fill a cube of volume 1
    elsewhere = histogram(seen, np.where(prior > SURE, prior, 0.0))
    return np.clip(WEIGHT * (np.log(elsewhere) - np.log(on_face)), -LARGEST, LARGEST)


def _near(apart: FloatArray, face: FloatArray) -> FloatArray:
    """Density (M,) of differences (M, 3) around the render: brightness and colour each with a spread of its
    own, since shadows change brightness more; face (M,), chances of being face, say what to learn them from.
    """
    brightness = apart.sum(axis=1) / np.sqrt(3)
    colour = np.sqrt(((apart - apart.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))
    wide = max(FLOOR, 1.4826 * _weighted_median(np.abs(brightness), face))
    narrow = max(FLOOR / 2, 0.8493 * _weighted_median(colour, face))  # of two directions
    density = np.exp(-0.5 * (brightness / wide) ** 2 - 0.5 * (colour / narrow) ** 2)
    return np.asarray(density / (np.sqrt(2 * np.pi) ** 3 * wide * narrow**2))


def histogram(colours: FloatArray, weight: FloatArray) -> FloatArray:
    """Density (M,) of colours (M, 3) in 0..1 among those with weight (M,): smoothed, partly even, and all the
    more so the fewer there are.
    """
    cell = np.clip((colours * BINS).astype(int), 0, BINS - 1)
    index = (cell[:, 0] * BINS + cell[:, 1]) * BINS + cell[:, 2]
    counts = np.bincount(index, weight, BINS**3).reshape(BINS, BINS, BINS)
    counts = gaussian_filter(counts.astype(np.float64), 0.7, mode="nearest")
    total, few = counts.sum(), EVEN * len(colours)
    even = max(UNIFORM, few / (few + total))
    share = counts.ravel() / max(total, 1e-9)
    density: FloatArray = ((1 - even) * share * BINS**3 + even)[index]
    return density


def settled(prior: FloatArray, evidence: FloatArray, seen: FloatArray, where: BoolArray) -> FloatArray:
    """Chances (h, w) after the neighbours have agreed: a mean field whose neighbourhoods follow the edges of
    the picture (h, w, 3); pixels outside ``where`` keep theirs.
    """
    known = np.clip(prior, 0.02, 0.98)
    own = np.log(known / (1 - known)) + evidence
    guide = seen.mean(axis=-1).astype(np.float32)
    chance = 1 / (1 + np.exp(-own))
    for _ in range(ROUNDS):
        chance = np.where(where, chance, prior)
        around = guided(guide, chance.astype(np.float32), RADIUS, 1e-3)
        chance = 1 / (1 + np.exp(-(own + AGREE * (2 * np.clip(around, 0, 1) - 1))))
    return np.where(where, chance, prior)


def _weighted_median(values: FloatArray, weight: FloatArray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)]) if total[-1] > 0 else 0.0


def _cut(chance: FloatArray, grid: SkinGrid, fit: Fit) -> FloatArray:
    x0, y0, x1, y1 = _box(grid, fit)
    return np.ascontiguousarray(chance[y0:y1, x0:x1])


def _pasted(chance: FloatArray, change: FloatArray, grid: SkinGrid, fit: Fit) -> FloatArray:
    x0, y0, x1, y1 = _box(grid, fit)
    large = cv2.resize(change.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    out = chance.copy()
    out[y0:y1, x0:x1] = np.clip(out[y0:y1, x0:x1] + large, 0, 1)
    return out


def _box(grid: SkinGrid, fit: Fit) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of the window in the photo."""
    inner, outer = grid.window.camera, fit.camera
    scale = inner.K[0, 0] / outer.K[0, 0], inner.K[1, 1] / outer.K[1, 1]
    x0 = outer.K[0, 2] - inner.K[0, 2] / scale[0]
    y0 = outer.K[1, 2] - inner.K[1, 2] / scale[1]
    height, width = grid.window.linear.shape[:2]
    return round(x0), round(y0), round(x0 + width / scale[0]), round(y0 + height / scale[1])
