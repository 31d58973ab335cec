"""facekit synth occlude: things before the faces of whole photos."""

from __future__ import annotations

import json
from pathlib import Path

import click

from facekit.cli import console
from facekit.cli.options import (
    OUTPUT,
    force_option,
    json_option,
    photos_argument,
    seed_option,
    verbosity_options,
)
from facekit.errors import UsageError

KINDS = ("hand", "hair", "scarf", "cloth", "phone", "cup", "microphone", "patch", "glasses")
OURS = ("*.png", "occluders.json")
ENDINGS = {"photo": "", "occluded": ".occluded", "mask": ".mask"}


@click.command(short_help="Draw something before the faces of photos, and the mask of it.")
@photos_argument
@click.option(
    "--occluder",
    type=click.Choice((*KINDS, "any")),
    default="any",
    show_default=True,
    help="What is drawn; 'any' changes from photo to photo.",
)
@click.option("-o", "--output", type=OUTPUT, required=True, metavar="FOLDER", help="Where the photos go.")
@seed_option
@force_option
@json_option
@verbosity_options
def occlude(
    photos: tuple[Path, ...], occluder: str, output: Path, seed: int | None, force: bool, as_json: bool
) -> None:
    """Draw something before the largest face of each PHOTO: NAME.occluded.png, NAME.mask.png (white = hidden)
    and NAME.png, the photo as it was; occluders.json says what hides which. Data for facekit evaluate
    occlusion.

    \b
    Example:
      facekit synth occlude *.jpg --occluder hand -o occluded/
    """
    import torch

    from facekit.detection.schemes import to_ibug68
    from facekit.files.atomic import atomic_folder, write_text
    from facekit.files.cases import LIST
    from facekit.files.images import read_photo, write_image
    from facekit.stages.detect import detect
    from facekit.stages.occlude import occlude as draw

    names = [path.stem for path in photos]
    if len(set(names)) < len(names):
        raise UsageError("two photos have the same name; rename one")
    told = []
    with atomic_folder(output, force, OURS) as folder:
        seed, _ = console.chosen_seed(seed)
        for i, path in enumerate(console.progress(photos, "photos", len(photos))):
            with console.naming(path):
                whole = read_photo(path).pixels
                (landmarks,) = detect(whole)
                generator = torch.Generator().manual_seed(seed * 1000 + i)
                covered, hidden, kind = draw(whole, to_ibug68(landmarks).points, occluder, generator)
            files = {what: f"{path.stem}{end}.png" for what, end in ENDINGS.items()}
            write_image(folder / files["photo"], whole)
            write_image(folder / files["occluded"], covered)
            write_image(folder / files["mask"], hidden)
            told.append({"occluder": kind, **{what: output / name for what, name in files.items()}})
        kinds = {name: str(one["occluder"]) for name, one in zip(names, told, strict=True)}
        write_text(folder / LIST, json.dumps(kinds, indent=2) + "\n")
    console.say(f"{output}: {len(photos)} photo{'s' * (len(photos) > 1)}")
    if as_json:
        console.emit_json({"folder": output, "seed": seed, "photos": told})
