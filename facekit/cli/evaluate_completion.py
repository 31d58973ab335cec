"""facekit evaluate completion: the part of the command that is its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import case_evaluation as shared
from facekit.cli import console, options
from facekit.cli.completion_tools import MASKS
from facekit.errors import FacekitError, UsageError
from facekit.metrics.completion_names import CLASSICAL, VARIANTS

if TYPE_CHECKING:
    from facekit.files.cases import CaseFiles
    from facekit.files.workspace import Workspace
    from facekit.metrics.perceptual import Perceptual
    from facekit.morphable.model import FaceModel
    from facekit.stages.evaluate_completion import Case

KINDS = ("glasses", "mask", "blob", "hand")  # what hides the faces of the photos that are made here
METHODS = (*CLASSICAL, *VARIANTS)


@dataclass(frozen=True)
class Wish(shared.CaseWish):
    """What the user asked for."""

    NAME = "completion"

    masks: tuple[str, ...]
    methods: tuple[str, ...]
    refine: int
    inpainter: str
    distance: str


@click.command(short_help="How near completed pictures come to the whole photos.")
@shared.cases_option(40, "of as many kinds of occluders as there are")
@shared.data_option(
    "Whole photos and occluded ones with masks, as synth photos --occluder writes them; with --mask whole "
    "photos alone."
)
@click.option(
    "--mask",
    "masks",
    multiple=True,
    type=click.Choice(MASKS),
    help="Draw this on the face of each whole photo; may be given several times.",
)
@click.option(
    "--methods",
    "methods",
    multiple=True,
    type=click.Choice(METHODS),
    metavar="NAME",
    help=f"What to compare: {', '.join(METHODS)}. May be given several times; all by default.",
)
@click.option(
    "--refine", type=click.IntRange(1, 8), default=2, show_default=True, help="Rounds of the method full."
)
@click.option(
    "--inpainter",
    type=click.Choice(["auto", "linear", "network"]),
    default="auto",
    show_default=True,
    help="What completes the albedo.",
)
@click.option(
    "--distance",
    type=click.Choice(["auto", "lpips", "segmenter", "filters"]),
    default="auto",
    show_default=True,
    help="What takes the perceptual distance; auto is LPIPS where it is installed, else fixed filters.",
)
@options.output_option("Folder for photos, fits, pictures and tables; completion.evaluation by default.")
@options.model_option
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def completion(**wish: Any) -> None:
    """Make Figures 2, 10 and 12 of 3DFaceFill: completed pictures beside the whole photos.

    Without --data photos of synthetic people are made. The folder keeps what is done, so that the same
    command goes on after a stop; tables.md, tables.json, ratio-*.png and a sheet of each case are written.

    \b
    Examples:
      facekit evaluate completion --cases 40 --seed 9100 -o completion/
      facekit evaluate completion --data photos/ --mask mouth --mask sunglasses
    """
    from facekit.cli.completion_tools import CaseTools, KeptCase, usual_approach
    from facekit.files.models import load_model
    from facekit.files.workspace import Workspace
    from facekit.stages.evaluate_completion import evaluate_case, variant_of

    asked = Wish(**wish)
    space, model = Workspace(asked.folder), load_model(asked.model)
    by, methods = (
        _perceptual(asked.distance),
        tuple(name for name in METHODS if name in (asked.methods or METHODS)),
    )
    seed = shared.begin(asked, space, model, _settings(asked, by))
    approach = usual_approach(model)
    variants = {
        name: None if name in CLASSICAL else variant_of(name, asked.refine, asked.inpainter)
        for name in methods
    }
    results: list[dict[str, Any]] = []
    try:
        for name, case in _cases(asked, seed, space.folder / "photos", model):
            if isinstance(case, str):
                results.append({"name": name, "failed": case})
                continue
            tools = CaseTools(case, space, model, approach, seed)
            result, sheet = evaluate_case(case, tools, model, variants, by, KeptCase(space, name))
            results.append(result)
            _write_sheet(space.folder / "sheets" / f"{name}.jpg", sheet)
    except (KeyboardInterrupt, click.Abort):  # the latter where photos are being made
        console.say(f"stopped; the same command with --seed {seed} goes on from there")
        raise
    _finish(asked, methods, space, results, by)


def _settings(asked: Wish, by: Perceptual) -> dict[str, Any]:
    """What must be the same where a folder is gone on with."""
    from facekit.cli.completion_tools import weights_digest

    return {
        "weights": weights_digest(),
        "refine": asked.refine,
        "inpainter": asked.inpainter,
        "distance": by.name,
        "masks": list(asked.masks),
    }


def _perceptual(name: str) -> Perceptual:
    """What takes the perceptual distance. Raises ModelUnavailableError where it is not there."""
    from facekit.errors import ModelUnavailableError
    from facekit.metrics.perceptual import FILTERS
    from facekit.metrics.perceptual_networks import by_lpips, by_segmenter

    if name == "segmenter":
        from facekit.stages.segment import shipped_segmenter

        return by_segmenter(shipped_segmenter())
    found = by_lpips() if name in ("auto", "lpips") else None
    if found is None and name == "lpips":
        raise ModelUnavailableError(
            "--distance lpips needs the package lpips and the weights of AlexNet that torchvision stores; "
            "install them, or leave --distance out"
        )
    return found or FILTERS


def _cases(asked: Wish, seed: int, folder: Path, model: FaceModel) -> Iterator[tuple[str, Case | str]]:
    """The cases of --data, or of photos made now, by name; instead of a case why there is none."""
    from facekit.cli.completion_tools import draw_case, read_case
    from facekit.files.cases import find_photos

    if not asked.data:
        made = ("none",) if asked.masks else KINDS
        shared.make_photos(made, asked.cases, seed, folder, asked.model)
    folders = list(asked.data) or [folder]
    jobs: list[tuple[str, partial[Case]]] = []
    if asked.masks:
        for i, photo in enumerate(find_photos(folders)):
            kinds = asked.masks if asked.data else (asked.masks[i % len(asked.masks)],)
            jobs += [(f"{photo.name}_{kind}", partial(draw_case, photo, kind, model, seed)) for kind in kinds]
    else:
        jobs = [(one.name, partial(read_case, one, model)) for one in shared.in_turn(_occluded(folders))]
    some = jobs[: asked.cases]
    for name, job in console.progress(some, "cases", len(some)):
        try:
            yield name, job()
        except FacekitError as error:
            yield name, str(error)


def _occluded(folders: list[Path]) -> list[CaseFiles]:
    """The occluded photos of folders. Raises as find_cases."""
    from facekit.files.cases import find_cases

    try:
        return find_cases(folders)
    except UsageError as error:
        raise UsageError(f"{error}; for whole photos give --mask") from error


def _write_sheet(path: Path, picture: Any) -> None:
    from facekit.files.folder import make_folder
    from facekit.files.images import write_image

    make_folder(path.parent)
    write_image(path, picture, force=True)


def _finish(
    asked: Wish, methods: tuple[str, ...], space: Workspace, results: list[dict[str, Any]], by: Perceptual
) -> None:
    """Tables and curves into the folder, tables to stdout."""
    from facekit.files.images import write_image
    from facekit.metrics.completion_tables import COLUMNS, curves, tables
    from facekit.metrics.curves import curves_picture

    note = (
        f". The method full has {asked.refine} rounds. Perceptual "
        f"distance by {by.name}, 0 to 1, on pictures of 256 px; smaller is nearer. "
        "Sheets, from the left: what was given, "
        f"{', '.join(methods)}, the whole photo."
    )
    text, told = shared.write_tables(space, tables(results, methods), results, note, {})
    for figure, label in COLUMNS.items():
        series, at = curves(results, methods, figure)
        if len(at) > 1:
            picture = curves_picture(series, at, "hidden share of the face, %", label, figure == "look")
            write_image(space.folder / f"ratio-{figure}.png", picture, force=True)
    shared.tell(space, text, told, asked.as_json)
