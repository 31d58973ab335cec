"""facekit train-prior face-encoder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.training_options import TrainingWish, preset_option, result_options
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.cli.face_lessons import Sources
    from facekit.morphable.model import FaceModel
    from facekit.stages.train_face_encoder import Plan, TrainedEncoder

PEOPLE = {"tiny": 40, "small": 4000, "paper": 40_000}  # synthetic ones, where nothing else is said


@dataclass(frozen=True)
class Wish(TrainingWish):
    """What the user asked for."""

    NAME = "face-encoder"

    start: Path | None
    model: str
    preset: str
    synthetic: int | None
    data: Path | None
    photos: Path | None
    steps: int | None
    batch: int | None
    rate: float | None
    describe: bool

    @property
    def source(self) -> str:
        """The data as options."""
        given = {"--data": self.data, "--photos": self.photos}
        named = [f"{option} {path.name}" for option, path in given.items() if path is not None]
        return " ".join(named) or f"--synthetic {self.synthetic or PEOPLE[self.preset]}"


@click.command("face-encoder", short_help="A network that finds pose, light, shape and skin of a face.")
@click.option(
    "--synthetic",
    type=click.IntRange(20),
    metavar="N",
    help="Learn from N synthetic faces, made into the work folder; by default 40, 4000 or 40000.",
)
@click.option(
    "--data",
    type=options.FILE,
    metavar="DIR",
    help="Learn from known faces instead: what synth photos has written, or 300W-LP.",
)
@click.option(
    "--photos",
    type=options.FILE,
    metavar="DIR",
    help="Second stage: learn from photos of any faces by drawing them again; needs --from.",
)
@click.option("--from", "start", type=options.FILE, metavar="FILE", help="Weights to start from.")
@preset_option("Size of the networks; paper is that of 3DFaceFill.")
@click.option("--steps", type=click.IntRange(1), help="Training steps; by default 100, 6000 or 100000.")
@click.option(
    "--batch", type=click.IntRange(1), help="Faces that a step learns from; by default 8, 24 or 28."
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Learning rate; by default 2e-3, 2e-3 or 1e-4, a tenth of it with --photos.",
)
@click.option(
    "--describe", is_flag=True, help="Print the networks of 3DFaceFill and their sizes; train none."
)
@result_options("face-encoder")
def face_encoder(**wish: Any) -> None:
    """Train the 3DMM encoder and albedo decoder of 3DFaceFill: from a crop to pose, light, shape and skin.

    Parts of the faces are hidden from it with rectangles and occluders that grow, so that it works without
    them. Ctrl-C ends the run after the present step; the same command goes on from there. With several
    processes: torchrun --no-python --nproc-per-node 2 facekit train-prior face-encoder ...

    \b
    Examples:
      facekit train-prior face-encoder --synthetic 4000 --seed 0 -o encoder.safetensors
      facekit train-prior face-encoder --data 300W_LP/ --from encoder.safetensors -o more.safetensors
      facekit train-prior face-encoder --photos holiday/ --from encoder.safetensors -o mine.safetensors
      facekit train-prior face-encoder --describe
    """
    from facekit.cli.face_lessons import gather
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.models import load_model
    from facekit.files.weights import read_weights
    from facekit.stages.train_face_encoder import train_face_encoder
    from facekit.train.distributed import joined

    asked = Wish(**wish)
    if asked.describe:
        _describe(asked)
        return
    _check(asked)
    refuse_overwrite([asked.target, asked.card], asked.force)
    seed, _ = console.chosen_seed(asked.seed)
    plan = _plan(asked, seed)
    device, model = console.torch_device(asked.device), load_model(asked.model)
    start = None if asked.start is None else read_weights(asked.start)
    work = _folder(asked, plan, model)
    resume = work.resume()
    lessons = gather(_sources(asked), plan, model)
    console.say(f"{len(lessons)} faces to learn from")
    with joined(device) as group:
        report = work.reporter(0 if resume is None else int(resume["step"]))
        steps = {"resume": resume, "save": work.save, "report": report}
        trained = train_face_encoder(model, lessons, plan, group, start=start, **steps)
        leads = group.leads
    if leads and trained.finished:
        _write(asked, plan, trained, model, len(lessons))
    elif leads:
        console.say(
            f"stopped after step {trained.step}; the same command with --seed {seed} goes on from there"
        )


def _check(asked: Wish) -> None:
    """Before any work: options that cannot go together."""
    if sum(given is not None for given in (asked.synthetic, asked.data, asked.photos)) > 1:
        raise UsageError("give one of --synthetic, --data and --photos")
    if asked.photos is not None and asked.start is None:
        raise UsageError(
            "photos alone do not say what a face is; give --from the weights of a training on known faces"
        )


def _plan(asked: Wish, seed: int) -> Plan:
    from facekit.stages.train_face_encoder import BATCHES, RATES, SLOWER, STEPS, Plan

    preset, second = asked.preset, asked.photos is not None
    rate = asked.rate or RATES[preset] * (SLOWER if second else 1.0)
    steps, batch = asked.steps or STEPS[preset], asked.batch or BATCHES[preset]
    return Plan(preset, seed, steps, batch, rate, second)


def _folder(asked: Wish, plan: Plan, model: FaceModel) -> Any:
    """The work folder; another plan, other data or another model are another training."""
    from facekit.cli.training_folder import TrainingFolder

    started = "" if asked.start is None else asked.start.name
    told = {"plan": json.dumps(asdict(plan)), "data": asked.source, "model": model.digest, "from": started}
    return TrainingFolder(asked.folder, told, plan.steps)


def _sources(asked: Wish) -> Sources:
    from facekit.cli.face_lessons import Sources

    count = asked.synthetic or PEOPLE[asked.preset]
    return Sources(asked.data, asked.photos, count, asked.folder)


def _describe(asked: Wish) -> None:
    """The five networks of 3DFaceFill, their parameters beside those that the paper says."""
    from facekit.networks.blocks import parameter_count
    from facekit.networks.counts import NETWORKS, build

    rows = {name: (known, parameter_count(build(name))) for name, known in NETWORKS.items()}
    if asked.as_json:
        told = {n: {"table": k.table, "parameters": c, "paper": k.paper * 1e6} for n, (k, c) in rows.items()}
        console.emit_json({"networks": told})
        return
    for known, count in rows.values():
        console.say(
            f"Table {known.table}, {known.title}: {count / 1e6:.2f} million parameters "
            f"(the paper: {known.paper:g})"
        )


def _write(asked: Wish, plan: Plan, trained: TrainedEncoder, model: FaceModel, faces: int) -> None:
    """Weights and card."""
    from facekit.files.atomic import write_text
    from facekit.files.weights import write_weights
    from facekit.stages.train_face_encoder import encoder_card

    command = f"facekit train-prior face-encoder {asked.source} --preset {plan.preset}"
    command += "" if asked.start is None else f" --from {asked.start.name}"
    command += f" --steps {plan.steps} --batch {plan.batch} --rate {plan.rate:g} --seed {plan.seed}"
    notes = {"command": command, "model": model.name, "model_sha256": model.digest}
    write_weights(asked.target, trained.arrays, trained.settings | notes, asked.force)
    write_text(asked.card, encoder_card(command, trained, model, faces), asked.force)
    scores = trained.scores["nothing"]
    console.say(
        f"{asked.target}: on faces not learned from {scores.rotation:.1f} degrees, landmarks "
        f"{100 * scores.landmarks:.1f} % of the face, shape {scores.shape:.2f} mm "
        f"(mean face {scores.mean_face:.2f} mm)"
    )
    if asked.as_json:
        told = {name: asdict(values) for name, values in trained.scores.items()}
        console.emit_json({"weights": asked.target, "card": asked.card, "seed": plan.seed, "scores": told})
