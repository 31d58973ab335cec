"""Distances by networks: an untrained segmenter, and an LPIPS that is played."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from facekit.metrics.perceptual import perceptual_distance
from facekit.metrics.perceptual_networks import by_lpips, by_segmenter
from facekit.segmentation.network import segmenter

PHOTO = np.ascontiguousarray(astronaut()[20:180, 130:290, :3])
WHERE, BOX = np.ones(PHOTO.shape[:2], bool), (0, 0, 160, 160)


def test_the_segmenters_features_tell_blur_and_noise() -> None:
    by = by_segmenter(segmenter("tiny", torch.Generator().manual_seed(1)).eval())
    assert perceptual_distance(PHOTO, PHOTO, WHERE, BOX, by) == 0
    blurred = [cv2.GaussianBlur(PHOTO, (0, 0), s) for s in (1.0, 3.0, 9.0)]
    distances = [perceptual_distance(one, PHOTO, WHERE, BOX, by) for one in blurred]
    assert 0 < distances[0] < distances[1] < distances[2] < 1
    other = np.ascontiguousarray(PHOTO[::-1])
    assert perceptual_distance(other, PHOTO, WHERE, BOX, by) > distances[1]


class Played(torch.nn.Module):
    """Says how far pixels are apart."""

    def __init__(self, net: str, spatial: bool, verbose: bool) -> None:
        super().__init__()
        assert (net, spatial) == ("alex", True)

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        assert one.abs().max() <= 1
        return (one - other).abs().mean(1, keepdim=True)


def test_lpips_is_used_where_it_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    module = ModuleType("lpips")
    module.LPIPS = Played  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lpips", module)
    assert by_lpips() is None  # no weights of AlexNet
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "alexnet-owt-7be5be79.pth").touch()
    by = by_lpips()
    assert by is not None
    assert perceptual_distance(PHOTO // 2, PHOTO // 2 + np.uint8(51), WHERE, BOX, by) == pytest.approx(
        0.4, abs=1e-3
    )
    monkeypatch.setitem(sys.modules, "lpips", None)
    assert by_lpips() is None  # not installed
