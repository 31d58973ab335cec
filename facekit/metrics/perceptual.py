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
    apart: Callable[[Bytes, Bytes], Sequence[Floats]]  # two squares (S, S, 3) to distances (h, w) of layers


def perceptual_distance(
    picture: Bytes, truth: Bytes, where: Bools, box: tuple[int, int, int, int], by: Perceptual | None = None
) -> float:
    """Mean distance of how two pictures (H, W, 3) uint8 look, over the pixels (H, W) of ``where``.

    They are seen in the box x0 y0 x1 y1 px around the face, as squares of ``SIDE`` px; layers count alike.
    Raises ValueError where sizes differ or ``where`` has nothing inside the box.
    """
    if picture.shape != truth.shape or picture.shape[:2] != where.shape:
        raise ValueError("the pictures and the part to be measured are of different sizes")
    x0, y0, x1, y1 = box
    inside = np.ascontiguousarray(where[y0:y1, x0:x1], np.uint8)
    if not inside.any():
        raise ValueError("there are no pixels to be measured in the box")
    weight = _resized(inside * np.uint8(255)).astype(np.float32)
    total = []
    for apart in (by or FILTERS).apart(*(_resized(image[y0:y1, x0:x1]) for image in (picture, truth))):
        here = cv2.resize(weight, apart.shape[::-1], interpolation=cv2.INTER_AREA)
        total.append(float((apart * here).sum() / here.sum()))
    return float(np.mean(total))


def by_features(name: str, features: Callable[[Bytes], Sequence[Floats]], floor: float = 0.0) -> Perceptual:
    """Distances 0 to 1 of features (h, w, C) of each layer: half the squared distance of the unit vectors,
    which is one minus the cosine. Features shorter than ``floor`` count less.
    """

    def apart(picture: Bytes, truth: Bytes) -> list[Floats]:
        layers = zip(features(picture), features(truth), strict=True)
        return [0.5 * ((_unit(one, floor) - _unit(other, floor)) ** 2).sum(2) for one, other in layers]

    return Perceptual(name, apart)


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


FILTERS = by_features("fixed filters", filter_features, NOISE)
