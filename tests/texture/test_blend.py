"""Blending, filling and grain."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import torch

from facekit.records import Camera
from facekit.texture.blend import EYE, Scene, blend
from facekit.texture.fill import DETAIL, fill
from facekit.texture.grain import add_grain
from facekit.texture.patch import window_of
from facekit.texture.render import Layer


def scene(hidden: np.ndarray, picture: np.ndarray) -> Scene:
    size = np.array(hidden.shape[::-1], np.int32)
    camera = Camera(np.eye(3), np.eye(3), np.zeros(3), size)
    return Scene(picture.astype(np.float32), hidden, 60.0, camera)


def test_blending_takes_the_gradients_of_the_render_and_the_level_of_the_photo() -> None:
    y, x = np.mgrid[:60, :60] / 60.0
    truth = np.stack([0.4 + 0.2 * x, 0.3 + 0.1 * np.sin(9 * y), 0.3 + 0 * x], 2)
    hidden = np.zeros((60, 60), bool)
    hidden[20:40, 15:45] = True
    linear = (truth + 0.06) ** 2.4 / 1.2  # a render that is too bright, of the right pattern
    layer = Layer(linear.astype(np.float32), np.ones((60, 60), np.float32), np.ones((60, 60, 4), np.float32))
    occluded = np.where(hidden[..., None], 0.9, truth)
    result, share = blend(scene(hidden, occluded), layer)
    assert (result[~hidden] == occluded.astype(np.float32)[~hidden]).all()
    assert share[hidden].min() > 0.99
    assert share[~hidden].max() == 0
    assert np.abs(result - truth)[hidden].max() < 0.03
    assert np.abs((result - truth)[19:22, 16:44]).max() < 0.02  # no seam


def test_skin_beside_the_mask_is_skin_whatever_covers_the_rest() -> None:
    """A forehead above the core of the face, with dark hair further up: no streak of hair along the mask."""
    picture = np.full((60, 60, 3), 0.7)
    picture[:10] = 0.1
    hidden = np.zeros((60, 60), bool)
    hidden[25:, 15:45] = True
    extra = np.stack([np.ones((60, 60)), np.zeros((60, 60)), np.zeros((60, 60))], 2).astype(np.float32)
    layer = Layer(np.full((60, 60, 3), 0.448, np.float32), np.ones((60, 60), np.float32), extra)
    for occluder in (0.0, 0.7, 1.0):
        occluded = np.where(hidden[..., None], occluder, picture)
        result, share = blend(scene(hidden, occluded), layer)
        assert share[hidden].min() > 0.99
        assert np.abs(result - picture)[hidden].max() < 0.01
    assert blend(scene(hidden, picture), hair_in_front(layer))[1][hidden].min() < 0.5  # must fail


def test_what_does_not_match_at_the_border_fades_instead_of_ending_in_a_cut() -> None:
    """A face of which the photo shows dark hair beside the mask."""
    hidden = np.zeros((60, 60), bool)
    hidden[15:45, 15:45] = True
    picture = np.full((60, 60, 3), 0.1)
    layer = Layer(
        np.full((60, 60, 3), 0.448, np.float32), np.ones((60, 60), np.float32), np.ones((60, 60, 3))
    )
    line = blend(scene(hidden, np.where(hidden[..., None], 0.9, picture)), layer)[0][30, :, 0]
    assert line[30] > 0.6
    assert np.abs(np.diff(line)).max() < 0.2 < 0.5 < line[30] - line[14]


def test_skin_follows_what_is_brighter_beside_it_rather_than_what_is_darker() -> None:
    """Hair and shadow beside a mask are darker than skin; a lighter cheek is a cheek in better light."""
    hidden = np.zeros((60, 60), bool)
    hidden[20:40, 10:50] = True
    grey = np.full((60, 60, 3), 0.214, np.float32)  # 0.5 in sRGB
    layer = Layer(grey, np.ones((60, 60), np.float32), np.ones((60, 60, 3), np.float32))
    moved = {}
    for beside in (0.1, 0.45, 0.55, 0.9):
        result = blend(scene(hidden, np.full((60, 60, 3), beside)), layer)[0]
        moved[beside] = float(result[30, 30, 0]) - 0.5
    assert abs(moved[0.45] + moved[0.55]) < 0.01  # a slight tint is followed either way
    assert moved[0.9] > 2 * -moved[0.1] > 0
    assert moved[0.9] > 3 * moved[0.55] > 0


def test_a_softened_picture_keeps_its_eyeballs_crisp() -> None:
    stripes = np.broadcast_to(0.2 + 0.3 * (np.arange(60) // 3 % 2)[:, None], (60, 60, 3)).astype(np.float32)
    extra = np.zeros((60, 60, 4), np.float32)
    extra[..., :2] = 1
    extra[:, 30:, EYE] = 1
    hidden = np.zeros((60, 60), bool)
    hidden[5:55, 5:55] = True
    layer = Layer(stripes, np.ones((60, 60), np.float32), extra)
    crisp, soft = (blend(scene(hidden, np.full((60, 60, 3), 0.5)), layer, sigma)[0] for sigma in (0.0, 3.0))
    assert np.abs(soft - crisp)[20:40, 35:50].max() < 0.02
    assert soft[20:40, 10:25].std() < 0.7 * crisp[20:40, 10:25].std()


def hair_in_front(layer: Layer) -> Layer:
    """The same face where the place on the head is nearly always covered by hair."""
    return Layer(layer.colour * 0.02, layer.cover, np.zeros_like(layer.extra))


def test_outside_the_render_the_surroundings_go_on() -> None:
    y, x = np.mgrid[:50, :70] / 70.0
    truth = np.stack([0.2 + 0.5 * x, 0.6 - 0.3 * y, 0.5 + 0 * x], 2)
    hidden = np.zeros((50, 70), bool)
    hidden[15:35, 20:45] = True
    nothing = Layer(*(np.zeros((50, 70, *c), np.float32) for c in ((3,), (), (3,))))
    result, share = blend(scene(hidden, np.where(hidden[..., None], 0.0, truth)), nothing)
    assert share.max() == 0
    assert np.abs(result - truth)[hidden].max() < 0.05


def test_fill_uses_sources_alone() -> None:
    picture = np.full((40, 40, 3), 0.5, np.float32)
    picture[:, 20:] = 1.0
    hidden = np.zeros((40, 40), bool)
    hidden[15:25, 15:25] = True
    source = ~hidden
    source[:, 20:] = False
    assert np.abs(fill(picture, hidden, source, 3.0)[hidden] - 0.5).max() < 1e-3
    assert np.abs(fill(picture, hidden, ~hidden, 3.0)[hidden] - 0.5).max() > 0.3  # must fail


def test_fill_keeps_some_grain_of_the_surroundings() -> None:
    noise = np.random.default_rng(0).normal(0.5, 0.05, (80, 80, 1)).repeat(3, 2)
    hidden = np.zeros((80, 80), bool)
    hidden[30:50, 25:55] = True
    result = fill(noise, hidden, ~hidden, 3.0)
    assert 0.6 < result[hidden].std() / noise.std() / DETAIL < 1.3


def bands(picture: np.ndarray) -> np.ndarray:
    """Strength of a picture's frequencies below 0.7 px, to 1.4, to 2.8; of their slopes in y and x."""
    blurred = [picture] + [cv2.GaussianBlur(picture, (0, 0), s) for s in (0.7, 1.4, 2.8)]
    parts = [(a - b)[20:-20, 20:-20] for a, b in pairwise(blurred)]
    return np.array([one.std() for p in parts for one in (p, np.diff(p, axis=0), np.diff(p, axis=1))])


