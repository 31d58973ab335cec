"""From probabilities to masks."""

from __future__ import annotations

import numpy as np
import torch

from facekit.segmentation.align import aligned
from facekit.segmentation.examples import Example
from facekit.segmentation.region import described, face_hull, hidden_parts, hidden_share
from facekit.segmentation.segment import guided, mask_of, on_photo, segment


class Dark(torch.nn.Module):
    """Calls dark pixels an occluder."""

    side = 64

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        dark = (crops.mean(1) < -0.8).float() * 20
        return torch.stack([10 - dark, dark, torch.zeros_like(dark)], 1)


def test_a_dark_bar_is_found_where_it_is(example: Example, landmarks: np.ndarray) -> None:
    photo = example.image.copy()
    photo[70:84, 45:85] = 0
    found = segment(photo, landmarks, Dark())  # type: ignore[arg-type]
    np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)
    hidden = mask_of(on_photo(found.probabilities[1], found.matrix, photo.shape))
    truth = np.zeros(photo.shape[:2], bool)
    truth[70:84, 45:85] = True
    assert (hidden & truth).sum() / (hidden | truth).sum() > 0.8
    upright = mask_of(on_photo(found.probabilities[1], np.linalg.inv(found.matrix), photo.shape))
    assert not (upright & truth).sum() / (upright | truth).sum() > 0.8  # the way back matters


def test_on_photo_undoes_the_cutting(landmarks: np.ndarray) -> None:
    matrix = aligned(landmarks).matrix(64)
    row, column = np.mgrid[:128, :128] + 0.5
    inverse = np.linalg.inv(matrix)
    inside = inverse[0, 0] * column + inverse[0, 1] * row + inverse[0, 2]
    ramp = np.broadcast_to(np.arange(64) + 0.5, (64, 64))
    back = on_photo(ramp, matrix, (128, 128), outside=-1)
    middle = (slice(50, 80), slice(50, 80))
    np.testing.assert_allclose(back[middle], inside[middle], atol=0.02)


def test_the_guided_filter_moves_to_edges_and_keeps_constants() -> None:
    guide = np.zeros((20, 20), np.float32)
    guide[:, 10:] = 1
    blurred = np.clip((np.arange(20) - 6) / 8, 0, 1).astype(np.float32)[None].repeat(20, 0)
    moved = guided(guide, blurred, 4, 1e-4)
    assert moved[10, 10] - moved[10, 9] > 3 * (blurred[10, 10] - blurred[10, 9])
    np.testing.assert_allclose(guided(guide, np.full((20, 20), 0.3, np.float32), 4, 1e-4), 0.3, atol=1e-5)


def test_a_patch_needs_a_sure_pixel() -> None:
    chance = np.zeros((8, 8), np.float32)
    chance[1:3, 1:3], chance[5:7, 5:7] = 0.7, 0.7
    chance[5, 5] = 0.95
    mask = mask_of(chance, 0.5, 0.9)
    assert mask[5:7, 5:7].all()
    assert mask.sum() == 4
    assert not mask_of(np.zeros((4, 4), np.float32)).any()


def test_what_is_hidden_in_words(landmarks: np.ndarray) -> None:
    lower = np.zeros((128, 128), bool)
    lower[72:] = True
    assert hidden_parts(lower, landmarks) == ["nose", "mouth", "chin", "left cheek", "right cheek"]
    share = hidden_share(lower, landmarks)
    assert 0.3 < share < 0.7
    told = f"{round(100 * share)} % of the face is hidden: nose, mouth, chin and both cheeks"
    assert described(lower, landmarks) == told
    upper = np.zeros((128, 128), bool)
    upper[56:64] = True
    assert "both eyes" in described(upper, landmarks)
    assert hidden_parts(~upper & ~lower, landmarks) != hidden_parts(upper, landmarks)
    inside = face_hull(landmarks, (128, 128))
    assert inside[60, 64]
    assert not inside[5, 5]
