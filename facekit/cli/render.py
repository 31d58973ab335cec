"""``facekit render``: a face from any side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console
from facekit.cli.options import (
    FILE,
    force_option,
    json_option,
    output_option,
    pitch_option,
    stem,
    verbosity_options,
    yaw_option,
)
from facekit.errors import UsageError, WrongKindError

if TYPE_CHECKING:
    from facekit.stages.render import Subject

FPS = 25


@dataclass(frozen=True)
class Wish:
    """What the user asked for; angles in radians."""

    source: Path
    index: int
    yaw: float
    pitch: float
    views: int | None
    size: int
    turntable: Path | None
    frames: int
    output: Path | None
    force: bool
    as_json: bool


@click.command()
@click.argument("source", type=FILE, metavar="FIT|ENSEMBLE|FOLDER|MESH")
@click.option("--index", type=click.IntRange(0), default=0, show_default=True, help="Which completion.")
@yaw_option
@pitch_option
@click.option(
    "--views", type=click.IntRange(2, 15), metavar="N",
    help="Draw N views side by side instead, from 60 degrees on one side to 60 on the other.",
)  # fmt: skip
@click.option("--size", type=click.IntRange(16, 4096), default=512, show_default=True, help="Pixels a side.")
@click.option("--turntable", type=FILE, metavar="VIDEO", help="Write a turning head (.gif or .mp4) as well.")
@click.option(
    "--frames", type=click.IntRange(2, 1000), default=60, show_default=True, help="Of the turntable."
)
@output_option("Picture to write; NAME.render.png beside the source by default.")
@force_option
@json_option
@verbosity_options
def render(**wish: Any) -> None:
    """Draw a fit, a completion or a mesh from any side.

    \b
    Examples:
      facekit render face.fit.npz --yaw 40
      facekit render face.complete --index 3 --turntable turn.gif
      facekit render face.complete --views 5 -o views.png
    """
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.images import check_image_suffix, write_image
    from facekit.files.video import SUFFIXES, check_video_suffix, write_video
    from facekit.stages import render as stage

    asked = Wish(**wish)
    if asked.views is not None and asked.yaw:
        raise UsageError("--views has turns of its own; leave out --yaw")
    picture = asked.output or asked.source.with_name(stem(asked.source) + ".render.png")
    if picture.suffix.lower() in SUFFIXES:
        raise UsageError(f"{picture} is a video; give it with --turntable")
    check_image_suffix(picture)
    targets = [picture]
    if asked.turntable is not None:
        check_video_suffix(asked.turntable)
        targets.append(asked.turntable)
    refuse_overwrite(targets, asked.force)
    subject = read_subject(asked.source, asked.index)
    if asked.views is None:
        pixels = stage.render(subject, asked.yaw, asked.pitch, asked.size)
    else:
        pixels = stage.views(subject, asked.views, asked.pitch, asked.size)
    write_image(picture, pixels, asked.force)
    console.say(f"{picture}: completion {asked.index}" if asked.index else f"{picture}")
    told: dict[str, object] = {"source": asked.source, "index": asked.index, "picture": picture}
    if asked.turntable is not None:
        turn = stage.turntable(subject, asked.pitch, asked.size, asked.frames)
        write_video(asked.turntable, console.progress(turn, "turning", asked.frames), FPS, asked.force)
        console.say(f"{asked.turntable}: {asked.frames} pictures")
        told |= {"turntable": asked.turntable, "frames": asked.frames, "fps": FPS}
    if asked.as_json:
        console.emit_json(told)


def read_subject(source: Path, index: int) -> Subject:
    """The mesh that a file or a folder of ``complete`` holds. Raises UsageError, WrongKindError,
    UnreadableError.
    """
    from facekit.files.meshes import SUFFIXES, read_mesh
    from facekit.files.npz import read_any
    from facekit.records import Ensemble, Fit
    from facekit.stages.render import Subject

    if source.is_dir():
        mesh_path = source / f"face_{index:02d}.obj"
        if not mesh_path.is_file():
            raise UsageError(
                f"the folder {source} has no {mesh_path.name}; give a folder that complete wrote"
            )
        source = mesh_path
    if source.suffix.lower() in SUFFIXES:
        mesh = read_mesh(source)
        return Subject(mesh.vertices, mesh.faces, mesh.uv, mesh.uv_faces, mesh.texture)
    record = read_any(source)
    if isinstance(record, Fit):
        return Subject(record.vertices, record.faces)
    if isinstance(record, Ensemble):
        if index >= len(record.vertices):
            raise UsageError(f"{source} has {len(record.vertices)} faces; --index {index} is too large")
        return Subject(record.vertices[index], record.faces)
    raise WrongKindError(
        f"{source} holds {record.KIND}, not a face; give a fit, an ensemble, a mesh or a folder"
    )
