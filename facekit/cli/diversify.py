"""facekit diversify."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.branching import Branching
from facekit.cli.inputs import model_of
from facekit.cli.interpolate import interpolate
from facekit.cli.networks import method_and_network
from facekit.completion.names import DEFAULT_METHOD, PRESETS
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.completion.sampler import Choice
    from facekit.files.meshes import Floats
    from facekit.morphable.model import FaceModel
    from facekit.records import ByteArray, Ensemble, Fit

SUFFIX = ".ensemble.npz"


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    fits: tuple[Path, ...]
    n: int
    method: str | None
    weights: Path | None
    preset: str
    photo: Path | None
    region: str | None
    k: float
    n_sigma: float
    iterations: int | None
    output: Path | None
    mesh_dir: Path | None
    model: str | None
    seed: int | None
    force: bool
    as_json: bool


@click.command(cls=Branching, short_help="Make different faces that agree with a fit where it is seen.")
@click.argument("fits", nargs=-1, required=True, type=options.FILE, metavar="FIT...")
@click.option("-n", "n", type=click.IntRange(1, 256), default=8, show_default=True, help="How many faces.")
@options.method_option
@options.weights_option
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    default="default",
    show_default=True,
    help="How the faces are spread apart: paper is Algorithm 2 with its weights and 300 steps, and needs "
    "--photo; default is faster.",
)
@click.option(
    "--photo",
    type=options.FILE,
    metavar="FILE",
    help="The photo of the fit: faces are also compared with it, by --preset paper and the methods with vae.",
)
@click.option(
    "--region",
    metavar="NAME",
    help="Vary this region of the face alone, seen or not: lips, nose, left_eye_region, ...; the rest stays.",
)
@click.option(
    "--k",
    type=click.FloatRange(0, 100, min_open=True),
    default=0.5,
    show_default=True,
    help="How quickly faces count as different.",
)
@click.option(
    "--n-sigma",
    type=click.FloatRange(0.1, 10),
    default=3.0,
    show_default=True,
    help="How far a face may be from the most probable one: small is safe, large is diverse.",
)
@click.option(
    "--iterations",
    type=click.IntRange(0, 10000),
    help="Steps that spread the faces apart; by default as many as the method and preset take.",
)
@options.output_option("The faces, NAME.ensemble.npz beside the fit by default; a folder with several fits.")
@options.mesh_dir_option
@click.option("--model", default=None, metavar="NAME|PATH", help="Face model of the fit, if not the default.")
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def diversify(**wish: Any) -> None:
    """Make n different faces from a FIT: the same where the photo shows the face, different where it is
    hidden.

    The first is the most probable one. facekit diversify interpolate makes the faces between two of them.

    \b
    Examples:
      facekit diversify photo.fit.npz -n 8 --mesh-dir faces/
      facekit diversify photo.fit.npz --n-sigma 2 -o calm.ensemble.npz
      facekit diversify photo.fit.npz --region lips
    """
    from facekit.completion.presets import settings_of

    asked = Wish(**wish)
    several = len(asked.fits) > 1
    if asked.photo is not None and several:
        raise UsageError("--photo belongs to one fit; give one fit with it")
    options.refuse_clashes(asked.fits, (asked.output,))
    if asked.mesh_dir is not None:
        options.refuse_same_names(asked.fits, together=True)
    settings = partial(
        settings_of, preset=asked.preset, k=asked.k, n_sigma=asked.n_sigma, iterations=asked.iterations,
        photo=asked.photo is not None,
    )  # fmt: skip
    settings(asked.method or DEFAULT_METHOD)  # says what cannot go together before any work
    # Told at the end, so that bad input gets one line.
    seed = console.new_seed() if asked.seed is None else asked.seed
    results, failures = console.run_many(asked.fits, lambda path: _one(path, asked, settings, seed))
    if asked.as_json:
        console.emit_json({"ensembles": results, "failures": failures})


def _one(path: Path, asked: Wish, settings: Callable[[str], Choice], seed: int) -> dict[str, object]:
    """Read a fit, complete it, write the faces; what there is to tell."""
    from facekit.completion.approach import Approach
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.npz import read_record, write_record
    from facekit.records import Fit
    from facekit.stages.diversify import diversify as run

    fit, several = read_record(path, Fit), len(asked.fits) > 1
    target = options.output_path(path, SUFFIX, asked.output, several)
    meshes = mesh_paths(asked.mesh_dir, options.stem(path), asked.n)
    refuse_overwrite([target, *meshes], asked.force)
    model = model_of(asked.model, fit)
    method, network = method_and_network(asked.method, asked.weights, model)
    approach = Approach(method, settings(method), network, asked.region, _photo(asked.photo, fit))
    ensemble = run(fit, model, asked.n, console.chosen_seed(seed)[1], approach)
    step = console.this_step(seed, f"{fit.model}@{fit.model_sha256[:12]}")
    ensemble = replace(ensemble, history=(*ensemble.history, step))
    options.make_folders([target], several)
    write_record(target, ensemble, asked.force)
    write_meshes(meshes, ensemble, model, asked.force)
    console.say(_summary(target, ensemble, seed))
    return {"fit": path, "ensemble": target, "meshes": meshes, "seed": seed, **json.loads(ensemble.stats)}


diversify.add_command(interpolate)


def _photo(path: Path | None, fit: Fit) -> ByteArray | None:
    """The photo that was fitted. Raises UsageError for another one."""
    if path is None:
        return None
    from facekit.files.images import photo_digest, read_photo

    pixels = read_photo(path).pixels
    if photo_digest(pixels) != fit.photo_sha256:
        raise UsageError(f"the fit was made from another photo than {path}")
    return pixels


def mesh_paths(folder: Path | None, name: str, n: int) -> list[Path]:
    """Where --mesh-dir puts the meshes."""
    return [] if folder is None else [folder / f"{name}_{i:02d}.obj" for i in range(n)]


def write_meshes(paths: list[Path], ensemble: Ensemble, model: FaceModel, force: bool) -> None:
    """One mesh a face, in order, with the model's chart."""
    from facekit.files.folder import make_folder
    from facekit.files.meshes import write_mesh

    if paths:
        make_folder(paths[0].parent)
    chart: tuple[Floats, Any] = (model.topology.uv, model.topology.uv_faces)
    for path, vertices in zip(paths, ensemble.vertices, strict=False):
        write_mesh(path, vertices, ensemble.faces, *chart, force=force)


def _summary(target: Path, ensemble: Ensemble, seed: int) -> str:
    """One sentence of what came out."""
    stats, n = json.loads(ensemble.stats), len(ensemble.vertices)
    text = f"{target}: {n} face{'s' if n > 1 else ''} with seed {seed}"
    hidden, visible = stats["asd_hidden_mm"], stats["asd_visible_mm"]
    if hidden is not None and visible is not None:
        text += (
            f", each {hidden:.2f} mm from the nearest other where hidden and {visible:.2f} mm where visible"
        )
    return text
