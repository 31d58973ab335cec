"""train-prior mesh-vae: whole faces to a network that completes partial ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.completion.masks import Masks, growth, picture_masks
from facekit.completion.mesh_vae import PRESETS, MeshVAE, latent_size, to_arrays
from facekit.completion.posterior import TOLERANCE
from facekit.completion.vae_scores import Comparison, Scores, comparisons, score
from facekit.completion.vae_training import Completing, Faces, linear_path, registered, split, typical_offset
from facekit.errors import UsageError
from facekit.morphable.model import FaceModel
from facekit.records import FloatArray, IntArray
from facekit.train.distributed import Group
from facekit.train.loop import Settings, train

Arrays = dict[str, NDArray[Any]]

STEPS = {"tiny": 200, "small": 5500, "paper": 200_000}
BATCHES = {"tiny": 16, "small": 24, "paper": 16}
RATES = {"tiny": 5e-3, "small": 1e-3, "paper": 5e-3}
MASKS = {"tiny": 10, "small": 400, "paper": 2000}
COMPARED = {"tiny": 2, "small": 60, "paper": 60}  # faces of each kind of mask, for the card
SCORED = 400  # faces at most
LEAST_PEOPLE = 10  # so that each part of the split has one


@dataclass(frozen=True)
class Plan:
    """What to train and for how long."""

    preset: str
    seed: int
    steps: int
    batch: int = 16
    rate: float = 5e-3
    every: int = 200  # steps between checkpoints
    masks: int = 256  # regions, and pictures of occluders, to draw from


@dataclass(frozen=True)
class TrainedVAE:
    """A network as ``files.weights`` writes it, and how good it is."""

    arrays: Arrays
    settings: dict[str, str]
    scores: Scores | None  # on the test people; None while unfinished or in a process that does not lead
    compared: dict[str, Comparison]  # by what hides a part, likewise; empty where ``scores`` is None
    step: int
    sizes: tuple[int, ...]  # vertices after each layer
    finished: bool


def registered_faces(vertices: FloatArray, person: IntArray, model: FaceModel) -> Faces:
    """Meshes of the model's topology (N, V, 3) m of people (N,) as training data. Raises UsageError."""
    people = len(np.unique(person))
    if people < LEAST_PEOPLE:
        raise UsageError(
            f"the folder holds meshes of {people} people; give at least {LEAST_PEOPLE}, a folder each"
        )
    return registered(vertices, person, model.mean)


def train_mesh_vae(
    model: FaceModel,
    faces: Faces,
    plan: Plan,
    group: Group | None = None,
    *,
    resume: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> TrainedVAE:
    """Train on 80 % of the people and score on 10 %. See ``train.loop.train`` for resume, save and report."""
    group = group or Group()
    generator = torch.Generator().manual_seed(plan.seed)
    masks = Masks(
        growth(model.mean, model.topology.faces, plan.masks, generator),
        picture_masks(model, plan.masks, generator),
    )
    unit, preset = typical_offset(faces, model.mean, generator), PRESETS[plan.preset]
    linear = None
    if preset.linear:
        count = latent_size(model.mean, model.topology.faces, preset)
        linear = linear_path(faces, model.mean, unit, count, generator)
    network = MeshVAE(model.mean, model.topology.faces, unit, preset, generator, linear)
    task = Completing(network, model.topology.faces, faces, masks, plan.batch)
    settings = Settings(plan.steps, plan.seed, rate=plan.rate, every=plan.every)
    outcome = train(task, settings, group, resume=resume, save=save, report=report)
    scores, compared = None, {}
    if outcome.finished and group.leads:
        scores = score(task, "test", min(SCORED, 4 * len(split(faces.identities, "test"))), generator)
        compared = comparisons(task, model, "test", COMPARED[plan.preset], generator)
    arrays, described = to_arrays(network)
    return TrainedVAE(
        arrays, described, scores, compared, outcome.step, tuple(network.sizes), finished=outcome.finished
    )


def mesh_vae_card(command: str, trained: TrainedVAE, model: FaceModel, people: int, n: int) -> str:
    """The card that stands beside the weights: how they were made, from what, and how good they are, on ``n``
    faces for each kind of mask.
    """
    scores = trained.scores
    assert scores is not None
    weights = sum(array.size for array in trained.arrays.values())
    rows = "\n".join(
        f"| {kind} | {c.mean_face:.2f} | {c.linear:.2f} | {c.path:.2f} | {c.network:.2f} "
        f"| {c.linear_closest:.2f} | {c.closest:.2f} | {c.spread:.2f} | {c.calibration:.2f} |"
        for kind, c in trained.compared.items()
    )
    return f"""# Mesh-VAE

Completes a face of {model.name} of which a part is seen: the network of Diverse3DFace (Tables 5-6) with
{weights / 1e6:.1f} million weights{", around a linear model" if trained.settings["linear"] == "1" else ""}.

* Made by `{command}`:
  {trained.step} steps on {people} people, split 80:10:10 by person.
* Vertices after each layer: {", ".join(map(str, trained.sizes))} (the paper: 5023, 1367, 1367, 270, 270, 45,
  45, 10).
* Channels {trained.settings["channels"]}, {trained.settings["bases"]} kernels.
* Most probable completion of masked faces of the test people, RMS: {scores.hidden:.2f} mm where hidden,
  {scores.visible:.2f} mm where seen, which is given exactly; the mean face is {scores.mean_face:.2f} mm off
  where hidden.
* Nine in ten faces trained on lie within |z| = {scores.radius:.2f}.

On test people, what is seen with white noise of {1e3 * TOLERANCE:.1f} mm in each coordinate, {n} faces a
row; RMS over hidden vertices, mm. "linear" is the exact Gaussian posterior of the face model (codes N(0, I),
in bounds) given the same vertices, "path" that of the network's linear path alone (the training faces' own
covariance), "of 8" the closest of eight completions. "spread" is the samples' RMS distance from the most
probable completion, and "calibration" the mean squared Mahalanobis length of the true latents, over their
number: 1 is right, above is overconfident. "grown" is a region of 40 % of the vertices; in the other rows the
head is turned too, and what the picture does not show of it is hidden.

| hidden by | mean face | linear | path | network | linear of 8 | network of 8 | spread | calibration |
|---|---|---|---|---|---|---|---|---|
{rows}
"""
