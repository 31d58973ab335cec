"""How well a mask covers what it should."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.records import BoolArray


@dataclass
class Overlap:
    """Counts of pixels over one mask or many, or shares of an area."""

    both: float = 0
    found: float = 0
    true: float = 0

    def add(self, found: BoolArray, true: BoolArray) -> None:
        """Count a mask against the true one, of the same shape."""
        self.both += int((found & true).sum())
        self.found += int(found.sum())
        self.true += int(true.sum())

    @property
    def iou(self) -> float:
        """Intersection over union; 1 where both are empty."""
        union = self.found + self.true - self.both
        return self.both / union if union else 1.0

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1 where nothing was found."""
        return self.both / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of what is true that was found; 1 where there is nothing."""
        return self.both / self.true if self.true else 1.0


def segmentation_iou(found: BoolArray, true: BoolArray) -> float:
    """Intersection over union of two masks of one shape; 1 where both are empty."""
    counts = Overlap()
    counts.add(found, true)
    return counts.iou
