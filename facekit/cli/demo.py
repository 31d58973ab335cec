"""``facekit demo``: the main job on a photo that comes along, or an avatar that moves."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from facekit.cli import console
from facekit.cli.options import force_option, json_option, output_option, verbosity_options
from facekit.errors import UsageError

SEED = 1


@click.command()
@output_option("Folder to write into; facekit-demo by default.")
@click.option(
    "--mask",
    "kind",
    type=click.Choice(["sunglasses", "mouth", "side"]),
    help="What to hide; mouth by default.",
)
@click.option("--avatar", is_flag=True, help="Move the face of the avatar that comes along instead.")
@force_option
@json_option
@verbosity_options
def demo(output: Path | None, kind: str | None, avatar: bool, force: bool, as_json: bool) -> None:
    """Write a photo and a drawn mask, complete the face eight times, and say where to look.

    With --avatar, write keypoints of a face that talks and laughs, move an invented person's avatar by them,
    and say where to look and how to move it by a film of your own.

    \b
    Examples:
      facekit demo -o demo
      facekit demo --avatar -o demo
    """
    folder = output or Path("facekit-demo")
    if not avatar:
        _complete(folder, kind or "mouth", force, as_json)
    elif kind is not None:
        raise UsageError("--mask hides part of a photo, and --avatar takes none; leave one of them out")
    else:
        _move(folder, force, as_json)


def _complete(folder: Path, kind: str, force: bool, as_json: bool) -> None:
    """The photo, its mask, the completions and a turntable of them."""
    from facekit.cli.complete import complete
    from facekit.cli.render import render
    from facekit.files.reading import read_json

    photo, mask, picture = (folder / f"astronaut{end}.png" for end in ("", f".{kind}", f".{kind}.render"))
    result, turn = folder / f"astronaut.{kind}.complete", folder / f"astronaut.{kind}.gif"
    _refuse([photo, mask, picture, turn], result, force)
    _write_inputs(kind, photo, mask, force)
    console.say(f"{photo}: Eileen Collins, NASA, public domain; {mask}: what is to be hidden, in white")
    seed = ["-n", "8", "--seed", str(SEED)]
    _run(complete, [str(photo), "--occlusion", str(mask), "-o", str(result), *seed], force)
    size = ["--size", "320", "--frames", "40"]
    _run(render, [str(result), "--turntable", str(turn), "-o", str(picture), *size], force)
    console.say(f"\nLook at {result / 'report.html'} in a browser, and at {result / 'contact.png'}.")
    if as_json:
        told = {"photo": photo, "mask": mask, "folder": result, "picture": picture, "turntable": turn}
        console.emit_json({**told, "report": read_json(result / "report.json")})


def _move(folder: Path, force: bool, as_json: bool) -> None:
    """Keypoints, and what the avatar does by them."""
    from facekit.cli.drive import drive
    from facekit.files.assets import asset
    from facekit.files.folder import make_folder
    from facekit.files.keypoints import read_keypoints, write_keypoints
    from facekit.files.reading import read_json

    points, result = folder / "keypoints.npz", folder / "avatar"
    _refuse([points], result, force)
    make_folder(folder)
    write_keypoints(points, read_keypoints(asset("person.npz")), force)
    console.say(f"{points}: keypoints of an invented face that talks, shouts, laughs and blinks")
    _run(drive, ["person", "--by", str(points), "-o", str(result)], force)
    console.say(f"\nLook at {result / 'face.mp4'} and {result / 'faces.png'}: keypoints, front, side.")
    console.say("To move it by a face that you filmed:\n$ facekit drive person --by film.mp4")
    if as_json:
        told = {"keypoints": points, "folder": result, "video": result / "face.mp4"}
        console.emit_json({**told, "report": read_json(result / "report.json")})


def _refuse(files: list[Path], result: Path, force: bool) -> None:
    """Before any work: raise UsageError, UnreadableError where the results cannot be written."""
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.folder import refuse_folder

    refuse_overwrite(files, force)
    refuse_folder(result, force)


def _write_inputs(kind: str, photo: Path, mask: Path, force: bool) -> None:
    """The photo, and a mask drawn where its landmarks are."""
    from facekit.detection.schemes import to_ibug68
    from facekit.files.folder import make_folder
    from facekit.files.images import write_image
    from facekit.stages.demo import demo_photo, draw_mask
    from facekit.stages.detect import detect

    pixels = demo_photo()
    (landmarks,) = detect(pixels)
    hidden = draw_mask(kind, to_ibug68(landmarks).points, (pixels.shape[0], pixels.shape[1]))
    make_folder(photo.parent)
    write_image(photo, pixels, force)
    write_image(mask, hidden, force)


def _run(command: click.Command, arguments: list[str], force: bool) -> None:
    """Show a command line and run it."""
    line = [str(command.name), *arguments, *(["--force"] if force else [])]
    console.say(f"\n$ {shlex.join(['facekit', *line])}")
    with console.acting_as(line):
        command.main(args=line[1:], standalone_mode=False, prog_name=f"facekit {command.name}")
