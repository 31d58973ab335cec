"""The whole flow, as one function, on a synthetic photo of which everything is known."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from facekit.files.models import load_model
from facekit.metrics import mean_shape_error
from facekit.morphable.model import FaceModel
from facekit.pipeline import complete_face, refit
from facekit.records import BoolArray, ByteArray, Completion, Ensemble, Fit
from facekit.synthetic.face import FaceOptions, sample_face
from facekit.synthetic.photo import PhotoOptions, render_photo
from facekit.texture.patch import paste

N = 3
Result = tuple[Fit, Ensemble, Completion]
Case = tuple[ByteArray, BoolArray, np.ndarray]


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model()


@pytest.fixture(scope="module")
def case(model: FaceModel) -> Case:
    """An occluded photo (256, 256, 3), its mask and the true vertices."""
    face = sample_face(model, torch.Generator().manual_seed(2), FaceOptions(texture_size=256))
    options = PhotoOptions(size=256, yaw=10.0, pitch=8.0, roll=4.0, wild=0.0, occluder="mask")
    photo = render_photo(model, face, torch.Generator().manual_seed(3), options)
    assert photo.occluded is not None
    assert photo.mask is not None
    return photo.occluded, photo.mask, photo.vertices


def run(case: Case, model: FaceModel, seed: int = 0) -> Result:
    generator = torch.Generator().manual_seed(seed)
    return complete_face(case[0], case[1], model, N, generator, texture_size=256)


@pytest.fixture(scope="module")
def result(case: Case, model: FaceModel) -> Result:
    return run(case, model)


def test_nothing_outside_the_mask_changes(case: Case, result: Result) -> None:
    photo, hidden, _ = case
    for i in range(N):
        completed = paste(photo, result[2], i)
        assert (completed[~hidden] == photo[~hidden]).all()
        assert (completed[hidden] != photo[hidden]).any(-1).mean() > 0.9


def test_completions_differ_where_hidden_and_agree_where_seen(case: Case, result: Result) -> None:
    fit, ensemble, completion = result
    assert ensemble.vertices.shape == (N, *fit.vertices.shape)
    for i in range(N):
        for j in range(i):
            apart = np.linalg.norm(ensemble.vertices[i] - ensemble.vertices[j], axis=1)
            assert apart[ensemble.hidden].mean() > 2 * apart[~ensemble.hidden].mean()
            assert (completion.patches[i] != completion.patches[j]).any()
            assert (completion.textures[i] != completion.textures[j]).any()


def test_the_shape_is_nearer_to_the_truth_than_the_mean_face(
    case: Case, model: FaceModel, result: Result
) -> None:
    """After the scale, which one photo does not tell, is taken out; of the visible part of the face."""
    region = (model.topology.regions["narrow_face"] > 0.5) & result[0].visible

    def error(vertices: np.ndarray) -> float:
        a, b = vertices[region] - vertices[region].mean(0), case[2][region] - case[2][region].mean(0)
        return float(np.linalg.norm(a * (a * b).sum() / (a * a).sum() - b, axis=1).mean())

    assert error(result[0].vertices) < error(model.mean)


def test_a_second_round_fits_to_the_completed_picture(case: Case, model: FaceModel, result: Result) -> None:
    photo, hidden, truth = case
    again = refit(photo, hidden, result[0], model)
    assert again.photo_sha256 == result[0].photo_sha256
    assert (again.landmarks.points != result[0].landmarks.points).any()
    seen = ~result[0].landmarks.hidden & ~again.landmarks.hidden
    moved = np.linalg.norm((again.landmarks.points - result[0].landmarks.points)[seen], axis=1)
    assert 0 < moved.mean() < 0.02 * 256  # the visible landmarks: a little
    face = model.topology.regions["narrow_face"] > 0.5
    before, after = (mean_shape_error(f.vertices, truth, face, "similarity") for f in (result[0], again))
    assert after < 1.1 * before


def test_a_fit_of_which_nothing_is_hidden_stays(case: Case, model: FaceModel, result: Result) -> None:
    bare = replace(result[0].landmarks, hidden=np.zeros_like(result[0].landmarks.hidden))
    fit = replace(result[0], landmarks=bare)
    assert refit(case[0], case[1], fit, model) is fit


def test_same_seed_same_bytes(case: Case, model: FaceModel, result: Result) -> None:
    again = run(case, model)
    for first, second in zip(result, again, strict=True):
        for field in fields(first):
            a, b = getattr(first, field.name), getattr(second, field.name)
            if isinstance(a, np.ndarray):
                assert a.tobytes() == b.tobytes(), field.name
            if isinstance(a, str):  # stats among them: no record says how long it took
                assert a == b, field.name
    other = run(case, model, seed=1)
    assert (other[1].vertices != result[1].vertices).any()
