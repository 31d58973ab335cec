"""facekit train-prior pose: the part of the command that is its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.training_options import TrainingWish, preset_option, result_options

if TYPE_CHECKING:
    from facekit.records import Motion
    from facekit.stages.train_pose import Plan, TrainedPose


@dataclass(frozen=True)
class Wish(TrainingWish):
    """What the user asked for."""

    NAME = "pose"

    data: Path
    kind: str
    preset: str
    steps: int | None
    batch: int | None
    supervised: bool


@click.command("pose", short_help="A prior over bodies of which a headset sees head and hands.")
@click.argument("data", type=options.FILE, metavar="DATA")
@click.option(
    "--model",
    "kind",
    type=click.Choice(["flag", "realnvp", "vae"]),
    default="flag",
    show_default=True,
    help="FLAG, or what it is compared with: a flow that starts at z = 0, a conditional VAE.",
)
@preset_option("Size of the networks; paper is that of FLAG.")
@click.option("--steps", type=click.IntRange(1), help="Training steps; by default 200, 20000 or 100000.")
@click.option(
    "--batch",
    type=click.IntRange(1),
    help="Frames that a step learns from; by default 32, 128 or 1024.",
)
@click.option(
    "--supervised/--unsupervised",
    default=False,
    show_default=True,
    help="Whether inner blocks of FLAG's flow are supervised as well, as in the paper.",
)
@result_options("pose", model=False)
def pose(**wish: Any) -> None:
    """Learn how bodies move, from motion capture, so that head and hands are enough to move one.

    DATA is a motion file or a folder of them: AMASS, clips on one skeleton in an .npz, or what synth motion
    writes. Of its subjects, or kinds of motion where subjects are not known, a fifth is kept for facekit
    evaluate pose and a tenth for validation; of each kind that is trained on, a fifth of the takes. Ctrl-C
    ends the run after the present step; the same command goes on from there.

    \b
    Examples:
      facekit train-prior pose motions/ --seed 0 -o pose.safetensors
      facekit train-prior pose AMASS/ --model vae --preset paper -o vae.safetensors
    """
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.motion import read_motions
    from facekit.stages.train_pose import BATCH, RATE, STEPS, Plan, train_pose, training_part
    from facekit.train.distributed import joined

    asked = Wish(**wish)
    refuse_overwrite([asked.target, asked.card], asked.force)
    seed, _ = console.chosen_seed(asked.seed)
    preset = asked.preset
    plan = Plan(
        asked.kind,
        preset,
        seed,
        asked.steps or STEPS[preset],
        asked.batch or BATCH[preset],
        RATE[preset],
        asked.supervised,
    )
    device = console.torch_device(asked.device)
    motions = training_part(read_motions(asked.data))
    console.say(f"{len(motions)} clips to learn from")
    work = _folder(asked, plan, motions)
    resume = work.resume()
    with joined(device) as group:
        report = work.reporter(0 if resume is None else int(resume["step"]))
        trained = train_pose(motions, plan, group, resume=resume, save=work.save, report=report)
        leads = group.leads
    if leads and trained.finished:
        _write(asked, plan, trained, motions)
    elif leads:
        console.say(
            f"stopped after step {trained.step}; the same command with --seed {seed} goes on from there"
        )


def _folder(asked: Wish, plan: Plan, motions: list[Motion]) -> Any:
    """The work folder; another plan or other clips are another training."""
    from facekit.cli.training_folder import TrainingFolder

    clips = [f"{motion.subject}/{motion.clip}/{len(motion.root)}" for motion in motions]
    told = {"plan": json.dumps(asdict(plan)), "clips": json.dumps(clips)}
    return TrainingFolder(asked.work or asked.target.with_suffix(".work"), told, plan.steps)


def _write(asked: Wish, plan: Plan, trained: TrainedPose, motions: list[Motion]) -> None:
    """Weights and card."""
    from facekit.files.atomic import write_text
    from facekit.files.weights import write_weights
    from facekit.stages.train_pose import pose_card

    command = f"facekit train-prior pose {asked.data.name} --model {plan.kind} --preset {plan.preset}"
    command += f" --steps {plan.steps} --batch {plan.batch} --seed {plan.seed}"
    command += " --supervised" if plan.supervised else ""
    notes = {"command": command, "clips": json.dumps(sorted(motion.clip for motion in motions))}
    write_weights(asked.target, trained.arrays, trained.settings | notes, asked.force)
    write_text(asked.card, pose_card(command, trained, motions), asked.force)
    losses = ", ".join(f"{name} {value:.3f}" for name, value in trained.losses.items())
    console.say(f"{asked.target}: trained on {len(motions)} clips; last step: {losses}")
    if asked.as_json:
        told = {"weights": asked.target, "card": asked.card, "seed": plan.seed, "losses": trained.losses}
        console.emit_json(told)
