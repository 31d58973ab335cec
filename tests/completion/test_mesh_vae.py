"""The Mesh-VAE: sizes, what it sees, losses, training to complete, storing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.completion.masks import Masks, growth
from facekit.completion.mesh_vae import PRESETS, STRIDES, MeshVAE, from_arrays, to_arrays
from facekit.completion.vae_scores import score
from facekit.completion.vae_training import (
    PARTS,
    Completing,
    Laplacian,
    ModelFaces,
    RegisteredFaces,
    divergence,
    split,
    typical_offset,
)
from facekit.errors import WrongKindError
from facekit.geometry.mesh import uniform_laplacian
from facekit.morphable.model import FaceModel
from facekit.train.loop import Settings, train

from .sphere import sphere_model

SPHERE = sphere_model(2)
FACES = ModelFaces(SPHERE, 100, 0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int = 0) -> MeshVAE:
    unit = typical_offset(FACES, SPHERE.mean, seeded())
    return MeshVAE(SPHERE.mean, SPHERE.topology.faces, unit, PRESETS["tiny"], seeded(seed))


@pytest.fixture(scope="module")
def masks() -> Masks:
    orders = growth(SPHERE.mean, SPHERE.topology.faces, 32, seeded(3))
    return Masks(orders, np.zeros((0, orders.shape[1]), bool))


def task(masks: Masks, seed: int = 0) -> Completing:
    return Completing(network(seed), SPHERE.topology.faces, FACES, masks, size=8)


def test_the_paper_preset_has_the_papers_channels() -> None:
    """Tables 5-6; FLAME's 5023 vertices are pooled to 1367, 270, 45 and 10 there."""
    assert PRESETS["paper"].channels == (32, 64, 128, 256, 512, 1024, 64)
    assert PRESETS["paper"].bases == 17
    assert all(len(preset.channels) == len(STRIDES) for preset in PRESETS.values())


def test_a_head_is_pooled_about_as_flame_is(model: FaceModel) -> None:
    made = MeshVAE(model.mean, model.topology.faces, 1.0, PRESETS["tiny"], seeded())
    ratios = np.array(made.sizes[1::2])[:4] / [1367, 270, 45, 10]
    assert ((ratios > 0.6) & (ratios < 1.4)).all(), made.sizes
    assert made.sizes[1:7:2] == made.sizes[2:8:2]
    assert made.latent_size == made.sizes[-1] * 4
    mesh = torch.as_tensor(model.mean, dtype=torch.float32)[None]
    mu, log_sigma = made.encode(mesh, torch.ones(1, len(model.mean), dtype=torch.bool))
    assert made.decode(mu + log_sigma.exp()).shape == mesh.shape


def test_training_starts_near_the_prior() -> None:
    made = network()
    faces = torch.as_tensor(FACES.draw(np.arange(4), seeded()), dtype=torch.float32)
    mu, log_sigma = made.encode(faces, torch.ones(faces.shape[:2], dtype=torch.bool))
    assert mu.abs().mean() < 0.3
    assert log_sigma.abs().max() < 0.1


def test_hidden_vertices_are_not_seen_but_hiding_is() -> None:
    made = network()
    faces = torch.as_tensor(FACES.draw(np.arange(2), seeded()), dtype=torch.float32)
    visible = torch.ones(faces.shape[:2], dtype=torch.bool)
    visible[:, :100] = False
    moved = faces.clone()
    moved[:, :100] += 7.0
    moved[0, 5] = float("nan")
    assert torch.equal(made.encode(faces, visible)[0], made.encode(moved, visible)[0])
    mean = made.mean.expand(2, -1, -1)
    assert not torch.allclose(made.encode(mean, visible)[0], made.encode(mean, visible | True)[0])


def test_stored_weights_make_the_same_network() -> None:
    made = network()
    again = from_arrays(*to_arrays(made), SPHERE.topology.faces)
    z = torch.randn(2, made.latent_size, generator=seeded())
    assert torch.equal(made.decode(z), again.decode(z))


