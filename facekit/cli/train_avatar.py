"""facekit train-prior avatar: the part of the command that is its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.training_options import TrainingWish, preset_option, result_options

if TYPE_CHECKING:
    from facekit.avatar.capture import Capture
    from facekit.avatar.models import Avatar
    from facekit.stages.train_avatar import Plan, TrainedAvatar


@dataclass(frozen=True)
class Wish(TrainingWish):
    """What the user asked for."""

    NAME = "avatar"

    data: Path
    base: Path | None
    model: str
    signal: str
    preset: str
    steps: int | None
    batch: int | None
    latent_weight: float | None
    cycle: bool
    decode_prior: bool


@click.command("avatar", short_help="An avatar of one person, driven by a headset or by keypoints.")
@click.argument("data", type=options.FILE, metavar="CAPTURE")
@click.option(
    "--model",
    type=click.Choice(["dam", "dam-enc", "dam-reg", "lip-kl", "lip-flow", "dam-flow"]),
    default="lip-flow",
    show_default=True,
    help="LiP-Flow, or one of the models that it is compared with.",
)
@click.option(
    "--signal",
    type=click.Choice(["hmc", "kpt"]),
    default="kpt",
    show_default=True,
    help="What drives: pictures of a headset's cameras, or two-dimensional keypoints.",
)
@preset_option("Size of the networks; paper is that of LiP-Flow.")
@click.option("--base", type=options.FILE, metavar="FILE", help="For dam-reg: the trained dam.")
@click.option("--steps", type=click.IntRange(1), help="Training steps; by default 60, 800 or 200000.")
@click.option("--batch", type=click.IntRange(2), help="Views that a step learns from; by default 8 or 16.")
@click.option("--latent-weight", type=click.FloatRange(0), help="Weight of the latent term, by model.")
@click.option(
    "--cycle/--no-cycle",
    default=True,
    show_default=True,
    help="For lip-flow: decode latents that went through the flow and back.",
)
@click.option("--decode-prior", is_flag=True, help="For lip-flow: decode samples of the prior as well.")
@result_options("avatar", model=False)
def avatar(**wish: Any) -> None:
    """Learn one person's face from a capture, together with what a driving signal says of it.

    CAPTURE is a folder as synth capture writes it. Held-out frames choose the weights and end the run where
    they bring no more progress. Ctrl-C ends the run after the present step; the same command goes on from
    there. With several processes (-- keeps torchrun from reading --signal):
    torchrun --no-python --nproc-per-node 2 -- facekit train-prior avatar ...

    \b
    Examples:
      facekit train-prior avatar capture/ --signal kpt --seed 0 -o subject.safetensors
      facekit train-prior avatar capture/ --model dam --seed 0 -o dam.safetensors
      facekit train-prior avatar capture/ --model dam-reg --base dam.safetensors -o reg.safetensors
    """
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.capture import read_capture
    from facekit.stages.train_avatar import refuse, train_avatar
    from facekit.train.distributed import joined

    asked = Wish(**wish)
    refuse_overwrite([asked.target, asked.card], asked.force)
    seed, _ = console.chosen_seed(asked.seed)
    plan, device = _plan(asked, seed), console.torch_device(asked.device)
    capture, base = read_capture(asked.data), _base(asked)
    refuse(capture, plan, base)
    count = len(capture.frames("training"))
    console.say(f"{capture.subject}: {count} frames to learn from, {len(capture) - count} held out")
    work = _folder(asked, plan, capture)
    resume = work.resume()
    with joined(device) as group:
        report = work.reporter(0 if resume is None else int(resume["step"]))
        trained = train_avatar(capture, plan, group, base=base, resume=resume, save=work.save, report=report)
        leads = group.leads
    if leads and trained.finished:
        _write(asked, plan, trained, capture)
    elif leads:
        console.say(
            f"stopped after step {trained.step}; the same command with --seed {seed} goes on from there"
        )


def _plan(asked: Wish, seed: int) -> Plan:
    from facekit.stages.train_avatar import BATCH, RATE, STEPS, Plan, weights_of

    weights, preset = weights_of(asked.model, asked.signal), asked.preset
    if asked.latent_weight is not None:
        ratio = bool(weights.entropy) * asked.latent_weight
        weights = replace(weights, latent=asked.latent_weight, entropy=ratio)
    steps, batch = asked.steps or STEPS[preset], asked.batch or BATCH[preset]
    sizes = (preset, seed, steps, batch, RATE[preset])
    return Plan(asked.model, asked.signal, *sizes, weights, asked.cycle, asked.decode_prior)


def _base(asked: Wish) -> Avatar | None:
    from facekit.avatar.avatar_files import from_arrays
    from facekit.files.weights import read_weights

    if asked.base is None:
        return None
    return from_arrays(*read_weights(asked.base), str(asked.base))[0]


def _folder(asked: Wish, plan: Plan, capture: Capture) -> Any:
    """The work folder; another plan or another capture is another training."""
    from facekit.cli.training_folder import TrainingFolder

    told = {"plan": json.dumps(asdict(plan)), "capture": f"{capture.subject}/{len(capture)}"}
    return TrainingFolder(asked.work or asked.target.with_suffix(".work"), told, plan.steps)


def _write(asked: Wish, plan: Plan, trained: TrainedAvatar, capture: Capture) -> None:
    """Weights and card."""
    from facekit.files.atomic import write_text
    from facekit.files.weights import write_weights
    from facekit.stages.train_avatar import avatar_card

    command = _command(asked, plan)
    write_weights(asked.target, trained.arrays, trained.settings | {"command": command}, asked.force)
    write_text(asked.card, avatar_card(command, trained, plan, capture), asked.force)
    console.say(
        f"{asked.target}: {trained.step} steps; loss on held-out frames {trained.held_out:.4f} "
        f"(step {trained.best_step})"
    )
    if asked.as_json:
        told = {"weights": asked.target, "card": asked.card, "seed": plan.seed, "losses": trained.losses}
        console.emit_json(told | {"held_out": trained.held_out, "fit": trained.fit})


def _command(asked: Wish, plan: Plan) -> str:
    """The command that makes the same weights again."""
    command = f"facekit train-prior avatar {asked.data.name} --model {plan.model} --signal {plan.signal}"
    command += f" --preset {plan.preset} --steps {plan.steps} --batch {plan.batch} --seed {plan.seed}"
    command += "" if asked.base is None else f" --base {asked.base.name}"
    command += "" if asked.latent_weight is None else f" --latent-weight {asked.latent_weight:g}"
    command += "" if plan.cycle else " --no-cycle"
    return command + (" --decode-prior" if plan.decode_prior else "")
