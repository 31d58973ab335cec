"""The synthesize stage: samples with their truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.errors import UsageError
from facekit.files.models import load_model
from facekit.morphable.model import FaceModel
from facekit.stages.synthesize import FaceOptions, PhotoOptions, Sample, synthesize, truth

OPTIONS = PhotoOptions(size=96)
SMALL = FaceOptions(texture_size=96)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model("default")


@pytest.fixture(scope="module")
def samples(model: FaceModel) -> list[Sample]:
    generator = torch.Generator().manual_seed(0)
    return list(synthesize(model, generator, 3, replace(OPTIONS, occluder="any"), SMALL))


def test_a_shorter_run_is_the_beginning_of_a_longer_one(model: FaceModel, samples: list[Sample]) -> None:
    generator = torch.Generator().manual_seed(0)
    first = next(synthesize(model, generator, 3, replace(OPTIONS, occluder="any"), SMALL))
    assert first.seed == samples[0].seed
    assert first.occluder == samples[0].occluder
    np.testing.assert_array_equal(first.photo.image, samples[0].photo.image)
    assert len({sample.seed for sample in samples}) == 3


def test_truth_projects_onto_itself(model: FaceModel, samples: list[Sample]) -> None:
    for sample in samples:
        known = truth(model, sample)
        camera = known["landmarks68"].astype(np.float64) @ known["R"].T + known["t"]
        pixels = camera @ known["K"].T
        np.testing.assert_allclose(pixels[:, :2] / pixels[:, 2:], known["landmarks68_2d"], atol=0.01)
        assert (camera[:, 2] > 0.1).all()
        assert known["vertices"].shape == model.mean.shape
        assert ((known["expression"] >= 0) & (known["expression"] <= 1 + 1e-6)).all()


def test_models_that_cannot_be_painted_are_refused(model: FaceModel) -> None:
    bare = replace(model, topology=replace(model.topology, embeddings={}))
    with pytest.raises(UsageError, match="68 landmarks"):
        next(synthesize(bare, torch.Generator(), 1))
    flat = np.zeros((0, 2), np.float32)
    with pytest.raises(UsageError, match="texture chart"):
        next(synthesize(replace(model, topology=replace(model.topology, uv=flat)), torch.Generator(), 1))
