"""The linear part of the Mesh-VAE: components, their posterior, what the network makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.completion.linear_path import LinearPath, components, posterior
from facekit.completion.masks import Masks, growth
from facekit.completion.mesh_vae import MeshVAE, Preset, from_arrays, halved, latent_size, to_arrays
from facekit.completion.vae_scores import compare
from facekit.completion.vae_training import Completing, ModelFaces, linear_path, typical_offset
from facekit.train.loop import Settings, train

from .sphere import sphere_model

SPHERE = sphere_model(2)
FACES = ModelFaces(SPHERE, 100, 0)
PRESET = Preset((4, 4, 4, 4, 8, 8, 8), 2, linear=True)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def network() -> MeshVAE:
    unit = typical_offset(FACES, SPHERE.mean, seeded())
    count = latent_size(SPHERE.mean, SPHERE.topology.faces, PRESET)
    linear = linear_path(FACES, SPHERE.mean, unit, count, seeded())
    return MeshVAE(SPHERE.mean, SPHERE.topology.faces, unit, PRESET, seeded(), linear)


def half_hidden(n: int) -> torch.Tensor:
    return torch.as_tensor(SPHERE.mean[:, 0] > 0).expand(n, -1)


def test_components_are_those_of_the_faces() -> None:
    """Skewed sources, mixed and stretched, come out one by one (but for order and sign)."""
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.normal(size=(12, 3)))[0].T * np.array([[3.0], [1.0], [0.5]])

    def sources(n: int) -> np.ndarray:
        return np.stack(
            [rng.normal(size=n), (rng.exponential(size=n) - 1), np.sign(rng.normal(size=n))], axis=1
        )

    middle, modes = components(lambda n: (5 + sources(n) @ mixing).reshape(n, 4, 3), 5)
    assert np.allclose(middle, 5, atol=0.1)
    assert not modes[3:].any()
    found = modes[:3].reshape(3, -1)
    likeness = (
        np.abs(found @ mixing.T) / np.linalg.norm(found, axis=1)[:, None] / np.linalg.norm(mixing, axis=1)
    )
    assert np.allclose(np.sort(likeness.max(axis=0)), 1, atol=0.02)


@pytest.mark.parametrize("training", [True, False])
def test_the_posterior_is_that_of_bayes(training: bool) -> None:
    rng = np.random.default_rng(1)
    modes, centre = rng.normal(size=(4, 9, 3)), rng.normal(size=(9, 3))
    path = LinearPath(centre, modes, 0.3).train(training)
    seen, weight = torch.as_tensor(rng.normal(size=(1, 9, 3))).float(), torch.zeros(1, 9)
    weight[0, [1, 4, 5]] = torch.tensor([1.0, 0.5, 0.25])
    mean, sigma = torch.tensor([[0.5, 0, -1, 0]]), torch.tensor([[1.0, 0.5, 2, 1]])
    found, factor = posterior(*path.evidence(seen, weight), mean, sigma.log())
    design = np.repeat(weight[0].numpy(), 3) / 0.3
    a = np.concatenate([modes.reshape(4, -1).T * design[:, None], np.diag(1 / sigma[0].numpy())])
    b = np.concatenate([(seen[0].numpy() - centre).ravel() * design, (mean / sigma)[0].numpy()])
    assert np.allclose(found[0], np.linalg.lstsq(a, b, rcond=None)[0], atol=1e-4)
    assert np.allclose(factor[0] @ factor[0].T, a.T @ a, rtol=1e-4, atol=1e-4)
    assert np.allclose(path.latents(path.offsets(mean) + path.centre), mean, atol=1e-4)


def test_an_untrained_network_completes_as_the_linear_posterior(network: MeshVAE) -> None:
    faces = FACES.draw(np.arange(90, 98), seeded(1))
    scores = compare(network, SPHERE, faces, half_hidden(8).numpy(), seeded(2))
    assert scores.linear < 0.5 * scores.mean_face
    assert scores.network < 1.3 * scores.linear
    assert 0.4 < scores.calibration < 1.6


def test_hidden_vertices_do_not_matter_and_weights_do(network: MeshVAE) -> None:
    faces = torch.as_tensor(FACES.draw(np.arange(2), seeded()), dtype=torch.float32)
    visible = ~half_hidden(2)
    moved = torch.where(visible[..., None], faces, float("nan"))
    one, other = network.posterior(faces, visible), network.posterior(moved, visible)
    assert torch.equal(one.mean, other.mean)
    assert torch.equal(one.root, other.root)
    faint = network.posterior(faces, 0.1 * visible.float())
    assert (faint.deviation.sum(1) > one.deviation.sum(1)).all()
    mu, log_sigma = network.encode(faces, visible)
    assert torch.equal(mu, one.mean)
    assert torch.allclose(log_sigma.exp(), one.deviation)
    eps = torch.randn(2, network.latent_size, generator=seeded())
    assert torch.allclose(one.at(eps), one.mean + torch.einsum("bij,bj->bi", one.root, eps), atol=1e-6)


def test_half_precision_makes_nearly_the_same_network(network: MeshVAE) -> None:
    arrays, settings = to_arrays(network)
    again = from_arrays(halved(arrays), settings, SPHERE.topology.faces)
    assert again.preset == PRESET
    assert torch.equal(again.mean, network.mean)
    z = torch.randn(4, network.latent_size, generator=seeded())
    off = (again.decode(z) - network.decode(z)).detach()
    assert 0 < float(off.abs().max()) < 2e-5


def test_training_holds_what_the_linear_posterior_knows(network: MeshVAE) -> None:
    orders = growth(SPHERE.mean, SPHERE.topology.faces, 16, seeded(3))
    masks = Masks(orders, np.zeros((0, orders.shape[1]), bool))
    job = Completing(network, SPHERE.topology.faces, FACES, masks, size=8)
    batch = job.batch(1.0, seeded())
    assert not torch.equal(batch["seen"], batch["vertices"])
    first = job.losses(batch, 1.0)
    assert {"l1", "laplacian", "kl", "agreement"} < first.keys()
    train(job, Settings(20, 0, rate=3e-3, warmup=5))
    assert float(job.losses(batch, 1.0)["agreement"].detach()) < float(first["agreement"].detach())
