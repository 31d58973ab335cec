"""A capture in somebody else's layout, before it is written in facekit's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from facekit.avatar.capture import Mesh
from facekit.records import ByteArray, FloatArray


@dataclass(frozen=True)
class Recording(ABC):
    """One person's frames, read by number. World: any axes, metres. Head frame: facekit's."""

    folder: Path
    cameras: tuple[str, ...]  # M
    K: FloatArray  # (M, 3, 3) float64, px
    R: FloatArray  # (M, 3, 3) float64, world to camera
    t: FloatArray  # (M, 3) float64, m
    frames: tuple[tuple[str, str], ...]  # segment and frame
    mesh: Mesh
    count: int  # vertices

    @abstractmethod
    def vertices(self, i: int) -> FloatArray:
        """(V, 3) float32, m, head frame."""

    @abstractmethod
    def head(self, i: int) -> FloatArray:
        """(3, 4) float64, head frame to world, m."""

    @abstractmethod
    def texture(self, i: int) -> ByteArray:
        """(T, T, 3) uint8, mean over the views, row 0 at the top of the UV square."""

    @abstractmethod
    def image(self, i: int, camera: str) -> ByteArray | None:
        """(H, W, 3) uint8, or None where this camera lacks the frame."""
