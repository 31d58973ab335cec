"""Training masks: regions are connected at every size; what stands before the face hides what it covers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csgraph

from facekit.completion.masks import LARGEST, Masks, curriculum, growth, picture_masks
from facekit.completion.meshconv.sampling import face_graph
from facekit.morphable.model import FaceModel

from .sphere import sphere_model


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def orders(model: FaceModel) -> np.ndarray:
    return growth(model.mean, model.topology.faces, 6, seeded())


def pieces(model: FaceModel, hidden: np.ndarray) -> int:
    graph = face_graph(model.mean, model.topology.faces)
    return csgraph.connected_components(graph[hidden][:, hidden])[0]


@pytest.mark.parametrize("share", [0.02, 0.2, 0.4])
def test_regions_are_connected_at_every_size(model: FaceModel, orders: np.ndarray, share: float) -> None:
    for order in orders:
        hidden = order < share * len(order)
        assert hidden.sum() == np.ceil(share * len(order))
        assert pieces(model, hidden) == 1


def test_scattered_vertices_are_not_connected(model: FaceModel) -> None:
    assert pieces(model, np.random.default_rng(0).random(len(model.mean)) < 0.1) > 1


def test_each_order_names_each_vertex_once(orders: np.ndarray) -> None:
    assert (np.sort(orders, axis=1) == np.arange(orders.shape[1])).all()
    assert len({tuple(row[:50]) for row in orders}) == len(orders)


@pytest.fixture(scope="module")
def pictures(model: FaceModel) -> np.ndarray:
    return picture_masks(model, 10, seeded(1))


def test_pictures_hide_the_back_and_what_is_covered(model: FaceModel, pictures: np.ndarray) -> None:
    back = model.mean[:, 2] < np.quantile(model.mean[:, 2], 0.1)
    assert pictures[:, back].mean() > 0.7 > pictures[:, ~back].mean()
    landmarks = model.topology.embeddings["ibug68"].faces
    eyes, mouth = landmarks[36:48].ravel(), landmarks[48:60].ravel()
    bare, glasses, cup = pictures[[0, 5]], pictures[[3, 8]], pictures[[4, 9]]
    assert glasses[:, eyes].mean() > 0.9 > 0.5 > glasses[:, mouth].mean()
    assert cup[:, mouth].mean() > 0.9 > 0.5 > cup[:, eyes].mean()
    assert pictures[[1, 2, 6, 7]].mean() > bare.mean()


def test_a_model_without_landmarks_gets_hands_and_blobs() -> None:
    hidden = picture_masks(sphere_model(), 3, seeded())
    assert 0.4 < hidden[0].mean() < 0.7
    assert (hidden[1:].mean(axis=1) > 0.4).all()


def test_draws_grow_with_the_curriculum(orders: np.ndarray, pictures: np.ndarray) -> None:
    masks = Masks(orders, pictures)
    early = masks.draw(64, 0.1, seeded())
    assert 0.02 < early.mean(axis=1).min() < early.mean(axis=1).max() <= 0.1 + 1e-3
    late = masks.draw(64, LARGEST, seeded())
    from_pictures = (late[:, None] == pictures).all(axis=2).any(axis=1)
    assert 16 < from_pictures.sum() < 48
    assert late[~from_pictures].mean(axis=1).max() <= LARGEST + 1e-3
    assert not (masks.draw(64, LARGEST, seeded(1)) == late).all()
    assert (masks.draw(64, LARGEST, seeded()) == late).all()


def test_without_pictures_all_masks_are_regions(orders: np.ndarray) -> None:
    masks = Masks(orders, np.zeros((0, orders.shape[1]), bool))
    assert masks.draw(8, LARGEST, seeded()).mean(axis=1).max() <= LARGEST + 1e-3


def test_the_curriculum_ends_at_two_fifths() -> None:
    shares = [curriculum(p) for p in np.linspace(0, 1, 11)]
    assert shares == sorted(shares)
    assert shares[0] < 0.05
    assert shares[-1] == shares[5] == LARGEST
