"""How different two pictures look: distances of features, as LPIPS takes them (Zhang et al. 2018).

LPIPS compares what layers of a trained network say of both pictures, normalised at each place. Its own
network does not come along; what takes its place here is named wherever its figures are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]

SIDE = 256  # px, of the square that is looked at, as the paper's pictures
LEVELS = 4  # of the pyramid
DIRECTIONS = 4
NOISE = 0.02  # sRGB: weaker edges hardly count
COLOUR = 1.5  # weight of colour beside edges
POOL = 1.0  # px, blur of what the filters found: a line may lie a pixel aside


@dataclass(frozen=True)
class Perceptual:
    """What looks at the pictures."""

    name: str  # for the tables
    features: Callable[
        [Bytes], Sequence[Floats]
    ]  # (S, S, 3) uint8 to layers (h, w, C), each from fine to coarse
    floor: float = 0.0  # of the length of a feature: shorter ones count less


def perceptual_distance(
    picture: Bytes, truth: Bytes, where: Bools, box: tuple[int, int, int, int], by: Perceptual | None = None
) -> float:
    """Mean distance 0 to 1 of how two pictures (H, W, 3) uint8 look, over the pixels (H, W) of ``where``.

    They are seen in the box x0 y0 x1 y1 px around the face, as squares of ``SIDE`` px. At each place of each
    layer the distance is half the squared distance of the unit features, which is one minus the cosine.
    Raises ValueError where sizes differ or ``where`` has nothing inside the box.
    """
    if picture.shape != truth.shape or picture.shape[:2] != where.shape:
        raise ValueError("the pictures and the part to be measured are of different sizes")
    by = by or FILTERS
    x0, y0, x1, y1 = box
    inside = np.ascontiguousarray(where[y0:y1, x0:x1], np.uint8)
    if not inside.any():
        raise ValueError("there are no pixels to be measured in the box")
    weight = _resized(inside * np.uint8(255)).astype(np.float32)
    ours, theirs = (by.features(_resized(image[y0:y1, x0:x1])) for image in (picture, truth))
    total = 0.0
    for one, other in zip(ours, theirs, strict=True):
        apart = (_unit(one, by.floor) - _unit(other, by.floor)) ** 2
        here = cv2.resize(weight, apart.shape[1::-1], interpolation=cv2.INTER_AREA)
        total += float((0.5 * apart.sum(2) * here).sum() / here.sum())
    return total / len(ours)


def filter_features(picture: Bytes) -> list[Floats]:
    """A fixed bank of filters in place of a trained network: from fine to coarse, the strength of light and
    dark edges and lines in four directions, a little blurred, and the colour.

    picture (S, S, 3) uint8. Layers (h, w, 4 * 4 + 3).
    """
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab) / 100
    layers = []
    for _ in range(LEVELS):
        light = np.ascontiguousarray(lab[..., 0])
        dx, dy = cv2.Scharr(light, -1, 1, 0) / 32, cv2.Scharr(light, -1, 0, 1) / 32
        dxx, dyy = cv2.Sobel(light, -1, 2, 0) / 4, cv2.Sobel(light, -1, 0, 2) / 4
        dxy = cv2.Sobel(light, -1, 1, 1) / 4
        found = []
        for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
            c, s = float(np.cos(angle)), float(np.sin(angle))
            edge, line = c * dx + s * dy, c * c * dxx + 2 * c * s * dxy + s * s * dyy
            found += [np.maximum(edge, 0), np.maximum(-edge, 0), np.maximum(line, 0), np.maximum(-line, 0)]
        edges = (
            cv2.GaussianBlur(np.dstack(found[:8]), (0, 0), POOL),
            cv2.GaussianBlur(np.dstack(found[8:]), (0, 0), POOL),
        )
        layers.append(np.dstack([*edges, COLOUR * NOISE * lab / 0.1]).astype(np.float32))
        lab = cv2.pyrDown(lab)
    return layers


def _unit(features: Floats, floor: float) -> Floats:
    length = np.sqrt((features**2).sum(2, keepdims=True) + floor**2)
    return np.asarray(features / np.maximum(length, 1e-10))


def _resized(picture: Bytes) -> Bytes:
    shrinks = max(picture.shape[:2]) > SIDE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=how), np.uint8)


FILTERS = Perceptual("fixed filters", filter_features, NOISE)
