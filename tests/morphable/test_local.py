"""The global+local model: what it can express, and the faults it must not have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from facekit.morphable.local import OTHER_FEATHER, body_of, global_local, local_modes, local_weights, regional
from facekit.morphable.model import FaceModel


@pytest.fixture(scope="module")
def weights(default: FaceModel) -> dict[str, np.ndarray]:
    return local_weights(default)


def rms_mm(vectors: np.ndarray) -> float:
    return float(np.sqrt((vectors**2).sum(axis=-1).mean()) * 1e3)


def test_weights_are_a_smooth_symmetric_partition_of_unity(
    default: FaceModel, weights: dict[str, np.ndarray]
) -> None:
    assert_allclose(np.sum(list(weights.values()), axis=0), 1.0)
    assert min(w.min() for w in weights.values()) >= 0
    a, b = default.topology.faces[:, 0], default.topology.faces[:, 1]
    length = np.linalg.norm(default.mean[a] - default.mean[b], axis=1)
    for name, weight in weights.items():
        slope = np.abs(weight[a] - weight[b]) / np.maximum(length, 0.002)
        assert slope.max() < 4 / OTHER_FEATHER, name  # a hard mask has 1 / edge length
        partner = weights[name.replace("left", "?").replace("right", "left").replace("?", "right")]
        assert_allclose(weight[default.topology.mirror], partner, atol=1e-12)


def test_eyes_and_teeth_move_with_one_region(default: FaceModel, weights: dict[str, np.ndarray]) -> None:
    assert (weights["left_eye_region"][default.topology.part("left_eye")] == 1).all()
    assert (weights["lips"][default.topology.part("teeth", "mouth")] == 1).all()


def test_it_spans_nearly_all_that_the_full_model_can_do(default: FaceModel, local: FaceModel) -> None:
    faces = default.instance(default.sample(torch.Generator().manual_seed(0), 40))
    left = local.instance(local.code(faces)) - faces
    narrow = default.topology.regions["narrow_face"] > 0
    assert rms_mm(left) < 0.17  # 0.156 seen; ears and neck are the worst
    assert rms_mm(left[:, narrow]) < 0.15  # 0.138 seen
    few = global_local(default, explained=0.9)
    assert few.size < local.size
    assert rms_mm((few.instance(few.code(faces)) - faces)[:, narrow]) > 0.3  # the measure sees a poor model


def test_global_modes_are_the_paper_s(default: FaceModel, local: FaceModel) -> None:
    assert [(b.name, b.size) for b in local.blocks[:2]] == [("identity", 10), ("expression", 10)]
    assert np.array_equal(local.basis[:10], default.basis[:10])
    assert np.isinf(local.lower).all()
    assert np.isinf(local.upper).all()
    assert np.array_equal(local.mean, default.mean)


def test_local_modes_stay_in_their_region(default: FaceModel, weights: dict[str, np.ndarray]) -> None:
    residual = default.basis[10:100].astype(float)
    parts = local_modes(residual, {"nose": weights["nose"]}, "identity", 0.995)
    assert [part.region for part in parts] == ["nose"]
    assert np.abs(parts[0].modes[:, weights["nose"] == 0]).max() == 0
    variance = (parts[0].modes ** 2).sum(axis=(1, 2))
    assert (np.diff(variance) <= 0).all()
    whole = ((residual * weights["nose"][:, None]) ** 2).sum()
    assert 0.995 <= variance.sum() / whole <= 1
    assert_allclose((parts[0].lost ** 2).sum(), whole - variance.sum(), rtol=1e-6)


def test_all_local_modes_together_keep_the_pointwise_variance(
    default: FaceModel, weights: dict[str, np.ndarray]
) -> None:
    """No point moves twice: where regions overlap, the variance is at most that of the residual."""
    residual = default.basis[10:100].astype(float)
    parts = local_modes(residual, weights, "identity", 0.995)
    local = np.sum([(part.modes**2).sum(axis=(0, 2)) for part in parts], axis=0)
    whole = (residual**2).sum(axis=(0, 2))
    assert (local <= whole * (1 + 1e-9)).all()
    assert np.median(local / whole) > 0.95


def test_the_model_is_linear_in_its_code(local: FaceModel) -> None:
    """No region mean is switched on: small and large codes move along one line."""
    code = np.random.default_rng(0).standard_normal(local.size)
    step = local.instance(code) - local.mean
    for factor in (-1.0, 1e-3, 2.0):
        assert_allclose(local.instance(factor * code) - local.mean, factor * step, atol=1e-12)


def test_models_without_regions_get_one_local_region(small: FaceModel) -> None:
    found = global_local(small, 2, 1)
    assert [(b.name, b.size) for b in found.blocks] == [("identity", 2), ("expression", 1), ("local", 6)]
    mesh = small.instance(np.random.default_rng(1).standard_normal(small.size))
    assert_allclose(found.instance(found.code(mesh)), mesh, atol=1e-6)


def test_regional_adds_modes_of_the_face_alone(default: FaceModel) -> None:
    model = default
    body = regional(model)
    assert regional(model) is body
    assert regional(body) is body
    local = body.block("local")
    assert local.start == model.size
    assert local.size > 20
    np.testing.assert_array_equal(body.basis[: model.size], model.basis)
    moved = np.linalg.norm(body.basis[local.slice], axis=2).max(axis=0)
    assert np.median(moved[model.topology.regions["scalp"] > 0.99]) == 0
    assert moved[model.topology.regions["nose"] > 0.5].min() > 1e-5
    rms = np.sqrt((body.basis[local.slice] ** 2).sum(axis=(0, 2)))
    assert 5e-5 < np.median(rms[model.topology.regions["narrow_face"] > 0.5]) < 1e-3  # m


def test_a_code_with_local_part_belongs_to_the_body(default: FaceModel) -> None:
    model = default
    body = regional(model)
    vector = 0.3 * np.random.default_rng(0).standard_normal(body.size)
    code = body.split(vector)
    assert body_of(model, code) is body
    assert_allclose(body.join(code), vector, atol=1e-6)
    assert_allclose(model.join(code), vector[: model.size], atol=1e-6)
    plain = model.split(vector[: model.size])
    assert body_of(model, plain) is model
