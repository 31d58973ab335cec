"""One small face and its photos, made once."""

from __future__ import annotations

import pytest
import torch

from facekit.files.models import load_model
from facekit.morphable.model import FaceModel
from facekit.synthetic.face import FaceOptions, SyntheticFace, sample_face
from facekit.synthetic.photo import PhotoOptions, SyntheticPhoto, render_photo

SMALL = FaceOptions(texture_size=160)


@pytest.fixture(scope="session")
def model() -> FaceModel:
    return load_model("default")


@pytest.fixture(scope="session")
def face(model: FaceModel) -> SyntheticFace:
    return sample_face(model, torch.Generator().manual_seed(4), SMALL)


@pytest.fixture(scope="session")
def photo(model: FaceModel, face: SyntheticFace) -> SyntheticPhoto:
    options = PhotoOptions(size=160, wild=0.0, yaw=10.0, pitch=8.0)
    return render_photo(model, face, torch.Generator().manual_seed(5), options)
