"""Training of encoder and decoder, what is stored of it, and what it says of a photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.errors import UsageError, WrongKindError
from facekit.files.models import load_model
from facekit.fitting.encoder_start import encode
from facekit.morphable.model import FaceModel
from facekit.networks.encoder import PRESETS, preset_encoder
from facekit.networks.factorising import Factorising
from facekit.networks.lessons import Lessons
from facekit.networks.surface import FaceSurface
from facekit.networks.trained import calibrate, from_arrays, score, to_arrays
from facekit.records import Landmarks
from facekit.stages.train_face_encoder import Plan, TrainedEncoder, train_face_encoder

PLAN = Plan("tiny", seed=0, steps=2, batch=4, rate=2e-3)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model()


@pytest.fixture(scope="module")
def lessons(model: FaceModel) -> Lessons:
    """Noise for pictures, with codes and poses of faces from the front."""
    rng, count, rim = np.random.default_rng(0), 24, round(1.5 * PRESETS["tiny"].size)
    surface = FaceSurface(model, 16)
    code = rng.normal(0, 0.5, (count, model.size)).astype(np.float32)
    rotation = np.repeat(np.diag([1.0, -1.0, -1.0])[None], count, 0).astype(np.float32)
    lessons = Lessons(
        pictures=rng.integers(0, 256, (count, rim, rim, 3)).astype(np.uint8),
        code=code,
        scale=np.full(count, 4.0, np.float32),
        rotation=rotation,
        origin=np.full((count, 2), 0.5, np.float32),
        focal=np.full(count, 3.0, np.float32),
        landmarks=np.zeros((count, 68, 2), np.float32),
        occluders=np.zeros((0, rim, rim), np.uint8),
    )
    marks = surface.landmarks(surface.vertices(torch.from_numpy(code)))
    places = marks.numpy()[..., :2] * [1, -1] * 4 / (1 - marks.numpy()[..., 2:] * 4 / 3) + 0.5
    return replace(lessons, landmarks=places.astype(np.float32))


@pytest.fixture(scope="module")
def trained(model: FaceModel, lessons: Lessons) -> TrainedEncoder:
    return train_face_encoder(model, lessons, PLAN)


def _task(model: FaceModel, lessons: Lessons) -> Factorising:
    from facekit.stages.train_face_encoder import _fresh

    return Factorising(_fresh(model, PLAN), FaceSurface(model, 16), lessons, 4)


def test_known_faces_are_learned_under_supervision(model: FaceModel, lessons: Lessons) -> None:
    task = _task(model, lessons)
    batch = task.batch(0.5, torch.Generator().manual_seed(0))
    terms = task.losses(batch, 0.5)
    assert terms["code"] == 0
    weighted = {"shape", "pose", "landmarks", "texture", "reconstruction", "symmetry", "constancy", "light"}
    assert set(terms) == weighted | {"loss", "code"}
    assert all(terms[name] > 0 for name in weighted)
    terms["loss"].backward()
    assert all(value.grad is not None for value in task.model.parameters())


def test_of_other_faces_the_picture_and_the_landmarks_teach(model: FaceModel, lessons: Lessons) -> None:
    """No term may ask for a pose or a code that nobody knows."""
    unknown = {
        name: np.full_like(getattr(lessons, name), np.nan) for name in ("code", "scale", "rotation", "origin")
    }
    task = _task(model, replace(lessons, **unknown))
    batch = task.batch(0.5, torch.Generator().manual_seed(0))
    terms = task.losses(batch, 0.5)
    assert terms["shape"] == terms["pose"] == 0
    assert all(torch.isfinite(value) for value in terms.values())
    assert min(terms[name] for name in ("code", "landmarks", "texture", "reconstruction")) > 0
    terms["loss"].backward()
    assert all(torch.isfinite(v.grad).all() for v in task.model.parameters() if v.grad is not None)


def test_the_same_seed_trains_the_same_and_a_stopped_run_goes_on(
    model: FaceModel, lessons: Lessons, trained: TrainedEncoder
) -> None:
    kept: list[dict[str, np.ndarray]] = []
    train_face_encoder(model, lessons, replace(PLAN, every=1), save=kept.append)
    again = train_face_encoder(model, lessons, PLAN, resume=kept[0])
    assert all(np.array_equal(again.arrays[name], value) for name, value in trained.arrays.items())
    other = train_face_encoder(model, lessons, replace(PLAN, seed=1))
    assert not np.array_equal(
        other.arrays["encoder.trunk.0.0.weight"], again.arrays["encoder.trunk.0.0.weight"]
    )


def test_the_second_stage_starts_from_the_first(
    model: FaceModel, lessons: Lessons, trained: TrainedEncoder
) -> None:
    start = trained.arrays, trained.settings
    slow = replace(PLAN, rate=1e-9, second=True)
    after = train_face_encoder(model, lessons, slow, start=start)
    name = "encoder.trunk.0.0.weight"
    assert np.allclose(after.arrays[name], trained.arrays[name], atol=1e-3)
    assert np.array_equal(after.arrays["calibration.variance"], trained.arrays["calibration.variance"])
    with pytest.raises(WrongKindError, match="another preset"):
        train_face_encoder(model, lessons, replace(slow, preset="small"), start=start)


def test_too_few_faces(model: FaceModel, lessons: Lessons) -> None:
    with pytest.raises(UsageError, match="give at least 20"):
        train_face_encoder(model, lessons.rows(np.arange(5)), PLAN)


def test_stored_weights_say_the_same(trained: TrainedEncoder) -> None:
    back = from_arrays(trained.arrays, trained.settings)
    arrays, settings = to_arrays(back)
    assert settings == trained.settings
    assert all(np.array_equal(arrays[name], value) for name, value in trained.arrays.items())
    with pytest.raises(WrongKindError, match="not a face encoder"):
        from_arrays(trained.arrays, {"kind": "mesh-vae"})


def test_an_encoder_that_knows_nothing_is_believed_nothing(model: FaceModel, lessons: Lessons) -> None:
    network = _task(model, lessons).model.eval()
    noise = replace(lessons, code=np.random.default_rng(9).normal(size=lessons.code.shape).astype(np.float32))
    calibration = calibrate(network, noise, torch.Generator().manual_seed(0))
    assert np.median(calibration.variance) > 0.5
    assert calibration.slope.max() <= 1
    assert calibration.slope.min() >= 0


def test_scores_are_those_of_the_truth(model: FaceModel, lessons: Lessons) -> None:
    """Of a network that says what is so: pose from the front, the mean face for one that is the mean face."""
    network, surface = _task(model, lessons).model.eval(), FaceSurface(model, 16)
    for head in (network.encoder.pose[-2], network.encoder.shape[-1]):
        head.weight.data.zero_()
        head.bias.data.zero_()
    mean = replace(lessons, code=np.zeros_like(lessons.code))
    scores = score(network, surface, mean, False, torch.Generator())
    assert scores.shape == scores.mean_face == 0
    assert scores.rotation < 1e-2
    assert scores.scale < 1e-6
    off = score(network, surface, lessons, False, torch.Generator())
    assert off.shape == off.mean_face > 1


def _landmarks(size: int) -> Landmarks:
    points = np.random.default_rng(0).uniform(0.3 * size, 0.7 * size, (68, 2)).astype(np.float32)
    zero = np.zeros(68, np.float32)
    return Landmarks(
        scheme="ibug68", points=points, depth=zero, sigma=zero, hidden=zero > -1, score=1.0,
        box=np.array([0, 0, size, size], np.float32), crop=np.eye(3),
        image_size=np.array([size, size], np.int32), detector="imported",
    )  # fmt: skip


def test_what_is_hidden_does_not_reach_the_encoder(trained: TrainedEncoder, model: FaceModel) -> None:
    network, marks, size = from_arrays(trained.arrays, trained.settings), _landmarks(80), 80
    hidden = np.zeros((size, size), bool)
    hidden[30:60, 20:70] = True
    photo = np.random.default_rng(1).integers(0, 256, (size, size, 3)).astype(np.uint8)
    other = np.where(hidden[..., None], 255 - photo, photo)
    one, same = (encode(network, p, marks, hidden, 150.0, model.size) for p in (photo, other))
    assert np.array_equal(one.mean, same.mean)
    assert np.array_equal(one.view.rotation, same.view.rotation)
    assert not np.array_equal(encode(network, photo, marks, None, 150.0, model.size).mean, one.mean)
    with pytest.raises(UsageError, match="the face model has 7"):
        encode(network, photo, marks, hidden, 150.0, 7)


def test_trust_leads_from_the_prior_to_what_the_encoder_says(
    trained: TrainedEncoder, model: FaceModel
) -> None:
    network = from_arrays(trained.arrays, trained.settings)
    photo = np.random.default_rng(1).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    said = encode(network, photo, _landmarks(80), None, 150.0, model.size + 3)
    said = replace(
        said, variance=np.where(np.arange(model.size + 3) < 5, 0.25, 1.0), mean=np.full(model.size + 3, 0.5)
    )
    none, all_ = said.prior(0.0), said.prior(1.0)
    assert np.allclose(none.mean, 0)
    assert np.allclose(none.precision, 1)
    assert np.allclose(all_.mean, 0.5)
    assert np.allclose(all_.precision, 1 / said.variance)
    fit = said.fit(np.full(model.size + 3, -np.inf), np.full(model.size + 3, 0.2))
    assert fit.code.max() == 0.2
    assert fit.joint is not None
    assert np.all(np.linalg.eigvalsh(fit.joint) > 0)


def test_the_paper_sizes() -> None:
    from facekit.networks.blocks import parameter_count
    from facekit.networks.counts import NETWORKS, build

    for name, count in (("face-encoder", 17_408_529), ("albedo-decoder", 5_543_667)):
        assert parameter_count(build(name)) == count
        assert count / 1e6 == pytest.approx(NETWORKS[name].paper, abs=0.01)
    assert parameter_count(preset_encoder("small", 153)) < 1.5e6
