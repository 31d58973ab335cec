"""Crops to learn from: what is known of a face moves with its picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.files.models import load_model
from facekit.fitting.view import FRONTAL, View
from facekit.geometry.rotation import euler_to_matrix
from facekit.morphable.model import FaceModel
from facekit.networks.lessons import (
    KnownFace,
    Lessons,
    Moves,
    as_input,
    crop_of,
    cut,
    cut_mask,
    draw,
    hide,
    lesson,
    moved,
    pose_of,
    still,
)
from facekit.networks.surface import FaceSurface
from facekit.raster.scene import render_view

SIZE = 48


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model()


@pytest.fixture(scope="module")
def surface(model: FaceModel) -> FaceSurface:
    return FaceSurface(model, 16)


@pytest.fixture(scope="module")
def known(model: FaceModel) -> KnownFace:
    """A clay face turned to its left, in a photo that has a square beside it."""
    rotation = FRONTAL @ euler_to_matrix(np.array([0.4, 0.1, 0.2]))
    view = View(rotation, np.array([130.0, 100.0]), 700.0, 500.0, np.array([120.0, 100.0]))
    code = model.clip(np.random.default_rng(0).normal(0, 0.7, model.size))
    vertices = model.instance(code)
    photo = np.full((200, 240, 3), 40, np.uint8)
    picture = render_view(vertices, model.topology.faces, view.camera(np.array([240, 200])), background=photo)
    marks = view.project(model.topology.embeddings["ibug68"].points(vertices))
    mask = np.zeros((200, 240), bool)
    mask[100:130, 90:150] = True
    return KnownFace(picture, marks, view, code, mask)


@pytest.fixture(scope="module")
def lessons(known: KnownFace, model: FaceModel) -> Lessons:
    one = lesson(known, 400.0, SIZE, model.size)
    return Lessons.joined([one, one])


def _gap(surface: FaceSurface, batch: dict[str, torch.Tensor]) -> float:
    """From the landmarks to where code and pose put them, in crop sides."""
    marks = surface.landmarks(surface.vertices(batch["code"]))
    return float(
        (pose_of(batch).project(marks, batch["focal"])[..., :2] - batch["landmarks"]).norm(dim=-1).max()
    )


def test_pose_and_code_put_the_landmarks_where_they_are(lessons: Lessons, surface: FaceSurface) -> None:
    batch = still(lessons, torch.tensor([0]), SIZE, surface.mirror)
    assert _gap(surface, batch) < 0.01
    batch["rotation"] = torch.eye(3)[None] * torch.tensor([1.0, -1.0, -1.0])
    assert _gap(surface, batch) > 0.05


@pytest.mark.parametrize("flip", [False, True])
def test_all_moves_with_the_crop(lessons: Lessons, surface: FaceSurface, flip: bool) -> None:
    moves = Moves(
        torch.tensor([1.1]), torch.tensor([0.3]), torch.tensor([[0.04, -0.03]]), torch.tensor([flip])
    )
    batch = moved(lessons, torch.tensor([1]), SIZE, moves, surface.mirror)
    assert _gap(surface, batch) < 0.012
    vertices, pose = surface.vertices(batch["code"]), pose_of(batch)
    lit = torch.zeros(1, 9, 3)
    lit[:, 0] = 3.0
    drawn, skin = surface.rendered(vertices, pose, torch.ones(1, 16, 16, 3), lit, SIZE, batch["focal"])
    face = batch["picture"][0].mean(0) > 60 / 255
    assert skin[0].sum() > 200
    assert (face[skin[0] > 0]).float().mean() > 0.97  # the skin is drawn where the picture shows the face
    assert drawn[0][skin[0] > 0].mean() > 0.5


def test_a_flip_twice_is_none(lessons: Lessons, surface: FaceSurface) -> None:
    plain = still(lessons, torch.tensor([0]), SIZE, surface.mirror)
    zero = torch.zeros(1)
    moves = Moves(zero + 1, zero, zero[:, None].repeat(1, 2), zero == 0)
    flipped = moved(lessons, torch.tensor([0]), SIZE, moves, surface.mirror)
    assert torch.allclose(flipped["picture"].flip(3), plain["picture"], atol=1e-5)
    assert torch.allclose(flipped["code"] @ surface.mirror, plain["code"], atol=0.05)
    assert not torch.allclose(flipped["rotation"], plain["rotation"], atol=0.1)


def test_the_same_generator_draws_the_same(lessons: Lessons, surface: FaceSurface) -> None:
    def once(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        batch = draw(lessons, torch.tensor([0, 1]), SIZE, surface.mirror, generator)
        hidden = hide(lessons, 2, SIZE, 1.0, generator)
        return as_input(batch["picture"], hidden)

    assert torch.equal(once(3), once(3))
    assert not torch.equal(once(3), once(4))


def test_more_is_hidden_as_training_goes_on(lessons: Lessons) -> None:
    shares = []
    for progress in (0.0, 0.25, 1.0):
        hidden = hide(lessons, 400, SIZE, progress, torch.Generator().manual_seed(0))
        shares.append(float(hidden.float().mean()))
    assert 0 < shares[0] < shares[1] < shares[2] < 0.5


def test_hidden_pixels_are_grey_for_the_encoder() -> None:
    hidden = torch.zeros(1, 4, 4, dtype=torch.bool)
    hidden[:, 1] = True
    out = as_input(torch.ones(1, 3, 4, 4), hidden)
    assert torch.equal(out[0, :, 1], torch.zeros(3, 4))
    assert torch.equal(out[0, :, 0], torch.ones(3, 4))


def test_crops_hold_the_face_and_masks_lie_on_it(known: KnownFace) -> None:
    crop = crop_of(known.landmarks)
    inside = (known.landmarks - crop[:2, 2]) / crop[0, 0]
    assert inside.min() > 0.1
    assert inside.max() < 0.9
    assert known.occluder is not None
    seen, hidden = cut(known.photo, crop, SIZE, 1.0), cut_mask(known.occluder, crop, SIZE, 1.0)
    assert seen.shape == (SIZE, SIZE, 3)
    side = crop[0, 0] / SIZE
    covered = hidden.sum() * side**2 / known.occluder.sum()
    assert 1 <= covered < 1.6  # every pixel that it touches, no more
    assert not cut_mask(np.zeros((200, 240), bool), crop, SIZE, 1.0).any()


def test_a_face_of_which_only_landmarks_are_known(known: KnownFace, model: FaceModel) -> None:
    alone = lesson(KnownFace(known.photo, known.landmarks), 400.0, SIZE, model.size)
    assert np.isnan(alone.code).all()
    assert np.isnan(alone.scale).all()
    assert np.isfinite(alone.landmarks).all()
    again = Lessons.from_arrays(alone.arrays())
    assert np.array_equal(again.pictures, alone.pictures)
