"""Overlap of masks."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.metrics.segmentation import Overlap, segmentation_iou


def test_counts() -> None:
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    a[:2], b[1:] = True, True
    assert segmentation_iou(a, b) == pytest.approx(4 / 16)
    assert segmentation_iou(a, a) == 1.0
    assert segmentation_iou(a, ~a) == 0.0
    assert segmentation_iou(a & ~a, a & ~a) == 1.0
    counts = Overlap()
    counts.add(a, b)
    counts.add(a, a)
    assert counts.iou == pytest.approx(12 / 24)
    assert counts.precision == pytest.approx(12 / 16)
    assert counts.recall == pytest.approx(12 / 20)
    assert (Overlap().iou, Overlap().precision, Overlap().recall) == (1.0, 1.0, 1.0)
