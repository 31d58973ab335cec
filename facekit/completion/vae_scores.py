"""How good a Mesh-VAE is on people it did not learn from, beside the face model's own Gaussian posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facekit.completion.linear_path import posterior
from facekit.completion.masks import LARGEST, picture_kinds, picture_masks
from facekit.completion.mesh_vae import MeshVAE
from facekit.completion.posterior import TOLERANCE
from facekit.completion.vae_training import Completing, split
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, FloatArray, IntArray

SAMPLES = 8


@dataclass(frozen=True)
class Scores:
    """RMS distance, mm, of the most probable completion from faces not trained on."""

    hidden: float
    visible: float
    mean_face: float  # of the mean face on the hidden vertices: what knowing nothing costs
    radius: float  # |z| that nine in ten encoded training faces do not exceed


@torch.no_grad()
def score(task: Completing, part: str, n: int, generator: torch.Generator) -> Scores:
    """Completions of ``n`` masked faces of a part of the people, at the masks' full size."""
    network = task.model.eval()
    device = network.mean.device
    people = split(task.faces.identities, part)
    hidden = torch.as_tensor(task.masks.draw(n, LARGEST, generator), device=device)
    whole = _faces(task, people[np.arange(n) % len(people)], generator)
    mu = network.encode(whole, ~hidden)[0]
    off = network.decode(mu) - whole
    own = split(task.faces.identities, "train")
    seen = _faces(task, own[np.arange(n) % len(own)], generator)
    length = network.encode(seen, torch.ones_like(hidden))[0].norm(dim=1)
    return Scores(
        _rms(off[hidden]),
        _rms(off[~hidden]),
        _rms((whole - network.mean)[hidden]),
        float(length.quantile(0.9)),
    )


@dataclass(frozen=True)
class Comparison:
    """RMS over hidden vertices, mm, of all faces together; ``calibration`` has no unit."""

    mean_face: float
    linear: float  # the mean of the face model's Gaussian posterior given the same vertices, codes in bounds
    linear_closest: float  # of SAMPLES of it
    path: float  # the network's linear path alone, with latents N(0, I); the network where there is none
    network: float  # the most probable completion
    closest: float  # of SAMPLES, the first being the most probable
    calibration: (
        float  # mean squared Mahalanobis length of the whole face's latents over their number: 1 is right
    )
    spread: float  # RMS of the samples about their mean: as large as ``network`` where they are honest


@torch.no_grad()
def compare(
    network: MeshVAE,
    model: FaceModel,
    faces: FloatArray,
    hidden: BoolArray,
    generator: torch.Generator,
    noise: float = TOLERANCE,
) -> Comparison:
    """Whole ``faces`` (N, V, 3) m of which ``hidden`` (N, V) is taken away, the rest seen with white noise.

    ``noise`` is in m; both are told that it is TOLERANCE.
    """
    network.eval()
    sums: dict[str, list[float]] = {name: [] for name in Comparison.__dataclass_fields__}
    for whole, cover in zip(faces, hidden, strict=True):
        seen = whole + noise * torch.randn(whole.shape, generator=generator, dtype=torch.float64).numpy()
        made, latents = _completions(network, seen, ~cover, generator)
        linear = _linear(model, seen, ~cover, generator)
        sums["mean_face"].append(_squared(model.mean[None] - whole, cover)[0])
        sums["linear"].append(_squared(linear - whole, cover)[0])
        sums["linear_closest"].append(_squared(linear - whole, cover).min())
        sums["path"].append(_squared(_path(network, seen, ~cover, made) - whole, cover)[0])
        sums["network"].append(_squared(made - whole, cover)[0])
        sums["closest"].append(_squared(made - whole, cover).min())
        sums["spread"].append(float(_squared(made[1:] - made[:1], cover).mean()))
        sums["calibration"].append(_mahalanobis(network, latents, whole))
    found = {name: float(np.mean(values)) for name, values in sums.items()}
    calibration = found.pop("calibration")
    return Comparison(calibration=calibration, **{name: 1e3 * value**0.5 for name, value in found.items()})