def test_weights_of_something_else_are_refused() -> None:
    arrays, settings = to_arrays(network())
    with pytest.raises(WrongKindError, match="not those of a mesh VAE"):
        from_arrays(arrays, {**settings, "kind": "landmark statistics"}, SPHERE.topology.faces)
    with pytest.raises(WrongKindError, match="another face model"):
        from_arrays(arrays, settings, SPHERE.topology.faces[:-3])
    with pytest.raises(WrongKindError, match="another face model"):
        from_arrays(arrays, settings, sphere_model(3).topology.faces)


def test_divergence_is_that_of_torch() -> None:
    mu, log_sigma = torch.randn(2, 3, 5, generator=seeded())
    ours = torch.distributions.Normal(mu, log_sigma.exp())
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    torch.testing.assert_close(
        divergence(mu, log_sigma), torch.distributions.kl_divergence(ours, prior).sum(1)
    )


def test_laplacian_is_that_of_the_mesh() -> None:
    offsets = torch.randn(2, len(SPHERE.mean), 3, generator=seeded(), requires_grad=True)
    smooth = Laplacian(len(SPHERE.mean), SPHERE.topology.faces)(offsets)
    dense = torch.as_tensor(uniform_laplacian(len(SPHERE.mean), SPHERE.topology.faces).toarray()).float()
    expected = torch.einsum("uv,bvc->ubc", dense, offsets)
    torch.testing.assert_close(smooth, expected)
    towards = torch.randn(smooth.shape, generator=seeded(1))
    one, other = (torch.autograd.grad(value, offsets, towards)[0] for value in (smooth, expected))
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("identities", [3, 10, 11, 57, 1000])
def test_no_person_stands_in_two_parts(identities: int) -> None:
    parts = [split(identities, part) for part in PARTS]
    assert np.concatenate(parts).tolist() == list(range(identities))
    assert all(len(part) for part in parts)
    if identities >= 50:
        assert abs(len(parts[0]) / identities - 0.8) < 0.02


def test_two_people_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="three parts"):
        split(2, "train")


def test_a_person_keeps_the_shape_and_changes_the_expression(model: FaceModel) -> None:
    faces = ModelFaces(model, 10, 0)
    drawn = faces.draw(np.array([3, 3, 4]), seeded())
    code = model.code(drawn)
    identity, expression = model.block("identity").slice, model.block("expression").slice
    assert np.allclose(code[0, identity], code[1, identity], atol=1e-3)
    assert not np.allclose(code[0, identity], code[2, identity], atol=1)
    assert not np.allclose(code[0, expression], code[1, expression], atol=0.1)
    assert np.array_equal(faces.draw(np.array([3, 3, 4]), seeded()), drawn)


def test_registered_meshes_are_drawn_by_person() -> None:
    vertices = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 4, 3), np.float32)
    faces = RegisteredFaces(vertices, np.array([0, 1, 1, 2, 0, 2]))
    assert faces.identities == 3
    drawn = faces.draw(np.array([1] * 20 + [2] * 20), seeded())[:, 0, 0]
    assert set(drawn[:20]) == {1, 2}
    assert set(drawn[20:]) == {3, 5}


def test_a_short_training_completes_better_than_the_mean_face(masks: Masks) -> None:
    job = task(masks)
    before = score(job, "test", 16, seeded(9))
    outcome = train(job, Settings(60, 0, rate=2e-2, warmup=5))
    after = score(job, "test", 16, seeded(9))
    assert outcome.finished
    assert before.hidden > 0.9 * before.mean_face
    assert after.hidden < 0.9 * after.mean_face
    assert after.visible < 0.85 * before.visible
    assert 1 < after.radius < 2 * job.model.latent_size**0.5


def test_the_batch_is_masked_by_the_curriculum(masks: Masks) -> None:
    job = task(masks)
    early, late = (1 - job.batch(p, seeded())["visible"].float().mean() for p in (0.0, 1.0))
    assert early < 0.05 < late
    again = job.batch(1.0, seeded())
    assert all(torch.equal(value, again[name]) for name, value in job.batch(1.0, seeded()).items())
