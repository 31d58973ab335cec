"""Known photos survive storage, and their mirror images are those of the mirrored face."""

from __future__ import annotations

import numpy as np
from invented_faces import CENTRE, code, face_model, view

from facekit.fitting.known_photo import KnownPhoto
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.learning import mirrored_view
from facekit.fitting.places import expert_places
from facekit.fitting.view import View
from facekit.records import Landmarks


def known() -> KnownPhoto:
    """A grey photo with exact landmarks, the first of them hidden."""
    points = view().project(landmark_model(face_model(), "mediapipe478").points(code())).astype(np.float32)
    hidden = np.zeros(478, bool)
    hidden[:40] = True
    landmarks = Landmarks(
        scheme="mediapipe478",
        points=points,
        depth=np.zeros(478, np.float32),
        sigma=np.ones(478, np.float32),
        hidden=hidden,
        score=1.0,
        box=np.array([0, 0, 512, 512], np.float32),
        crop=np.eye(3),
        image_size=np.array([512, 512], np.int32),
        detector="mediapipe",
    )
    image = np.full((512, 512, 3), 128, np.uint8)
    mask = np.zeros((512, 512), bool)
    mask[:100] = True
    return KnownPhoto(image, mask, view().camera(np.array([512, 512])), code(), landmarks)


def test_stored_and_read_back() -> None:
    photo = known()
    back = KnownPhoto.from_arrays(photo.arrays())
    assert back.hidden is not None
    assert photo.hidden is not None
    np.testing.assert_array_equal(back.hidden, photo.hidden)
    np.testing.assert_array_equal(back.points(), photo.points())
    assert np.abs(back.image.astype(int) - photo.image).max() <= 2
    assert np.isnan(back.points()[:40]).all()
    np.testing.assert_allclose(back.view.rotation, view().rotation)


def test_mirrored_view_sees_the_mirrored_point() -> None:
    seen = View(view().rotation, view().origin, 1500.0, 900.0, CENTRE)
    points = np.random.default_rng(0).normal(0, 0.05, (20, 3))
    here = seen.project(points)
    there = mirrored_view(seen).project(points * [-1.0, 1.0, 1.0])
    np.testing.assert_allclose(there, here * [-1.0, 1.0] + [512.0, 0.0], atol=1e-9)


def test_expert_places_are_paired() -> None:
    from facekit.files.models import load_model

    places, partner = expert_places(load_model(), 80)
    assert 60 < len(places) <= 100
    np.testing.assert_array_equal(partner[partner], np.arange(len(places)))
    np.testing.assert_allclose(places[partner], places * [-1.0, 1.0, 1.0], atol=1e-4)
