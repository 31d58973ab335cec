"""What a landmark network is to facekit: a square crop in, points in that crop out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from facekit.records import ByteArray, FloatArray


@dataclass(frozen=True)
class Reading:
    """What the network saw in one crop."""

    points: FloatArray  # (L, 2) float64, px of the crop, corner of the crop at (0, 0)
    depth: FloatArray  # (L,) float64, px of the crop, smaller is nearer; NaN if the network has none
    confidence: FloatArray  # (L,) float64, 0 to 1 per point; 1 if the network has none


class Detector(ABC):
    """A landmark network. It finds points in a cropped face; ``boxes.find_boxes`` finds faces."""

    name: ClassVar[str]  # as in Landmarks.detector
    scheme: ClassVar[str]  # "mediapipe478" or "ibug68"
    crop_size: ClassVar[int]  # px, side of the square crop
    margin: ClassVar[float]  # side of the crop over the longer side of the box round the landmarks
    shift: ClassVar[float]  # centre of the crop below the centre of that box, as a part of its longer side
    runs: ClassVar[int]  # how many perturbed crops are worth their time
    lanes: ClassVar[int] = 1  # how many crops it can read at the same time

    @abstractmethod
    def landmarks(self, crop: ByteArray, lane: int = 0) -> Reading:
        """Points in a (S, S, 3) uint8 sRGB crop of one face, upright and about centred.

        Calls at the same time must be in different ``lane``s; the answer does not depend on it.
        """