def comparisons(
    task: Completing, model: FaceModel, part: str, n: int, generator: torch.Generator
) -> dict[str, Comparison]:
    """``compare`` on ``n`` faces of a part of the people, for regions of the largest size ("grown") and for
    each thing that stands before a turned head. Nobody stands in two of them where there are people enough.
    """
    people = split(task.faces.identities, part)
    found = {}
    for i, kind in enumerate(("grown", *picture_kinds(model)[1:])):
        if kind == "grown":
            some = torch.randint(len(task.masks.orders), (n,), generator=generator).numpy()
            hidden = task.masks.orders[some] < LARGEST * len(model.mean)
        else:
            hidden = picture_masks(model, n, generator, (kind,))
        faces = task.faces.draw(people[(i * n + np.arange(n)) % len(people)], generator)
        found[kind] = compare(task.model.cpu(), model, faces, hidden, generator)
    return found


def _completions(
    network: MeshVAE, seen: FloatArray, visible: BoolArray, generator: torch.Generator
) -> tuple[FloatArray, tuple[Tensor, Tensor]]:
    latents = network.posterior(_tensor(seen), torch.as_tensor(visible[None]))
    eps = torch.randn(SAMPLES, network.latent_size, generator=generator)
    eps[0] = 0
    made = network.decode(latents.mean + eps @ latents.root[0].T)
    return made.double().numpy(), (latents.mean, latents.root)


def _path(network: MeshVAE, seen: FloatArray, visible: BoolArray, made: FloatArray) -> FloatArray:
    """The completion (1, V, 3) by the linear path alone; the first of those made where there is none."""
    path = network.linear
    if path is None:
        return made[:1]
    offset = (_tensor(seen) - network.mean) / network.unit
    pull, gram = path.evidence(offset, torch.as_tensor(visible[None]).to(offset.dtype))
    nothing = torch.zeros_like(pull)
    z = posterior(pull, gram, nothing, nothing)[0].to(offset.dtype)
    return (network.mean + network.unit * (path.offsets(z) + path.centre)).double().numpy()


def _linear(model: FaceModel, seen: FloatArray, visible: BoolArray, generator: torch.Generator) -> FloatArray:
    index = np.flatnonzero(visible)
    given = model.posterior(index, seen[index], TOLERANCE)
    codes = np.concatenate([given.mean[None], given.sample(generator, SAMPLES - 1)])
    return model.instance(model.clip(codes))


def _mahalanobis(network: MeshVAE, latents: tuple[Tensor, Tensor], whole: FloatArray) -> float:
    """Of the most probable latents of the whole face under the distribution given a part."""
    mean, root = latents
    everything = torch.ones(1, len(whole), dtype=torch.bool)
    if network.linear is None:
        truth = network.encode(_tensor(whole), everything)[0]
    else:
        truth = network.linear.latents((_tensor(whole) - network.mean) / network.unit)
    return float(torch.linalg.solve(root[0], (truth - mean)[0]).square().mean())


def _squared(off: FloatArray, cover: BoolArray) -> FloatArray:
    """Mean squared length (n,) of offsets (n, V, 3) where hidden."""
    return np.mean(np.sum(off[:, cover] ** 2, axis=-1), axis=-1)


def _tensor(vertices: FloatArray) -> Tensor:
    return torch.as_tensor(vertices[None], dtype=torch.float32)


def _faces(task: Completing, people: IntArray, generator: torch.Generator) -> Tensor:
    drawn = task.faces.draw(people, generator)
    return torch.as_tensor(drawn, dtype=torch.float32, device=task.model.mean.device)


def _rms(offsets: Tensor) -> float:
    """Root of the mean squared length of offsets (N, 3) m, in mm."""
    return 1e3 * float(offsets.square().sum(-1).mean().sqrt())
