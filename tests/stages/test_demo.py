"""Masks drawn on landmarks, and the demo's photo."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.errors import UsageError
from facekit.stages.demo import MASKS, demo_photo, draw_mask


def face68() -> np.ndarray:
    """A rough face of 68 landmarks, 200 px wide, its right side on the left."""
    angle = np.linspace(0, np.pi, 17)
    jaw = np.stack([200 - 100 * np.cos(angle), 200 + 120 * np.sin(angle)], 1)
    points = np.full((68, 2), 200.0)
    points[:17] = jaw
    points[17:22] = np.linspace((120, 150), (180, 150), 5)
    points[22:27] = np.linspace((220, 150), (280, 150), 5)
    points[27:31] = np.linspace((200, 180), (200, 225), 4)
    points[31:36] = np.linspace((185, 235), (215, 235), 5)
    for start, centre in ((36, (150, 180)), (42, (250, 180))):
        angle = np.linspace(np.pi, 3 * np.pi, 6, endpoint=False)
        points[start : start + 6] = np.array(centre) + np.stack([22 * np.cos(angle), 8 * np.sin(angle)], 1)
    points[48:68] = (200, 270)
    return points


def test_masks_hide_what_they_are_named_after() -> None:
    points = face68()
    masks = {kind: draw_mask(kind, points, (400, 400)) for kind in MASKS}
    eyes, mouth = (180, [150, 250]), (270, 200)
    assert masks["sunglasses"][eyes].all()
    assert not masks["sunglasses"][mouth]
    assert masks["mouth"][mouth]
    assert not masks["mouth"][eyes].any()
    assert masks["side"][180, 250]
    assert not masks["side"][180, 150]
    assert all(mask.dtype == bool and 0.01 < mask.mean() < 0.5 for mask in masks.values())


def test_unknown_masks_are_refused() -> None:
    with pytest.raises(UsageError, match="sunglasses, mouth, side"):
        draw_mask("hat", face68(), (10, 10))


def test_the_photo_comes_along() -> None:
    assert demo_photo().shape == (512, 512, 3)


def test_the_mask_of_a_turned_head_covers_the_whole_mouth() -> None:
    points = face68()
    points[8:17, 0] = points[8, 0]  # the far half of the jaw is hidden behind the near one
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    points[48:60] = points[8] + np.stack([30 * np.cos(angle), 8 * np.sin(angle) - 60], 1)
    mask = draw_mask("mouth", points, (400, 400))
    corners = points[48:60].round().astype(int)
    assert mask[corners[:, 1], corners[:, 0]].all()
    assert not mask[corners[:, 1].min() - 150, corners[0, 0]]
