"""train-prior face-encoder: photos to the network that factorises faces (3DFaceFill's 3DMM module)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.detection.schemes import to_ibug68
from facekit.errors import UsageError, WrongKindError
from facekit.fitting.landmark_fit import focal_prior
from facekit.fitting.view import view_of
from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.networks.albedo_decoder import AlbedoDecoder
from facekit.networks.encoder import PRESETS, FaceEncoder
from facekit.networks.factorising import FaceFactors, Factorising
from facekit.networks.lessons import KnownFace, Lessons, lesson
from facekit.networks.surface import FaceSurface
from facekit.networks.trained import Scores, TrainedFactors, calibrate, from_arrays, score, to_arrays
from facekit.records import ByteArray, Landmarks
from facekit.synthetic.face import sample_face
from facekit.synthetic.occluders import KINDS
from facekit.synthetic.photo import PhotoOptions, render_photo
from facekit.train.distributed import Group
from facekit.train.loop import Settings, train

Arrays = dict[str, NDArray[Any]]

STEPS = {"tiny": 100, "small": 6000, "paper": 100_000}
BATCHES = {"tiny": 8, "small": 24, "paper": 28}
RATES = {"tiny": 2e-3, "small": 2e-3, "paper": 1e-4}
RENDERED = {"tiny": 2, "small": 2, "paper": 28}  # faces of a batch that are drawn again
SLOWER = 0.1  # rate of the second stage over that of the first
HELD_OUT = 10  # every tenth face is not learned from
LEAST = 2 * HELD_OUT  # faces
COVERED = 4  # one in so many synthetic photos lends its occluder to the others


@dataclass(frozen=True)
class Plan:
    """What to train and for how long."""

    preset: str
    seed: int
    steps: int
    batch: int
    rate: float
    second: bool = False  # the paper's second stage: from weights, on photos of unknown faces
    every: int = 200  # steps between checkpoints


@dataclass(frozen=True)
class TrainedEncoder:
    """A network as ``files.weights`` writes it, and how good it is."""

    arrays: Arrays
    settings: dict[str, str]
    scores: dict[str, Scores]  # by what is hidden; empty while unfinished or in a process that does not lead
    step: int
    losses: dict[str, float]
    finished: bool


def synthetic_lesson(model: FaceModel, preset: str, seed: int, index: int) -> Lessons:
    """Face ``index`` of a reproducible series."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    face = sample_face(model, generator)
    kind = KINDS[index // COVERED % len(KINDS)] if index % COVERED == 0 else None
    photo = render_photo(model, face, generator, PhotoOptions(occluder=kind))
    marks = model.topology.embeddings["ibug68"].points(photo.vertices.astype(np.float64))
    points = project_points(photo.camera, marks)[:, :2]
    known = KnownFace(photo.image, points, view_of(photo.camera), face.code, photo.mask)
    return known_lesson(known, model, preset)


def known_lesson(face: KnownFace, model: FaceModel, preset: str) -> Lessons:
    """A photo of a known face."""
    focal = focal_prior(np.array(face.photo.shape[1::-1]))
    return lesson(face, focal, PRESETS[preset].size, model.size)


def photo_lesson(photo: ByteArray, landmarks: Landmarks, model: FaceModel, preset: str) -> Lessons:
    """A photo of which only the landmarks are known."""
    points = np.asarray(to_ibug68(landmarks).points, np.float64)
    return known_lesson(KnownFace(photo, points), model, preset)


def train_face_encoder(
    model: FaceModel,
    lessons: Lessons,
    plan: Plan,
    group: Group | None = None,
    *,
    start: tuple[Arrays, dict[str, str]] | None = None,
    resume: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> TrainedEncoder:
    """Train on nine tenths of the faces, from ``start`` (arrays and settings of weights) or afresh, and score
    on the rest. See ``train.loop.train`` for resume, save and report. Raises UsageError with too few faces.
    """
    if len(lessons) < LEAST:
        raise UsageError(f"there are {len(lessons)} faces to learn from; give at least {LEAST}")
    group = group or Group()
    before = None if start is None else _given(start, plan, model)
    network = _fresh(model, plan) if before is None else before.network
    number = np.arange(len(lessons))
    kept, rest = number[number % HELD_OUT > 0], number[number % HELD_OUT == 0]
    surface = FaceSurface(model, PRESETS[plan.preset].texels)
    task = Factorising(network, surface, lessons.rows(kept), plan.batch, RENDERED[plan.preset])
    settings = Settings(plan.steps, plan.seed, rate=plan.rate, every=plan.every)
    outcome = train(task, settings, group, resume=resume, save=save, report=report)
    network.eval()
    scores: dict[str, Scores] = {}
    if outcome.finished and group.leads:
        for name, hidden in (("nothing", False), ("rectangles and occluders", True)):
            generator = torch.Generator().manual_seed(plan.seed)
            scores[name] = score(network, surface, lessons.rows(rest), hidden, generator)
    generator = torch.Generator().manual_seed(plan.seed)
    # Faces without a code tell nothing of how far it is to be believed: after the first stage it was known.
    sure = before.calibration if before else calibrate(network, lessons.rows(rest), generator)
    arrays, described = to_arrays(TrainedFactors(network, sure))
    return TrainedEncoder(arrays, described, scores, outcome.step, outcome.losses, outcome.finished)


def _fresh(model: FaceModel, plan: Plan) -> FaceFactors:
    generator, preset = torch.Generator().manual_seed(plan.seed), PRESETS[plan.preset]
    return FaceFactors(FaceEncoder(preset, model.size, generator), AlbedoDecoder(preset, generator))


def _given(start: tuple[Arrays, dict[str, str]], plan: Plan, model: FaceModel) -> TrainedFactors:
    trained = from_arrays(*start)
    encoder = trained.network.encoder
    if encoder.preset != PRESETS[plan.preset] or encoder.modes != model.size:
        raise WrongKindError("the weights to start from are of another preset or face model")
    return trained


def encoder_card(command: str, trained: TrainedEncoder, model: FaceModel, faces: int) -> str:
    """The card that stands beside the weights."""
    from facekit.networks.blocks import parameter_count

    network = from_arrays(trained.arrays, trained.settings).network
    counts = parameter_count(network.encoder), parameter_count(network.decoder)
    rows = "\n".join(
        f"| {name} | {s.rotation:.1f} | {100 * s.scale:.1f} | {100 * s.landmarks:.2f} | {s.shape:.2f} "
        f"| {s.mean_face:.2f} |"
        for name, s in trained.scores.items()
    )
    return f"""# Face encoder

Finds pose, light, identity, expression and albedo of a face of {model.name} in a crop of
{network.encoder.preset.size} pixels: the 3DMM encoder (Table 3) and albedo decoder (Table 4) of 3DFaceFill,
with {counts[0] / 1e6:.2f} and {counts[1] / 1e6:.2f} million parameters (the paper: 17.4 and 5.54).

* Made by `{command}`: {trained.step} steps on {faces} faces, of which every tenth is not learned from.
* Losses of the last step: {", ".join(f"{name} {value:.4f}" for name, value in trained.losses.items())}.

On the faces not learned from, by what is hidden of them; nan where the truth is not known. Rotation in
degrees, scale in %, landmarks in % of the longer side of their box, shape as RMS over the face in mm.

| hidden | rotation | scale | landmarks | shape | mean face |
|---|---|---|---|---|---|
{rows}
"""
