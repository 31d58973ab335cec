"""facekit train-prior segmenter: the part of the command that is its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.training_options import TrainingWish, preset_option, result_options
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.cli.training_folder import TrainingFolder
    from facekit.segmentation.examples import Example
    from facekit.segmentation.network import Segmenter
    from facekit.stages.train_segmenter import Plan, TrainedSegmenter

FACES = 1050  # synthetic ones, where no data is given


@dataclass(frozen=True)
class Wish(TrainingWish):
    """What the user asked for."""

    NAME = "segmenter"

    synthetic: int | None
    data: Path | None
    preset: str
    steps: int | None
    batch: int | None
    start: Path | None
    bfloat16: bool
    model: str

    @property
    def source(self) -> str:
        """The option that names the data."""
        return f"--data {self.data.name}" if self.data else f"--synthetic {self.synthetic or FACES}"


@click.command("segmenter", short_help="A network that tells a face from what is before it.")
@click.option(
    "--synthetic",
    type=click.IntRange(2),
    metavar="N",
    help=f"Learn from photos of N invented people; {FACES} by default.",
)
@click.option(
    "--data",
    type=options.FILE,
    metavar="DIR",
    help="Learn from labelled photos instead: what synth photos --face-mask writes, or CelebAMask-HQ.",
)
@preset_option("Size of the network; paper is that of 3DFaceFill.")
@click.option("--steps", type=click.IntRange(1), help="Training steps; by default 20, 6000 or 50000.")
@click.option(
    "--batch", type=click.IntRange(1), help="Pictures that a step learns from; by default 2, 16 or 16."
)
@click.option("--start", type=options.FILE, metavar="FILE", help="Start from these weights, not from none.")
@click.option(
    "--bfloat16", is_flag=True, help="Multiply in half precision: twice as fast where the processor has it."
)
@result_options("segmenter")
def segmenter(**wish: Any) -> None:
    """Learn which pixels of a photo show the face, something before it, or neither.

    Hands, hair, scarves, masks, glasses, phones, cups and patches are drawn before the faces while it learns;
    a twentieth of the faces is kept for the test. Ctrl-C ends the run after the present step; the same
    command goes on from there.

    \b
    Examples:
      facekit train-prior segmenter --preset small --seed 0 -o segmenter.safetensors
      facekit train-prior segmenter --data CelebAMask-HQ/ --preset paper --device cuda
      facekit train-prior segmenter --start segmenter.safetensors --steps 500 -o better.safetensors
    """
    from facekit.files.atomic import refuse_overwrite
    from facekit.stages.train_segmenter import train_segmenter
    from facekit.train.distributed import joined

    asked = Wish(**wish)
    refuse_overwrite([asked.target, asked.card], asked.force)
    if asked.data is not None and asked.synthetic is not None:
        raise UsageError("give either --data or --synthetic, not both")
    seed, _ = console.chosen_seed(asked.seed)
    plan, start = _plan(asked, seed)
    device = console.torch_device(asked.device)
    work = _folder(asked, plan)
    resume = work.resume()
    faces = list(_given(asked.data) if asked.data else _synthetic(asked, seed))
    console.say(f"{len(faces)} faces, of which {_tested(len(faces))} are kept for the test")
    with joined(device) as group:
        report = work.reporter(0 if resume is None else int(resume["step"]))
        trained = train_segmenter(
            faces, plan, group, start=start, resume=resume, save=work.save, report=report
        )
        leads = group.leads
    if leads and trained.finished:
        _write(asked, plan, trained)
    elif leads:
        console.say(
            f"stopped after step {trained.step}; the same command with --seed {seed} goes on from there"
        )


def _plan(asked: Wish, seed: int) -> tuple[Plan, Segmenter | None]:
    """What to do, and the network to start from."""
    from facekit.files.weights import read_weights
    from facekit.segmentation.network import from_arrays
    from facekit.stages.train_segmenter import AGAIN, BATCH, RATE, STEPS, Plan, digest_of

    preset, rate, start, digest = asked.preset, RATE[asked.preset], None, ""
    if asked.start is not None:
        start = from_arrays(*read_weights(asked.start))
        digest, rate = digest_of(start), AGAIN * rate
    steps, batch = asked.steps or STEPS[preset], asked.batch or BATCH[preset]
    return Plan(preset, seed, steps, batch, rate, digest, bfloat16=asked.bfloat16), start


def _tested(count: int) -> int:
    from facekit.stages.train_segmenter import HELD_OUT

    return count // min(HELD_OUT, max(count, 1))


def _folder(asked: Wish, plan: Plan) -> TrainingFolder:
    """The work folder; another plan, other data or another face model are another training."""
    from facekit.cli.training_folder import TrainingFolder

    told = {"plan": json.dumps(asdict(plan)), "data": asked.source, "model": asked.model}
    return TrainingFolder(asked.folder, told, plan.steps)


def _synthetic(asked: Wish, seed: int) -> Iterator[list[Example]]:
    """The synthetic faces, from the work folder where they are already there."""
    from facekit.files.folder import make_folder
    from facekit.files.models import load_model
    from facekit.files.weights import read_weights, write_weights
    from facekit.segmentation.examples import from_arrays, to_arrays
    from facekit.stages.train_segmenter import synthetic_forms

    model, count, folder = load_model(asked.model), asked.synthetic or FACES, asked.folder / "faces"
    make_folder(folder)
    for index in console.progress(range(count), "faces", count):
        path = folder / f"{seed}_{index:06d}.safetensors"
        if not path.is_file():
            arrays = to_arrays(synthetic_forms(model, seed, index))
            # another process of the same training may have written the same by now
            write_weights(path, arrays, {"kind": "labelled face"}, force=True)
        yield from_arrays(read_weights(path)[0])


def _given(folder: Path) -> Iterator[list[Example]]:
    """The labelled photos of a folder; those without known landmarks are looked through for a face."""
    from facekit.errors import NoFaceError
    from facekit.files.labelled import labelled_faces, read_labelled
    from facekit.stages.detect import detect
    from facekit.stages.train_segmenter import labelled_form

    photos = labelled_faces(folder)
    for path, celeb in console.progress(photos, "photos", len(photos)):
        try:
            forms = []
            for one in read_labelled(path, celeb):
                marks = one.landmarks
                if marks is None:
                    marks = detect(one.image, one.occluder, scheme="ibug68")[0].points
                forms.append(labelled_form(one.image, one.face, one.occluder, marks))
            yield forms
        except NoFaceError:
            console.warn(f"{path}: no face found; left out")


def _write(asked: Wish, plan: Plan, trained: TrainedSegmenter) -> None:
    """Weights and card."""
    from facekit.files.atomic import write_text
    from facekit.files.weights import write_weights
    from facekit.stages.train_segmenter import segmenter_card

    command = f"facekit train-prior segmenter {asked.source} --preset {plan.preset} --steps {plan.steps}"
    command += f" --batch {plan.batch} --seed {plan.seed}"
    command += f" --start {asked.start.name}" if asked.start else ""
    command += " --bfloat16" if plan.bfloat16 else ""
    source = f"labelled photos of {asked.data.name}" if asked.data else "photos that facekit invents"
    write_weights(asked.target, trained.arrays, trained.settings | {"command": command}, asked.force)
    write_text(asked.card, segmenter_card(command, trained, source), asked.force)
    assert trained.scores is not None
    console.say(
        f"{asked.target}: overlap with the true occluders {trained.scores.occluder:.3f} on "
        f"{trained.scores.pictures} pictures not learned from"
    )
    if asked.as_json:
        told = {"weights": asked.target, "card": asked.card, "seed": plan.seed, "losses": trained.losses}
        console.emit_json(told | asdict(trained.scores))
