"""facekit diversify."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.branching import Branching
from facekit.cli.interpolate import interpolate
from facekit.cli.networks import network_of
from facekit.completion.names import PRESETS
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.files.meshes import Floats
    from facekit.morphable.model import FaceModel
    from facekit.records import ByteArray, Ensemble, Fit

SUFFIX = ".ensemble.npz"


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
def diversify(
    fits: tuple[Path, ...], n: int, weights: Path | None, photo: Path | None, region: str | None,
    output: Path | None, mesh_dir: Path | None, model: str | None, seed: int | None, force: bool,
    as_json: bool, **wishes: Any,
) -> None:  # fmt: skip
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
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.models import load_model
    from facekit.files.npz import read_record, write_record
    from facekit.records import Fit
    from facekit.stages.diversify import diversify as run

    if photo is not None and len(fits) > 1:
        raise UsageError("--photo belongs to one fit; give one fit with it")
    settings = settings_of(photo=photo is not None, **wishes)
    chosen, _ = console.chosen_seed(seed)

    def one(path: Path) -> dict[str, object]:
        fit = read_record(path, Fit)
        target = options.output_path(path, SUFFIX, output, several=len(fits) > 1)
        stem = options.stem(path)
        meshes = [] if mesh_dir is None else [mesh_dir / f"{stem}_{i:02d}.obj" for i in range(n)]
        refuse_overwrite([target, *meshes], force)
        face_model = load_model(model or (fit.model if fit.model.startswith("default") else "default"))
        network = network_of(wishes["method"], weights, face_model)
        generator = console.chosen_seed(chosen)[1]
        looked = _photo(photo, fit)
        ensemble = run(
            fit, face_model, n, generator, wishes["method"], settings, network, photo=looked, region=region
        )
        step = console.this_step(chosen, f"{fit.model}@{fit.model_sha256[:12]}")
        ensemble = replace(ensemble, history=(*ensemble.history, step))
        write_record(target, ensemble, force)
        write_meshes(meshes, ensemble, face_model, force)
        console.say(_summary(target, ensemble))
        return {"fit": path, "ensemble": target, "meshes": meshes, **json.loads(ensemble.stats)}

    results, failures = console.run_many(fits, one)
    if as_json:
        console.emit_json({"ensembles": results, "failures": failures})


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


def write_meshes(paths: list[Path], ensemble: Ensemble, model: FaceModel, force: bool) -> None:
    """One mesh a face, in order, with the model's chart."""
    from facekit.files.folder import make_folder
    from facekit.files.meshes import write_mesh

    if paths:
        make_folder(paths[0].parent)
    chart: tuple[Floats, Any] = (model.topology.uv, model.topology.uv_faces)
    for path, vertices in zip(paths, ensemble.vertices, strict=False):
        write_mesh(path, vertices, ensemble.faces, *chart, force=force)


def _summary(target: Path, ensemble: Ensemble) -> str:
    """One sentence of what came out."""
    stats, n = json.loads(ensemble.stats), len(ensemble.vertices)
    text = f"{target}: {n} face{'s' if n > 1 else ''}"
    hidden, visible = stats["asd_hidden_mm"], stats["asd_visible_mm"]
    if hidden is not None and visible is not None:
        text += (
            f", each {hidden:.2f} mm from the nearest other where hidden and {visible:.2f} mm where visible"
        )
    return text
