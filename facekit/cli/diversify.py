"""facekit diversify."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE
    from facekit.files.meshes import Floats
    from facekit.morphable.model import FaceModel
    from facekit.records import Ensemble

SUFFIX = ".ensemble.npz"


@click.command(short_help="Make different faces that agree with a fit where it is seen.")
@click.argument("fits", nargs=-1, required=True, type=options.FILE, metavar="FIT...")
@click.option("-n", "n", type=click.IntRange(1, 256), default=8, show_default=True, help="How many faces.")
@options.method_option
@click.option(
    "--weights",
    type=options.FILE,
    metavar="FILE",
    help="The mesh VAE of the methods with vae, made by train-prior mesh-vae.",
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
    default=60,
    show_default=True,
    help="Steps that spread the faces apart.",
)
@options.output_option("The faces, NAME.ensemble.npz beside the fit by default; a folder with several fits.")
@click.option(
    "--mesh-dir", type=options.FILE, metavar="FOLDER", help="Also write NAME_00.obj, ... into this folder."
)
@click.option("--model", default=None, metavar="NAME|PATH", help="Face model of the fit, if not the default.")
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def diversify(
    fits: tuple[Path, ...], n: int, method: str, weights: Path | None, output: Path | None,
    mesh_dir: Path | None, model: str | None, seed: int | None, force: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Make n different faces from a FIT: the same where the photo shows the face, different where it is
    hidden.

    The first is the most probable one.

    \b
    Examples:
      facekit diversify photo.fit.npz -n 8 --mesh-dir faces/
      facekit diversify photo.fit.npz --n-sigma 2 -o calm.ensemble.npz
    """
    from facekit.completion.sampler import Diversity
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.models import load_model
    from facekit.files.npz import read_record, write_record
    from facekit.records import Fit
    from facekit.stages.diversify import diversify as run

    chosen, _ = console.chosen_seed(seed)

    def one(path: Path) -> dict[str, object]:
        fit = read_record(path, Fit)
        target = options.output_path(path, SUFFIX, output, several=len(fits) > 1)
        meshes = (
            [] if mesh_dir is None else [mesh_dir / f"{options.stem(path)}_{i:02d}.obj" for i in range(n)]
        )
        refuse_overwrite([target, *meshes], force)
        face_model = load_model(model or (fit.model if fit.model.startswith("default") else "default"))
        generator, network = console.chosen_seed(chosen)[1], _network(weights, face_model)
        ensemble = run(fit, face_model, n, generator, method, Diversity(**settings), network)
        step = console.this_step(chosen, f"{fit.model}@{fit.model_sha256[:12]}")
        ensemble = replace(ensemble, history=(*ensemble.history, step))
        write_record(target, ensemble, force)
        _write_meshes(meshes, ensemble, face_model, force)
        console.say(_summary(target, ensemble))
        return {"fit": path, "ensemble": target, "meshes": meshes, **json.loads(ensemble.stats)}

    results, failures = console.run_many(fits, one)
    if as_json:
        console.emit_json({"ensembles": results, "failures": failures})


def _network(weights: Path | None, model: FaceModel) -> MeshVAE | None:
    if weights is None:
        return None
    from facekit.completion.mesh_vae import from_arrays
    from facekit.files.weights import read_weights

    return from_arrays(*read_weights(weights), model.topology.faces)


def _write_meshes(paths: list[Path], ensemble: Ensemble, model: FaceModel, force: bool) -> None:
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