def brushed(size: int = 200) -> np.ndarray:
    """Grain, and brush strokes that run down."""
    rng = np.random.default_rng(1)
    strokes = cv2.GaussianBlur(rng.normal(0, 0.08, (size, size)), (0, 0), sigmaX=1.0, sigmaY=4.0)
    return 0.5 + rng.normal(0, 0.006, (size, size)) + strokes


def test_grain_has_the_spectrum_of_the_visible_skin() -> None:
    truth = brushed().astype(np.float32)
    invented = np.zeros((200, 200), np.float32)
    invented[60:160, 60:160] = 1
    smooth = np.where(invented > 0, 0.5, truth).astype(np.float32)
    picture = np.repeat(smooth[..., None], 3, 2)
    result = add_grain(picture.copy(), invented == 0, invented, 200.0, torch.Generator().manual_seed(0))
    assert (result[invented == 0] == picture[invented == 0]).all()
    hole = slice(60, 160), slice(60, 160)
    ratio = bands(result[..., 1][hole]) / bands(truth[hole])
    assert (np.abs(ratio - 1) < 0.25).all(), ratio
    white = 0.5 + np.random.default_rng(2).normal(0, truth.std(), (100, 100))
    assert (np.abs(bands(white) / bands(truth[hole]) - 1) > 0.4).any()  # must fail
    other = add_grain(picture.copy(), invented == 0, invented, 200.0, torch.Generator().manual_seed(1))
    assert np.abs(np.corrcoef(result[hole][..., 1].ravel(), other[hole][..., 1].ravel())[0, 1]) < 0.3


def test_grain_is_added_only_where_it_lacks() -> None:
    truth = np.repeat(brushed()[..., None], 3, 2).astype(np.float32)
    invented = np.zeros((200, 200), np.float32)
    invented[60:160, 60:160] = 1
    result = add_grain(truth.copy(), invented == 0, invented, 200.0, torch.Generator().manual_seed(0))
    hole = slice(70, 150), slice(70, 150)
    assert np.abs(result[hole] - truth[hole]).mean() < 0.5 * np.abs(truth[hole] - 0.5).mean()


def test_grain_leaves_hair_among_the_skin_out() -> None:
    truth = np.repeat(brushed()[..., None], 3, 2).astype(np.float32)
    truth[4:40:6, :160] = 0.2
    invented = np.zeros((200, 200), np.float32)
    invented[60:160, 60:160] = 1
    picture = np.where(invented[..., None] > 0, 0.5, truth).astype(np.float32)
    result = add_grain(picture, invented == 0, invented, 200.0, torch.Generator().manual_seed(0))
    assert (np.abs(bands(result[60:160, 60:160, 1]) / bands(brushed().astype(np.float32)) - 1) < 0.3).all()


def test_window_holds_all_hidden_pixels() -> None:
    hidden = np.zeros((30, 40), bool)
    hidden[3, 7] = hidden[20, 39] = True
    assert window_of(hidden, 5).tolist() == [2, 0, 40, 26]
    assert window_of(np.zeros((30, 40), bool), 5).tolist() == [0, 0, 1, 1]
