"""facekit train-prior inpainter: the part of the command that is its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.training_options import TrainingWish, preset_option, result_options

if TYPE_CHECKING:
    from facekit.cli.training_folder import TrainingFolder
    from facekit.morphable.model import FaceModel
    from facekit.stages.train_inpainter import Plan, TrainedInpainter

SYNTHETIC = 600


@dataclass(frozen=True)
class Wish(TrainingWish):
    """What the user asked for."""

    NAME = "inpainter"

    data: Path | None
    synthetic: int | None
    begin: Path | None
    preset: str
    inputs: str
    steps: int | None
    batch: int | None
    adversarial: float
    model: str

    @property
    def source(self) -> str:
        """The photos, as an argument."""
        return self.data.name if self.data is not None else f"--synthetic {self.synthetic or SYNTHETIC}"


@click.command("inpainter", short_help="A network that completes the albedo of faces.")
@click.argument("data", type=options.FILE, metavar="[PHOTOS]", required=False)
@click.option(
    "--synthetic",
    type=click.IntRange(4),
    metavar="N",
    help=f"Render photos of N invented people instead of taking a folder's; {SYNTHETIC} by default.",
)
@click.option(
    "--begin",
    type=options.FILE,
    metavar="WEIGHTS",
    help="Train these weights on, at a tenth of the rate: the paper's second stage, on photos.",
)
@preset_option("Size of the network; paper is that of 3DFaceFill.")
@click.option(
    "--input",
    "inputs",
    type=click.Choice(["refine", "plain"]),
    default="refine",
    show_default=True,
    help="What the network sees: what the albedo model has completed as well, or, as in the paper, only the "
    "masked albedo and the mask.",
)
@click.option("--steps", type=click.IntRange(1), help="Training steps; by default 20, 1200 or 30000.")
@click.option(
    "--batch", type=click.IntRange(1), help="Examples that a step learns from; by default 2, 8, 28."
)
@click.option(
    "--adversarial",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Weight of the PyramidGAN's opinion; 0 trains without it, the paper's is 1.",
)
@result_options("inpainter")
def inpainter(**wish: Any) -> None:
    """Train the network of 3DFaceFill that completes the albedo of a face of which a part is seen.

    PHOTOS is a folder that facekit synth photos has written, whose truth spares the fits, or any photos of
    faces: each is fitted, hidden in part, and fitted again, which takes some ten seconds. Ctrl-C ends the run
    after the present step; the same command goes on from there. With several processes: torchrun --no-python
    --nproc-per-node 2 facekit train-prior inpainter ...

    \b
    Examples:
      facekit train-prior inpainter --synthetic 600 --seed 0 -o inpainter.safetensors
      facekit train-prior inpainter portraits/ --begin inpainter.safetensors -o mine.safetensors
    """
    from facekit.cli.inpainter_examples import gather
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.models import load_model
    from facekit.stages.train_inpainter import train_inpainter
    from facekit.train.distributed import joined

    asked = Wish(**wish)
    refuse_overwrite([asked.target, asked.card], asked.force)
    seed, _ = console.chosen_seed(asked.seed)
    plan = _plan(asked, seed)
    device = console.torch_device(asked.device)
    model = load_model(asked.model)
    work = _folder(asked, plan, model)
    resume = work.resume()
    found = gather(asked.data, asked.synthetic or SYNTHETIC, work.folder / "examples", seed, model)
    begin = None
    if asked.begin is not None:
        from facekit.files.weights import read_weights
        from facekit.texture.inpainter import Inpainter

        begin = Inpainter.from_arrays(*read_weights(asked.begin))
    with joined(device) as group:
        report = work.reporter(0 if resume is None else int(resume["step"]))
        trained = train_inpainter(
            model,
            found.learned,
            found.kept,
            plan,
            group,
            begin=begin,
            resume=resume,
            save=work.save,
            report=report,
        )
        leads = group.leads
    if leads and trained.finished:
        _write(asked, plan, trained, found.photos, len(found.learned))
    elif leads:
        console.say(
            f"stopped after step {trained.step}; the same command with --seed {seed} goes on from there"
        )


def _plan(asked: Wish, seed: int) -> Plan:
    from facekit.stages.train_inpainter import AFTER, BATCH, RATE, STEPS, Plan

    rate = RATE[asked.preset] * (1.0 if asked.begin is None else AFTER)
    return Plan(
        asked.preset,
        seed,
        asked.steps or STEPS[asked.preset],
        asked.batch or BATCH[asked.preset],
        rate,
        plain=asked.inputs == "plain",
        adversarial=asked.adversarial,
    )


def _folder(asked: Wish, plan: Plan, model: FaceModel) -> TrainingFolder:
    """The work folder; another plan, other photos or another model are another training."""
    from facekit.cli.training_folder import TrainingFolder

    told = {"plan": json.dumps(asdict(plan)), "data": asked.source, "model": model.digest}
    return TrainingFolder(asked.work or asked.target.with_suffix(".work"), told, plan.steps)


def _write(asked: Wish, plan: Plan, trained: TrainedInpainter, photos: int, examples: int) -> None:
    """Weights and card."""
    from facekit.files.atomic import write_text
    from facekit.files.weights import write_weights
    from facekit.stages.train_inpainter import inpainter_card

    command = f"facekit train-prior inpainter {asked.source} --preset {plan.preset} --input {asked.inputs}"
    command += f" --steps {plan.steps} --batch {plan.batch} --seed {plan.seed}"
    command += f" --adversarial {plan.adversarial:g}" if plan.adversarial else ""
    command += f" --begin {asked.begin.name}" if asked.begin is not None else ""
    write_weights(asked.target, trained.arrays, trained.settings | {"command": command}, asked.force)
    write_text(asked.card, inpainter_card(command, trained, photos, examples), asked.force)
    told = trained.score
    if told is not None:
        console.say(
            f"{asked.target}: off by {told.network:.1f} of 255, {told.linear:.1f} without the network"
        )
    if asked.as_json:
        score = asdict(told) if told is not None else None
        console.emit_json({"weights": asked.target, "card": asked.card, "seed": plan.seed, "score": score})
