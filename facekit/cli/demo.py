"""``facekit demo``: the main job on a photo that comes along."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from facekit.cli import console
from facekit.cli.options import force_option, output_option, verbosity_options

SEED = 1


@click.command()
@output_option("Folder to write into; facekit-demo by default.")
@click.option(
    "--mask", "kind", type=click.Choice(["sunglasses", "mouth", "side"]), default="mouth", show_default=True,
    help="What to hide.",
)  # fmt: skip
@force_option
@verbosity_options
def demo(output: Path | None, kind: str, force: bool) -> None:
    """Write a photo and a drawn mask, complete the face eight times, and say where to look.

    \b
    Example:
      facekit demo -o demo
    """
    from facekit.cli.complete import complete
    from facekit.cli.render import render
    from facekit.detection.schemes import to_ibug68
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.folder import make_folder, refuse_folder
    from facekit.files.images import write_image
    from facekit.stages.demo import demo_photo, draw_mask
    from facekit.stages.detect import detect

    folder = output or Path("facekit-demo")
    photo, mask = folder / "astronaut.png", folder / f"astronaut.{kind}.png"
    result, turn = folder / f"astronaut.{kind}.complete", folder / f"astronaut.{kind}.gif"
    refuse_overwrite([photo, mask, turn], force)
    refuse_folder(result, force)
    pixels = demo_photo()
    (landmarks,) = detect(pixels)
    hidden = draw_mask(kind, to_ibug68(landmarks).points, (pixels.shape[0], pixels.shape[1]))
    make_folder(folder)
    write_image(photo, pixels, force)
    write_image(mask, hidden, force)
    console.say(f"{photo}: Eileen Collins, NASA, public domain; {mask}: what is to be hidden, in white")
    lines = (
        (complete, [str(photo), "--occlusion", str(mask), "-n", "8", "-o", str(result), "--seed", str(SEED)]),
        (render, [str(result), "--turntable", str(turn), "--size", "320", "--frames", "40", "-o",
                  str(folder / f"astronaut.{kind}.render.png")]),
    )  # fmt: skip
    for command, arguments in lines:
        arguments = [*arguments, "--force"] if force else arguments
        line = [str(command.name), *arguments]
        console.say(f"\n$ {shlex.join(['facekit', *line])}")
        with console.acting_as(line):
            command.main(args=arguments, standalone_mode=False, prog_name=f"facekit {command.name}")
    console.say(f"\nLook at {result / 'report.html'} in a browser, and at {result / 'contact.png'}.")
