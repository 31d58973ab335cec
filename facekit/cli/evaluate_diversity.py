"""facekit evaluate diversity: the part of the command that is its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import case_evaluation as shared
from facekit.cli import console, options
from facekit.completion.names import METHODS
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE
    from facekit.files.cases import CaseFiles
    from facekit.files.workspace import Workspace
    from facekit.morphable.model import FaceModel
    from facekit.stages.evaluate_diversity import Case, Plan

KINDS = ("glasses", "mask", "blob")  # what hides the faces of the photos that are made here


@dataclass(frozen=True)
class Wish(shared.CaseWish):
    """What the user asked for."""

    NAME = "diversity"

    methods: tuple[str, ...]
    n: int
    grid: int
    align: str
    region: str
    start: str
    from_meshes: bool
    preset: str
    weights: Path | None


@click.command(short_help="How near and how diverse completions are, and how good the fits.")
@shared.cases_option(60, "a third each with glasses, a face mask and a blob")
@shared.data_option("Photos that exist already, as synth photos --occluder writes them.")
@click.option(
    "--methods",
    "methods",
    multiple=True,
    type=click.Choice(list(METHODS)),
    metavar="NAME",
    help="A method of diversify; may be given several times. All for which there are weights, by default.",
)
@click.option("-n", "n", type=click.IntRange(2, 256), default=8, show_default=True, help="Faces a photo.")
@click.option(
    "--grid",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="CASES",
    help="Cases on which 25 pairs of k and n-sigma are tried for Table 4; it takes long.",
)
@click.option(
    "--align",
    type=click.Choice(["none", "rigid", "similarity"]),
    default="similarity",
    show_default=True,
    help="How a face is laid on the true one, by its visible part, before errors are taken.",
)
@click.option(
    "--region",
    type=click.Choice(["face", "head"]),
    default="face",
    show_default=True,
    help="What is measured: the skin of the face, or all vertices.",
)
@click.option(
    "--start",
    type=click.Choice(["named", "global"]),
    default="named",
    show_default=True,
    help="The fit a method starts from: that of the model in its name, or that of the global model.",
)
@click.option(
    "--from-meshes",
    is_flag=True,
    help="Fit to the true vertices that the photo shows instead of to the photo: completions alone count.",
)
@click.option(
    "--preset",
    type=click.Choice(["default", "paper"]),
    default="default",
    show_default=True,
    help="Settings of the methods; paper is Algorithm 2 as printed, which looks at the photo and takes long.",
)
@click.option("--weights", type=options.FILE, metavar="FILE", help="The mesh VAE of the methods with vae.")
@options.output_option("Folder for photos, fits, figures and tables; diversity.evaluation by default.")
@options.model_option
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def diversity(**wish: Any) -> None:
    """Make Tables 1 to 4 and Figure 6 of Diverse3DFace on photos of synthetic people.

    The folder keeps what is done, so that the same command goes on after a stop. tables.md, tables.json and
    histogram.png are written at the end.

    \b
    Examples:
      facekit evaluate diversity --cases 60 --seed 9000 -o diversity/
      facekit evaluate diversity --data photos/ --methods flame+dpp --methods global+local+dpp
    """
    from facekit.cli.evaluation_tools import CaseTools, Models
    from facekit.files.models import load_model
    from facekit.files.workspace import Workspace
    from facekit.stages.evaluate_diversity import Bench, Plan, evaluate_case

    asked = Wish(**wish)
    if asked.from_meshes and asked.preset == "paper":
        raise UsageError("--preset paper compares with the photo; leave out --from-meshes")
    space, model = Workspace(asked.folder), load_model(asked.model)
    network, digest = _network(asked, model)
    plan = Plan(_methods(asked, network), asked.n, asked.region, asked.start)
    seed = shared.begin(asked, space, model, _settings(asked, plan))
    files = shared.case_files(asked, KINDS, seed, space.folder / "photos")
    models, results = Models(model), []
    try:
        for i, one in enumerate(console.progress(files, "cases", len(files))):
            case = _case(one, model)
            bench = Bench(
                case,
                CaseTools(case, space, models, network, seed, asked.from_meshes, asked.preset),
                model,
                plan,
            )
            known = _current(space.known(case.name), digest)
            results.append(evaluate_case(bench, i < asked.grid, known, partial(space.keep, case.name)))
    except KeyboardInterrupt:
        console.say(f"stopped; the same command with --seed {seed} goes on from there")
        raise
    _finish(asked, plan, space, results)


def _network(asked: Wish, model: FaceModel) -> tuple[MeshVAE | None, str]:
    """The mesh VAE of --weights or the one that comes along, and a digest of it; None where there is none."""
    from facekit.cli.networks import given_network
    from facekit.files.assets import asset
    from facekit.files.mesh_vae import ASSET, shipped_vae
    from facekit.files.reading import read_bytes

    network = given_network(asked.weights, model) or shipped_vae(model)
    if network is None:
        return None, ""
    data = read_bytes(asked.weights or asset(ASSET))
    return network, hashlib.sha256(data).hexdigest()[:12]


def _methods(asked: Wish, network: MeshVAE | None) -> tuple[str, ...]:
    """The methods asked for, all that can run where none is. Raises UsageError where weights are missing."""
    lacking = [name for name in asked.methods if METHODS[name].network and network is None]
    if lacking:
        raise UsageError(f"{lacking[0]} needs --weights, made by facekit train-prior mesh-vae")
    if not asked.methods and network is None:
        console.warn("without --weights the methods with vae are left out")
    every = asked.methods or tuple(METHODS)
    return tuple(name for name in METHODS if name in every and (network or not METHODS[name].network))


def _settings(asked: Wish, plan: Plan) -> dict[str, Any]:
    """What must be the same where a folder is gone on with."""
    return {
        "n": plan.n,
        "region": plan.region,
        "start": plan.start,
        "from_meshes": asked.from_meshes,
        "preset": asked.preset,
    }


def _case(files: CaseFiles, model: FaceModel) -> Case:
    from facekit.files.cases import read_pictures, read_truth
    from facekit.stages.evaluate_diversity import Case

    photo, hidden = read_pictures(files)
    kind, truth = read_truth(files, model)
    if truth is None:
        return Case(files.name, kind, photo, hidden, None, None)
    return Case(files.name, kind, photo, hidden, truth.vertices, truth.camera)


def _current(known: dict[str, Any], weights: str) -> dict[str, Any]:
    """What is known of a case, less what was made with another mesh VAE."""
    if known.get("weights", weights) != weights:
        known["sets"] = {name: v for name, v in known["sets"].items() if not METHODS[name].network}
        known["grid"] = {}
    return known | {"weights": weights}


def _finish(asked: Wish, plan: Plan, space: Workspace, results: list[dict[str, Any]]) -> None:
    """Tables and the histogram into the folder, tables to stdout."""
    from facekit.files.images import write_image
    from facekit.metrics.figure import histogram_picture
    from facekit.metrics.tables import BIN, BINS, fit_errors, tables

    note = (
        f"; {plan.n} completions each; errors after alignment: "
        f"{asked.align}; measured: {plan.region}; fitted to {'meshes' if asked.from_meshes else 'photos'}; "
        f"methods start from the {plan.start} fit."
    )
    made = tables(results, plan.methods, plan.studied, asked.align)
    text, told = shared.write_tables(space, made, results, note, {"align": asked.align})
    if series := fit_errors(results, asked.align):
        picture = histogram_picture(series, BIN, BINS, "mean shape error, mm")
        write_image(space.folder / "histogram.png", picture, force=True)
    shared.tell(space, text, told, asked.as_json)
