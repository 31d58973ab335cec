"""What completions of covered faces are usually wrong about, learned from synthetic photos, and set right in
the most probable picture.

A fit knows nothing of a covered mouth, so that it is closed in the most probable shape; people's mouths are
open as often as not, and the chin is lower then. The mean difference between photos and such completions, per
texel, is what to add to come nearest to the photo on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from facekit.morphable.albedo import chart_digest
from facekit.morphable.topology import Topology
from facekit.raster.shade import linear_to_srgb, srgb_to_linear
from facekit.records import FloatArray
from facekit.texture.chart import Chart
from facekit.texture.unwrap import smoothstep

KIND = "facekit-expected"
SHARE = 0.75  # of the mean difference: other photos are not quite like those it was learned on
LIPS = 0.6  # of it that lips do without, so that they stay lips
BETWEEN = (0.40, 0.50)  # of the chart's height: above, covered eyes count; below, a covered mouth
COVERED = (0.2, 0.7)  # share of the eyes, or lips, that is covered, at which it starts to count and does
LEAST = 8.0  # photos that have shown a texel, at least
HELD = 6.0  # photos without any difference that are added to those seen


@dataclass(frozen=True)
class Expected:
    """Mean differences (T, T, 3) float32, photo less completion, sRGB over the brightness of the skin."""

    upper: FloatArray  # with covered eyes
    lower: FloatArray  # with a covered mouth
    chart: str  # digest of the texture chart

    def arrays(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Left halves as float16, and metadata, to be stored."""
        half = len(self.upper) // 2
        maps = {"upper": self.upper, "lower": self.lower}
        left = {name: np.ascontiguousarray(one[:, :half]).astype(np.float16) for name, one in maps.items()}
        return left, {"kind": KIND, "version": "1", "chart": self.chart}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Expected:
        """The inverse of ``arrays``."""
        maps = [np.asarray(arrays[name], np.float32) for name in ("upper", "lower")]
        upper, lower = (np.concatenate([one, one[:, ::-1]], axis=1) for one in maps)
        return Expected(upper, lower, metadata["chart"])

    def belongs_to(self, topology: Topology) -> bool:
        """Whether it was learned in the texture chart of this topology."""
        return chart_digest(topology) == self.chart


def mean_difference(differences: list[FloatArray], weights: list[FloatArray]) -> FloatArray:
    """The symmetric mean (T, T, 3) float32 of differences (T, T, 3) that count as ``weights`` (T, T)."""
    total = sum((d * w[..., None] for d, w in zip(differences, weights, strict=True)), np.zeros(3))
    count = sum(weights, np.zeros(1))
    total, count = total + total[:, ::-1], count + count[:, ::-1]
    mean = total / (count + HELD)[..., None]
    return np.where(count[..., None] < LEAST, 0, mean).astype(np.float32)


def add_expected(
    albedo: FloatArray,
    shade: FloatArray,
    trust: FloatArray,
    learned: Expected,
    chart: Chart,
    topology: Topology,
) -> FloatArray:
    """The albedo (T, T, 3) that shows the expected picture under ``shade`` (T, T, 3); trust (T, T) of what is
    seen stays as it is.
    """
    size, seen = len(albedo), trust > 0.5
    shown = linear_to_srgb(np.clip(albedo * shade, 0, 1))
    brightness = float(np.median(shown[seen], axis=0).mean()) if seen.any() else 0.5
    eyes, lips = (_region(topology, chart, name) for name in ("eye_region", "lips"))
    height = smoothstep((np.arange(size) + 0.5) / size, *BETWEEN)[:, None, None]
    sparing = 1 - LIPS * cv2.GaussianBlur(lips, (0, 0), size / 85)[..., None]
    upper = smoothstep(_covered(trust, eyes), *COVERED) * (1 - height) * _sized(learned.upper, size)
    lower = smoothstep(_covered(trust, lips), *COVERED) * height * sparing * _sized(learned.lower, size)
    shown = shown + SHARE * brightness * (upper + lower) * (1 - trust)[..., None]
    changed = srgb_to_linear(np.clip(shown, 0.01, 1)) / np.maximum(shade, 1e-3)
    return np.where(shade > 0, changed, albedo).astype(np.float32)


def _region(topology: Topology, chart: Chart, name: str) -> FloatArray:
    zero = np.zeros(len(topology.parts), np.float32)
    return np.asarray(chart.image(chart.at(topology.regions.get(name, zero))), np.float32)


def _covered(trust: FloatArray, region: FloatArray) -> FloatArray:
    """Share of a region that is not seen, (1,)."""
    return np.array([float(((1 - trust) * region).sum()) / max(float(region.sum()), 1e-6)])


def _sized(picture: FloatArray, size: int) -> FloatArray:
    soft = cv2.GaussianBlur(picture, (0, 0), 0.6)
    return np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
