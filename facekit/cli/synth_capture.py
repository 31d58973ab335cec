"""``facekit synth capture``: one invented person, filmed by a dome of cameras and by a headset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from facekit.cli import console
from facekit.cli.options import (
    OUTPUT,
    force_option,
    json_option,
    model_option,
    seed_option,
    verbosity_options,
)

PRESET_NAMES = ("tiny", "small", "paper")


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    output: Path
    preset: str
    frames: int | None
    held_out: int | None
    cameras: int | None
    noise: float
    model: str
    seed: int | None
    force: bool
    as_json: bool


@click.command(short_help="One invented person, filmed by many cameras and a headset.")
@click.option("-o", "--output", type=OUTPUT, required=True, metavar="FOLDER", help="Where the capture goes.")
@click.option(
    "--preset",
    type=click.Choice(PRESET_NAMES),
    default="small",
    show_default=True,
    help="Sizes of pictures and textures, and the numbers below where they are not given.",
)
@click.option("--frames", type=click.IntRange(3), default=None, help="Frames to train on.")
@click.option(
    "--held-out", type=click.IntRange(0), default=None, help="Frames of other expressions to test on."
)
@click.option("--cameras", type=click.IntRange(1, 200), default=None, help="Cameras of the dome.")
@click.option(
    "--keypoint-noise",
    "noise",
    type=click.FloatRange(0, 0.1),
    default=0.0,
    show_default=True,
    help="Errors of a landmark detector, standard deviation as a share of the picture.",
)
@model_option
@seed_option
@force_option
@json_option
@verbosity_options
def capture(**wish: Any) -> None:
    """Write a capture to train an avatar on: one person, many expressions.

    The folder holds meshes, mean textures, views of all cameras with their masks, grey pictures of a headset
    (mouth, left eye, right eye) with its pose, and 2D keypoints. Held-out frames show segments and mixtures
    of expressions that the others do not.

    \b
    small:  600 + 120 frames, 8 cameras of 128 x 128, textures 128 x 128, headset 48 x 64
    tiny:   60 + 20 frames, 4 cameras of 48 x 48, textures 32 x 32, headset 24 x 32
    paper:  10000 + 500 frames, 40 cameras of 2048 x 1334, textures 1024 x 1024, headset 480 x 640

    \b
    Example:
      facekit synth capture -o anna/ --seed 1
    """
    from facekit.files.capture import new_capture
    from facekit.files.folder import refuse_folder
    from facekit.files.models import load_model
    from facekit.stages.synthesize_capture import PRESETS, film, plan_capture

    asked = Wish(**wish)
    given = {"frames": asked.frames, "held_out": asked.held_out, "cameras": asked.cameras}
    chosen: dict[str, Any] = {name: number for name, number in given.items() if number is not None}
    options = replace(PRESETS[asked.preset], noise=asked.noise, **chosen)
    refuse_folder(asked.output, asked.force)
    face_model = load_model(asked.model)
    seed, generator = console.chosen_seed(asked.seed)
    plan = plan_capture(face_model, generator, options, subject=f"invented {seed}")
    step = console.this_step(seed, f"{face_model.name}@{face_model.digest[:12]}")
    with new_capture(asked.output, replace(plan.like, history=(step,)), asked.force) as made:
        for _ in console.progress(film(plan, made), "frames", len(made)):
            pass
    console.say(f"{asked.output}: {options.frames} + {options.held_out} frames, {options.cameras} cameras")
    if asked.as_json:
        told = {"folder": asked.output, "seed": seed, "frames": options.frames, "held_out": options.held_out}
        console.emit_json({**told, "cameras": options.cameras, "segments": plan.like.segments})
