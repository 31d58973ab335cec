"""``facekit synth``: photos, motions and captures of invented people; the albedo prior."""

from __future__ import annotations

from dataclasses import dataclass
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
from facekit.cli.synth_capture import capture
from facekit.cli.synth_motion import motion
from facekit.cli.synth_occlude import occlude

OURS = ("[0-9][0-9][0-9][0-9][0-9].*",)  # what an earlier run left in the folder
OCCLUDERS = (
    "none", "glasses", "mask", "blob", "hand", "hair", "scarf", "phone", "cup", "microphone", "any",
)  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    n: int
    output: Path
    size: int
    occluder: str
    wild: float
    face_mask: bool
    model: str
    seed: int | None
    force: bool
    as_json: bool


@click.group()
def synth() -> None:
    """Make photos of synthetic faces, with the truth beside them, motions, and captures for avatars.

    \b
    Examples:
      facekit synth photos -n 100 -o faces/ --seed 1
      facekit synth photos -n 20 -o masked/ --occluder mask
      facekit synth motion -n 24 -o motions/
      facekit synth occlude *.jpg -o occluded/
      facekit synth capture -o anna/ --seed 1
    """


synth.add_command(motion)
synth.add_command(occlude)
synth.add_command(capture)


@synth.command(short_help="Write photos of invented people, with the truth beside them.")
@click.option("-n", "n", type=click.IntRange(1), default=10, show_default=True, help="How many photos.")
@click.option("-o", "--output", type=OUTPUT, required=True, metavar="FOLDER", help="Where the photos go.")
@click.option("--size", type=click.IntRange(64, 2048), default=512, show_default=True, help="Pixels a side.")
@click.option(
    "--occluder",
    type=click.Choice(OCCLUDERS),
    default="none",
    show_default=True,
    help="What hides part of each face; 'any' changes from photo to photo.",
)
@click.option(
    "--wild",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="0 a clean studio, 1 poor cameras, colour casts and compression.",
)
@click.option("--face-mask", is_flag=True, help="Also write NAME.face.png: white where the face is seen.")
@model_option
@seed_option
@force_option
@json_option
@verbosity_options
def photos(**wish: Any) -> None:
    """Write photos of invented people: NAME.png and NAME.truth.npz (mesh, camera, landmarks).

    With an occluder also NAME.occluded.png and NAME.mask.png (white = hidden); outside the mask the occluded
    photo is the photo. The NAMEs are 00000, 00001, ... With --face-mask the photos are data for facekit
    train-prior segmenter.
    """
    from facekit.files.atomic import atomic_folder
    from facekit.files.images import write_image
    from facekit.files.models import load_model
    from facekit.files.truth import write_truth
    from facekit.stages.synthesize import PhotoOptions, face_shown, synthesize, truth

    asked = Wish(**wish)
    n, output, occluder = asked.n, asked.output, None if asked.occluder == "none" else asked.occluder
    face_model, told = load_model(asked.model), []
    options = PhotoOptions(size=asked.size, occluder=occluder, wild=asked.wild)
    with atomic_folder(output, asked.force, OURS) as folder:
        seed, generator = console.chosen_seed(asked.seed)
        samples = synthesize(face_model, generator, n, options)
        for i, sample in enumerate(console.progress(samples, "photos", n)):
            files = {"photo": f"{i:05d}.png", "truth": f"{i:05d}.truth.npz"}
            write_image(folder / files["photo"], sample.photo.image)
            write_truth(folder / files["truth"], truth(face_model, sample))
            parts = [("occluded", sample.photo.occluded), ("mask", sample.photo.mask)]
            if asked.face_mask:
                parts.append(("face", face_shown(face_model, sample.photo)))
            for kind, pixels in parts:
                if pixels is not None:
                    files[kind] = f"{i:05d}.{kind}.png"
                    write_image(folder / files[kind], pixels)
            told.append({kind: output / name for kind, name in files.items()})
    console.say(f"{output}: {n} photo{'s' * (n > 1)}")
    if asked.as_json:
        console.emit_json({"folder": output, "seed": seed, "photos": told})


@synth.command()
@click.option("-o", "--output", type=OUTPUT, required=True, metavar="PATH", help="The .safetensors to write.")
@click.option("--people", type=click.IntRange(10), default=1400, show_default=True, help="Painted faces.")
@click.option("--modes", type=click.IntRange(1, 256), default=64, show_default=True, help="Modes to keep.")
@click.option("--size", type=click.IntRange(32, 1024), default=256, show_default=True, help="Texels a side.")
@model_option
@seed_option
@force_option
@json_option
@verbosity_options
def albedo(
    output: Path, people: int, modes: int, size: int, model: str, seed: int | None, force: bool, as_json: bool
) -> None:
    """Build the albedo prior for the texture chart of a face model.

    Paints many people and keeps their principal components. The shipped prior was made with --seed 7.
    """
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.models import load_model
    from facekit.files.weights import write_weights
    from facekit.morphable.albedo import chart_digest, to_arrays
    from facekit.stages.synthesize import check_model
    from facekit.synthetic.prior import build_albedo

    refuse_overwrite([output], force)
    face_model = load_model(model)
    check_model(face_model)
    seed, generator = console.chosen_seed(seed)
    ticks = console.progress(range(people), "faces", people)
    built, explained = build_albedo(
        face_model, generator, size=size, people=people, modes=modes, tick=lambda: next(ticks, None)
    )
    arrays, metadata = to_arrays(built)
    notes = {"explained": f"{explained:.4f}", "chart": chart_digest(face_model.topology)}
    write_weights(output, arrays, metadata | notes, force)
    console.say(f"{output}: {built.size} modes, {100 * explained:.1f} % of the variance")
    if as_json:
        console.emit_json({"weights": output, "modes": built.size, "explained": explained, "seed": seed})
