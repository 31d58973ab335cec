"""Alignment, labels and the making of training pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_face import SIDE, plain_landmarks

from facekit.detection.crops import transform
from facekit.segmentation import distract
from facekit.segmentation.align import aligned
from facekit.segmentation.compose import OCCLUDERS, SHARES, cut, occlude, training_picture
from facekit.segmentation.examples import (
    BACKGROUND,
    FACE,
    OCCLUDER,
    UNKNOWN,
    Example,
    flipped,
    from_arrays,
    to_arrays,
)
from facekit.segmentation.network import segmenter
from facekit.segmentation.training import KEPT, SegmenterTask, batch_iou, kept, side_at
from facekit.synthetic.drawn import Drawn, Setting


def test_the_aligned_square_moves_with_the_face(landmarks: np.ndarray) -> None:
    turn = np.deg2rad(25)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    first, second = aligned(landmarks), aligned(1.7 * landmarks @ rotation.T + [5, -9])
    assert second.side == pytest.approx(1.7 * first.side)
    assert second.angle - first.angle == pytest.approx(turn)
    np.testing.assert_allclose(second.centre, 1.7 * rotation @ first.centre + [5, -9])
    inside = transform(np.linalg.inv(first.matrix(100)), landmarks)
    assert inside.min() > 5
    assert inside.max() < 95


def test_unknown_landmarks_are_left_out(landmarks: np.ndarray) -> None:
    whole = aligned(landmarks)
    landmarks[57] = np.nan  # in the middle of the others
    assert aligned(landmarks).side == pytest.approx(whole.side)


def test_cutting_keeps_picture_labels_and_landmarks_together(example: Example) -> None:
    image, labels, points = cut(example, aligned(example.landmarks).moved((0.02, -0.03), 1.1, 0.3), 96)
    column, row = np.floor(points[[30, 33, 51, 57]]).astype(int).T
    assert (labels[row, column] == FACE).all()
    assert (image[labels == FACE][:, 0] > 120).mean() > 0.98
    assert (image[labels == BACKGROUND][:, 0] < 170).mean() > 0.98
    mirrored = flipped(example)
    np.testing.assert_allclose(mirrored.landmarks[36] + example.landmarks[45] * [1, -1], [SIDE, 0], atol=1e-3)
    np.testing.assert_array_equal(flipped(mirrored).image, example.image)


def test_what_is_drawn_before_the_face_is_the_occluder(example: Example) -> None:
    rng, linear = np.random.default_rng(0), (example.image / 255.0).astype(np.float32) ** 2
    cover = np.zeros((SIDE, SIDE), np.float32)
    cover[60:80, 40:80], cover[80:84, 40:80] = 1.0, 0.4
    thing = Drawn(cover, np.zeros((SIDE, SIDE, 3), np.float32))
    picture, labels = occlude(linear, example.labels, thing, rng)
    assert (labels[60:80, 40:80] == OCCLUDER).all()
    assert (labels[80:84, 40:80] == UNKNOWN).all()
    assert (picture[60:80, 40:80] == 0).all()
    beside = replace(thing, cover=np.roll(cover, (-50, 50), (0, 1)))
    assert not (occlude(linear, example.labels, beside, rng)[1] == OCCLUDER).any()


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_every_occluder_lies_on_the_face_and_has_a_colour(kind: str, example: Example) -> None:
    linear = (example.image / 255.0).astype(np.float32) ** 2
    hits = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        drawn = OCCLUDERS[kind](Setting.of(linear, example.landmarks, rng), rng)
        assert drawn.cover.shape == (SIDE, SIDE)
        assert drawn.colour.shape == (SIDE, SIDE, 3)
        assert np.isfinite(drawn.colour).all()
        assert drawn.cover.min() >= 0
        assert drawn.cover.max() <= 1
        hits.append((drawn.cover[example.labels == FACE] > 0.5).mean())
    assert max(hits) > 0.005
    assert min(hits) < 0.95


def test_distractors_hide_nothing(example: Example) -> None:
    linear, rng = (example.image / 255.0).astype(np.float32) ** 2, np.random.default_rng(2)
    setting = Setting.of(linear, example.landmarks, rng)
    for change in (distract.beard, distract.shadow, distract.paint):
        changed = change(linear, setting, rng)
        assert changed.shape == linear.shape
        assert np.abs(changed - linear).max() > 0.01
    free = example.labels == BACKGROUND
    behind = distract.behind(linear, setting, free, rng)
    np.testing.assert_array_equal(behind[~free], linear[~free])


def test_training_pictures_are_decided_by_their_generator(example: Example) -> None:
    assert set(SHARES) == {"none", *OCCLUDERS}
    seen = set()
    for seed in range(12):
        image, labels = training_picture(example, 64, np.random.default_rng(seed))
        again, _ = training_picture(example, 64, np.random.default_rng(seed))
        np.testing.assert_array_equal(image, again)
        assert image.dtype == np.uint8
        seen |= set(np.unique(labels))
    assert {FACE, OCCLUDER, BACKGROUND} <= seen <= {FACE, OCCLUDER, BACKGROUND, UNKNOWN}


def test_the_task_makes_batches_that_grow(example: Example) -> None:
    stored = from_arrays(to_arrays([kept(example)]))
    assert stored[0].image.shape == (KEPT, KEPT, 3)
    task = SegmenterTask(segmenter("tiny"), [stored], 2)
    assert [side_at(p, 128) for p in (0.0, 0.7, 0.9)] == [96, 96, 128]
    batch = task.batch(0.95, torch.Generator().manual_seed(0))
    assert batch["images"].shape == (2, 3, 64, 64)
    losses = task.losses(batch, 0.95)
    losses["loss"].backward()
    assert torch.isfinite(losses["loss"])
    same = task.batch(0.95, torch.Generator().manual_seed(0))
    assert torch.equal(same["images"], batch["images"])


def test_the_overlap_of_a_batch() -> None:
    labels = torch.tensor([[[1, 1], [0, -1]]])
    logits = torch.zeros(1, 3, 2, 2)
    logits[0, 1, 0, 0] = logits[0, 1, 1] = 1.0
    assert batch_iou(logits, labels).item() == pytest.approx(1 / 3)
    assert batch_iou(logits, torch.zeros(1, 2, 2, dtype=torch.int64)).item() == 0.0
    assert plain_landmarks().shape == (68, 2)
