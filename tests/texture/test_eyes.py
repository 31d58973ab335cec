"""Eyes that nobody sees are dark where eyes are dark; eyes that are seen stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.files.models import load_model
from facekit.morphable.model import FaceModel
from facekit.records import FloatArray
from facekit.texture.chart import Chart, chart_of
from facekit.texture.eyes import Eyes, with_eyes
from facekit.texture.places import ground

SIZE = 256


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model("default")


@pytest.fixture(scope="module")
def chart(model: FaceModel) -> Chart:
    return chart_of(model.topology, SIZE)


@pytest.fixture(scope="module")
def eyes(model: FaceModel, chart: Chart) -> Eyes:
    found = Eyes.of(model, chart)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def albedo(model: FaceModel) -> FloatArray:
    assert model.albedo is not None
    assert len(model.albedo.mean) == SIZE
    return model.albedo.mean


def test_maps_are_mirror_images_but_for_the_lamp(eyes: Eyes) -> None:
    for one in (eyes.iris, eyes.white):
        np.testing.assert_allclose(one, one[:, ::-1], atol=0.1)
    assert np.abs(eyes.lashes - eyes.lashes[:, ::-1]).mean() < 0.1 * eyes.lashes.mean()


def test_unseen_irises_go_with_the_skin_and_differ(
    model: FaceModel, chart: Chart, eyes: Eyes, albedo: FloatArray
) -> None:
    unseen, places = np.ones((SIZE, SIZE), np.float32), ground(model, chart)
    iris, skin = eyes.iris > 0.5, places.plain > 0.5

    def tone(picture: FloatArray) -> float:
        return float(np.median(picture[iris]) / np.median(picture[skin]))

    light = albedo * (1 + 2 * eyes.iris[..., None])
    made = with_eyes(light, unseen, eyes, places, None)
    darker = with_eyes(light * 0.5, unseen, eyes, places, None)
    assert tone(made) < 0.25 < tone(light)
    assert tone(darker) == pytest.approx(tone(made), rel=0.2)
    others = [tone(with_eyes(albedo, unseen, eyes, places, torch.Generator().manual_seed(k))) for k in (1, 2)]
    assert others[0] != pytest.approx(others[1], rel=0.02)


def test_what_is_seen_stays(model: FaceModel, chart: Chart, eyes: Eyes, albedo: FloatArray) -> None:
    places, nothing = ground(model, chart), np.zeros((SIZE, SIZE), np.float32)
    np.testing.assert_allclose(with_eyes(albedo, nothing, eyes, places, None), albedo, rtol=1e-4, atol=0.005)
    changed = np.abs(with_eyes(albedo, nothing + 1, eyes, places, None) - albedo).max(-1) > 0.02
    assert 0.001 < changed.mean() < 0.1


def test_an_unseen_iris_has_the_tone_of_the_seen_one(
    model: FaceModel, chart: Chart, eyes: Eyes, albedo: FloatArray
) -> None:
    places, iris = ground(model, chart), eyes.iris > 0.5
    right = np.broadcast_to(np.arange(SIZE) < SIZE // 2, iris.shape)
    amber, grey = np.array([0.5, 0.25, 0.05], np.float32), np.array([0.3, 0.3, 0.35], np.float32)
    worn = np.where(iris[..., None], np.where(right[..., None], amber, grey), albedo).astype(np.float32)
    made = with_eyes(worn, (~right).astype(np.float32), eyes, places, torch.Generator().manual_seed(1))
    tones = [np.median(made[iris & side], axis=0) for side in (right, ~right)]
    np.testing.assert_allclose(tones[0], amber, rtol=0.01)
    assert np.log(tones[1] / tones[0]).std() < 0.02  # the same hue
