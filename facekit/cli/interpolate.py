"""facekit diversify interpolate."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.inputs import model_of
from facekit.cli.networks import given_network, network_of
from facekit.completion.names import METHODS
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.records import Ensemble, Fit

SUFFIX = ".between.ensemble.npz"


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    first: str
    second: str
    steps: int
    weights: Path | None
    output: Path | None
    mesh_dir: Path | None
    model: str | None
    force: bool
    as_json: bool


@click.command(short_help="Make the faces between two of them.")
@click.argument("first", metavar="A[:NUMBER]")
@click.argument("second", metavar="B[:NUMBER]")
@click.option(
    "--steps",
    type=click.IntRange(2, 256),
    default=8,
    show_default=True,
    help="How many faces, A and B among them.",
)
@options.weights_option
@options.output_option("The faces, NAME.between.ensemble.npz beside A by default.")
@options.mesh_dir_option
@click.option("--model", default=None, metavar="NAME|PATH", help="Face model of A and B, if not the default.")
@options.force_option
@options.json_option
@options.verbosity_options
def interpolate(**wish: Any) -> None:
    """Make the faces between A and B, each a fit or, by its number, one face of an ensemble.

    Faces of the mesh VAE, and with --weights any, are interpolated in its latents; others in the codes of
    the face model.

    \b
    Examples:
      facekit diversify interpolate photo.ensemble.npz:1 photo.ensemble.npz:5 --steps 8
      facekit diversify interpolate anna.fit.npz ben.fit.npz --mesh-dir between/
    """
    from facekit.cli.diversify import mesh_paths, write_meshes
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.npz import write_record
    from facekit.stages.interpolate import interpolate as run

    asked = Wish(**wish)
    (path, one, i), (_, other, j) = _end(asked.first), _end(asked.second)
    target = options.output_path(path, SUFFIX, asked.output)
    name = options.stem(target).removesuffix(".between") + "_between"
    meshes = mesh_paths(asked.mesh_dir, name, asked.steps)
    refuse_overwrite([target, *meshes], asked.force)
    model = model_of(asked.model, one)
    network = given_network(asked.weights, model)
    if network is None and (method := _by_network(one, other)):
        network = network_of(method, None, model)
    ensemble = run(one, other, asked.steps, model, (i, j), network)
    step = console.this_step(None, f"{one.model}@{one.model_sha256[:12]}")
    ensemble = replace(ensemble, history=(*ensemble.history, step))
    write_record(target, ensemble, asked.force)
    write_meshes(meshes, ensemble, model, asked.force)
    stats = json.loads(ensemble.stats)
    longest = max(stats["step_mm"])
    console.say(f"{target}: {asked.steps} faces, at most {longest:.2f} mm from one to the next")
    if asked.as_json:
        console.emit_json({"ensemble": target, "meshes": meshes, **stats})


def _by_network(*ends: Fit | Ensemble) -> str | None:
    """The method of the first end that the mesh VAE made."""
    methods = [getattr(end, "method", "") for end in ends]
    return next((name for name in methods if name in METHODS and METHODS[name].network), None)


def _end(text: str) -> tuple[Path, Fit | Ensemble, int]:
    """The file, its record, and which of its faces is meant."""
    from facekit.files.npz import read_any
    from facekit.records import Ensemble, Fit

    numbered = re.fullmatch(r"(.+):(\d+)", text)
    if numbered is None or Path(text).exists():
        path, number = Path(text), None
    else:
        path, number = Path(numbered[1]), int(numbered[2])
    record = read_any(path)
    if isinstance(record, Fit):
        if number is not None:
            raise UsageError(f"{path} is a fit, one face; leave out the :{number}")
        return path, record, 0
    if not isinstance(record, Ensemble):
        raise UsageError(f"{path} is no fit and no ensemble, but {record.KIND}")
    count = len(record.vertices)
    if number is None and count > 1:
        raise UsageError(f"{path} holds {count} faces; say which as {path}:0 to {path}:{count - 1}")
    if number is not None and number >= count:
        raise UsageError(f"{path} holds {count} faces, 0 to {count - 1}; there is no face {number}")
    return path, record, number or 0
