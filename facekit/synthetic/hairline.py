"""The border of scalp hair, as a height over the azimuth around the skull."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from facekit.records import FloatArray
from facekit.synthetic.atlas import HEAD_CENTRE
from facekit.synthetic.chance import between

# azimuth from the forehead (0) over the temple and the ear to the nape (180), degrees, and height of a mean
# hairline, mm
AZIMUTH = np.array([0.0, 22.0, 38.0, 52.0, 66.0, 78.0, 88.0, 100.0, 115.0, 140.0, 180.0])
HEIGHT = np.array([78.0, 77.0, 70.0, 52.0, 26.0, 12.0, 16.0, 24.0, 4.0, -48.0, -62.0])


@dataclass(frozen=True)
class Hairline:
    """Shape of the hairline."""

    height: tuple[float, ...]  # mm, at AZIMUTH
    cover: float  # 0 bald .. 1 full: opacity of hair painted on the skin


def sample_hairline(rng: np.random.Generator) -> Hairline:
    """A random hairline: low or receding, with sideburns or without; one in ten heads is bald."""
    height = HEIGHT + rng.normal(0, 5)
    height[:3] += rng.normal(0, 5)
    if rng.random() < 0.25:  # receding at the temples
        height[1:4] += np.array([6.0, 16.0, 10.0]) * rng.random()
    height[4:6] += np.array([-8.0, -22.0]) * rng.random()  # sideburns
    height[8:] += rng.normal(0, 8)
    bald = rng.random() < 0.1
    return Hairline(tuple(height.tolist()), 0.25 * between(rng, 0.0, 1.0) if bald else 1.0)


def hair_height(points: FloatArray, hairline: Hairline) -> FloatArray:
    """Height (N,) mm above the hairline of points (N, 3) in the face frame."""
    azimuth = np.rad2deg(np.abs(np.arctan2(points[:, 0], points[:, 2] - HEAD_CENTRE[2])))
    knots = np.r_[-AZIMUTH[1], AZIMUTH, 360 - AZIMUTH[-2]]
    line = np.array(hairline.height)
    curve = CubicSpline(knots, np.r_[line[1], line, line[-2]])
    table = curve(np.linspace(0.0, 180.0, 721))
    return (points[:, 1] - np.interp(azimuth, np.linspace(0.0, 180.0, 721), table)).astype(np.float32)
