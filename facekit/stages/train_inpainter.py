"""train-prior inpainter: photos under masks to a network that completes the albedo of a face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.errors import NoFaceError, UsageError
from facekit.morphable.model import FaceModel
from facekit.networks.blocks import parameter_count
from facekit.records import BoolArray, ByteArray, Camera, Fit, FloatArray
from facekit.texture.chart import chart_of
from facekit.texture.examples import SHADES, SIZE, Example, make_example
from facekit.texture.inpainter import Inpainter, complete_log, to_arrays
from facekit.texture.inpainter_training import Inpainting, Pair, Weights, new_pair, relit, unpacked
from facekit.texture.occlude import draw_kind, occlusion_mask
from facekit.texture.places import ground
from facekit.texture.pyramid_gan import preset_discriminator
from facekit.texture.simulated import simulated_fit
from facekit.texture.sym_unet import PLAIN, PRESETS, REFINING, SymUNet
from facekit.train.distributed import Group
from facekit.train.loop import Settings, train

Arrays = dict[str, NDArray[Any]]
Fitter = Callable[[ByteArray, BoolArray], Fit]  # of a photo and what is hidden of it

STEPS = {"tiny": 20, "small": 1200, "paper": 30_000}
BATCH = {"tiny": 2, "small": 8, "paper": 28}
RATE = {"tiny": 3e-3, "small": 2e-3, "paper": 1e-4}
AFTER = 0.1  # of the rate, where trained weights are trained on
PER_PHOTO = 2  # masks
KEPT = 10  # every so manieth photo is kept to score on
LEAST = 4  # examples


@dataclass(frozen=True)
class Plan:
    """What to train and for how long."""

    preset: str
    seed: int
    steps: int
    batch: int
    rate: float
    plain: bool = False  # the paper's input: albedo and mask alone
    adversarial: float = 0.0  # weight of the discriminator's opinion
    every: int = 100  # steps between checkpoints


@dataclass(frozen=True)
class Score:
    """RMS differences in sRGB (0 to 255) of the hidden texels of the face, on photos kept apart."""

    linear: float  # of the albedo model alone
    network: float
    examples: int


@dataclass(frozen=True)
class TrainedInpainter:
    """A network as ``files.weights`` writes it, and how good it is."""

    arrays: Arrays
    settings: dict[str, str]
    score: Score | None
    step: int
    parameters: int
    finished: bool


def known_example(
    photo: ByteArray, vertices: FloatArray, camera: Camera, model: FaceModel, number: int
) -> Example | None:
    """A photo (H, W, 3) of known geometry, hidden in part and fitted as if it were not known. ``number``
    decides what hides it and how the fit errs. None where nothing could be learned from it.
    """
    rng = np.random.default_rng(number)
    hidden = occlusion_mask(draw_kind(rng), model, vertices, camera, rng)
    occluded = _covered(photo, hidden, rng)
    generator = torch.Generator().manual_seed(number)
    fit = simulated_fit(occluded, hidden, vertices, camera, model, generator)
    return None if fit is None else make_example(photo, occluded, hidden, fit, model)


def fitted_example(photo: ByteArray, fit: Fitter, model: FaceModel, number: int) -> Example | None:
    """A photo of which nothing is known: fitted, hidden in part where the face was found, fitted again. What
    is hidden of it is the truth to learn. None where no face is found behind the mask.
    """
    rng = np.random.default_rng(number)
    first = fit(photo, np.zeros(photo.shape[:2], bool))
    hidden = occlusion_mask(draw_kind(rng), model, first.vertices, first.camera, rng)
    occluded = _covered(photo, hidden, rng)
    try:
        again = fit(occluded, hidden)
    except NoFaceError:
        return None
    return make_example(photo, occluded, hidden, again, model)


def _covered(photo: ByteArray, hidden: BoolArray, rng: np.random.Generator) -> ByteArray:
    return np.where(hidden[..., None], rng.integers(0, 255, 3).astype(np.uint8), photo)


def train_inpainter(
    model: FaceModel,
    examples: Sequence[Example],
    kept: Sequence[Example],
    plan: Plan,
    group: Group | None = None,
    *,
    begin: Inpainter | None = None,
    resume: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> TrainedInpainter:
    """Train on ``examples``, score on those ``kept`` apart; ``begin`` with trained weights for the paper's
    second stage. See ``train.loop.train`` for resume, save and report. Raises UsageError for too few
    examples.
    """
    if len(examples) < LEAST:
        raise UsageError(f"{len(examples)} examples are too few to learn from; give more photos of faces")
    group = group or Group()
    pair = _pair(plan, begin)
    face = face_map(model)
    weights = Weights(adversarial=plan.adversarial)
    task = Inpainting(pair, examples, face, plan.batch, weights)
    settings = Settings(plan.steps, plan.seed, rate=plan.rate, every=plan.every)
    outcome = train(task, settings, group, resume=resume, save=save, report=report)
    pair.eval()
    scored = score(pair.inpainter, kept, face) if outcome.finished and group.leads and kept else None
    arrays, told = to_arrays(pair.inpainter, plan.preset, PRESETS[plan.preset].widths, model.topology, SIZE)
    count = parameter_count(pair.inpainter)
    return TrainedInpainter(arrays, told, scored, outcome.step, count, outcome.finished)


def _pair(plan: Plan, begin: Inpainter | None) -> Pair:
    generator = torch.Generator().manual_seed(plan.seed)
    judge = preset_discriminator(plan.preset) if plan.adversarial > 0 else None
    made = SymUNet(PRESETS[plan.preset].widths, PLAIN if plan.plain else REFINING)
    pair = new_pair(made, judge, generator)
    if begin is not None:
        try:
            pair.inpainter.load_state_dict(begin.network.state_dict())
        except RuntimeError:
            raise UsageError(
                "the weights to begin with are of another preset or input; give the same --preset and --input"
            ) from None
    return pair


def face_map(model: FaceModel) -> FloatArray:
    """(T, T) float32, where the chart on which the network works shows the face."""
    return ground(model, chart_of(model.topology, SIZE)).face


def score(network: SymUNet, kept: Sequence[Example], face: FloatArray) -> Score:
    """How far hidden texels are from the truth under their light, with and without the network."""
    where = torch.from_numpy(np.asarray(face, np.float32))[None, None]
    total, count = np.zeros(2), 0.0
    with torch.no_grad():
        for one in kept:
            batch = {name: torch.from_numpy(value)[None] for name, value in one.arrays().items()}
            maps, truth, wanted = unpacked(batch)
            wanted = wanted * where
            shade = batch["shade"].float().div(SHADES).permute(0, 3, 1, 2)
            done, _ = complete_log(network.cpu(), maps, where)
            right = relit(truth, shade)
            for i, log in enumerate((maps.linear, done)):
                total[i] += float(((relit(log, shade) - right).square() * wanted).sum())
            count += 3 * float(wanted.sum())
    linear, refined = 255 * np.sqrt(total / max(count, 1.0))
    return Score(float(linear), float(refined), len(kept))


def inpainter_card(command: str, trained: TrainedInpainter, photos: int, examples: int) -> str:
    """The card that stands beside the weights: how they were made, from what, and how good they are."""
    scored = trained.score
    told = (
        "Not scored: too few photos to keep some apart."
        if scored is None
        else f"On {scored.examples} examples kept apart the hidden texels of the face are off by "
        f"{scored.network:.1f} of 255 (RMS, sRGB under the photo's light); completed by the albedo model "
        f"alone, by {scored.linear:.1f}."
    )
    return f"""# Albedo inpainter (Sym-UNet)

Completes the albedo of a face where a photo does not show it, and says how unsure it is (`facekit complete`).
After 3DFaceFill; see docs/3dfacefill.md. {trained.parameters / 1e6:.2f} million weights, preset
{trained.settings["preset"]}, stored in half precision.

* Made by `{command}`.
* {trained.step} steps on {examples} examples from {photos} photos: each photo under {PER_PHOTO} masks
  (glasses, face masks, hands, blobs, rectangles, sides), fitted, unwrapped, completed by the albedo model.
* {told}
"""
