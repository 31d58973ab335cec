"""``facekit synth capture``: one invented person, filmed by a dome of cameras and by a headset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.avatar.capture import Capture

PRESET_NAMES = ("tiny", "small", "paper")


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    output: Path
    preset: str
    frames: int | None
    held_out: int | None
    cameras: int | None
    noise: float | None
    source: Path | None
    tests: tuple[str, ...]
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
    default=None,
    help="Errors of a landmark detector, standard deviation as a share of the picture; by default 0.003.",
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Convert a capture in the layout of the Multiface data set instead.",
)
@click.option(
    "--test-on",
    "tests",
    multiple=True,
    metavar="NAME",
    help="With --from: hold out the segments whose names begin so. Default: every sixth.",
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
    from facekit.files.folder import refuse_folder

    asked = Wish(**wish)
    refuse_folder(asked.output, asked.force)
    told = _invent(asked) if asked.source is None else _convert(asked, asked.source)
    if asked.as_json:
        console.emit_json({"folder": asked.output, **told})


def _invent(asked: Wish) -> dict[str, Any]:
    from facekit.files.capture import new_capture, refuse_lack
    from facekit.files.models import load_model
    from facekit.stages.synthesize import check_model
    from facekit.stages.synthesize_capture import PRESETS, film, plan_capture

    if asked.tests:
        raise UsageError("--test-on goes with --from; an invented person has segments of its own to test on")
    given = {
        "frames": asked.frames,
        "held_out": asked.held_out,
        "cameras": asked.cameras,
        "noise": asked.noise,
    }
    chosen: dict[str, Any] = {name: number for name, number in given.items() if number is not None}
    options = replace(PRESETS[asked.preset], **chosen)
    refuse_lack(asked.output, options.nbytes)
    face_model = load_model(asked.model)
    check_model(face_model)
    seed, generator = console.chosen_seed(asked.seed)
    plan = plan_capture(face_model, generator, options, subject=f"invented {seed}")
    step = console.this_step(seed, f"{face_model.name}@{face_model.digest[:12]}")
    with new_capture(asked.output, replace(plan.like, history=(step,)), asked.force) as made:
        for _ in console.progress(film(plan, made), "frames", len(made)):
            pass
    return {"seed": seed, **_say(asked, made)}


def _convert(asked: Wish, source: Path) -> dict[str, Any]:
    from facekit.files.capture import new_capture
    from facekit.files.multiface import read_multiface
    from facekit.stages.import_capture import ImportOptions, copy_frames, plan_import
    from facekit.stages.synthesize_capture import PRESETS

    if asked.held_out is not None or asked.noise is not None:
        raise UsageError("--held-out and --keypoint-noise are for invented people; with --from use --test-on")
    sizes = PRESETS[asked.preset]
    options = ImportOptions(sizes.texture, sizes.view[0], asked.cameras, asked.frames, asked.tests)
    plan = plan_import(read_multiface(source), options)
    with new_capture(asked.output, replace(plan.like, history=(console.this_step(),)), asked.force) as made:
        for _ in console.progress(copy_frames(plan, made), "frames", len(made)):
            pass
    return _say(asked, made)


def _say(asked: Wish, made: Capture) -> dict[str, Any]:
    """Tell the user what was written; the same as values."""
    training, held_out = len(made.frames("training")), len(made.frames("held-out"))
    cameras = len(made.views.names) if made.views else 0
    console.say(f"{asked.output}: {training} + {held_out} frames, {cameras} cameras")
    told = {"frames": training, "held_out": held_out, "cameras": cameras}
    return {**told, "segments": made.segments}
