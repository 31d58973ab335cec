"""``facekit complete``: the main job, from a photo and a mask to a folder of complete faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console
from facekit.cli.options import (
    FILE,
    force_option,
    json_option,
    landmarks_option,
    model_option,
    output_option,
    photos_argument,
    seed_option,
    stem,
    verbosity_options,
)
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.morphable.model import FaceModel

MASK_ENDINGS = (".mask.png", "_mask.png", ".png")


@dataclass(frozen=True)
class Request:
    """What was asked for, for every photo."""

    n: int
    method: str
    size: int
    seed: int
    force: bool
    landmarks: Path | None
    fit: Path | None
    ensemble: Path | None


@click.command()
@photos_argument
@click.option(
    "--occlusion",
    "masks",
    type=FILE,
    multiple=True,
    metavar="MASK|FOLDER",
    help="Mask of what hides the face: of the photo's size, white = hidden. Once per photo, in order, "
    "or a folder with NAME.mask.png, NAME_mask.png or NAME.png for each photo NAME.",
)
@click.option(
    "-n", "n", type=click.IntRange(1, 64), default=8, show_default=True, help="How many completions."
)
@click.option("--fit", type=FILE, metavar="FILE", help="Use this fit, as fit-3dmm writes it.")
@click.option(
    "--ensemble", type=FILE, metavar="FILE", help="Use these shapes, as diversify writes them; needs --fit."
)
@landmarks_option
@click.option("--method", default="global+local+dpp", show_default=True, help="Of diversify.")
@click.option(
    "--texture-size",
    "size",
    type=click.Choice(["256", "512", "1024", "2048"]),
    default="512",
    show_default=True,
)
@model_option
@output_option("Folder to write, NAME.complete by default; with several photos, the folder for all of these.")
@seed_option
@force_option
@json_option
@verbosity_options
def complete(
    photos: tuple[Path, ...],
    masks: tuple[Path, ...],
    model: str,
    output: Path | None,
    seed: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Complete the hidden part of a face: pictures, textured meshes, the records and a report.

    \b
    Examples:
      facekit complete photo.jpg --occlusion mask.png -n 8
      facekit complete *.jpg --occlusion masks/ -o results/
    """
    from facekit.files.folder import refuse_folder
    from facekit.files.models import load_model

    given = [options[name] for name in ("landmarks", "fit", "ensemble") if options[name] is not None]
    if len(photos) > 1 and given:
        raise UsageError("--landmarks, --fit and --ensemble belong to one photo; give one photo with them")
    if options["ensemble"] is not None and options["fit"] is None:
        raise UsageError("--ensemble needs the fit it was made from; give it with --fit")
    jobs = dict(zip(photos, pair_masks(photos, masks), strict=True))
    folders = {photo: folder_of(photo, output, len(photos) > 1) for photo in photos}
    if len(set(folders.values())) < len(photos):
        raise UsageError("two photos have the same name, so that their folders would be the same; rename one")
    for folder in folders.values():
        refuse_folder(folder, options["force"])
    chosen, _ = console.chosen_seed(seed)
    request = Request(seed=chosen, **{**options, "size": int(options["size"])})
    face_model = load_model(model)
    results, failures = console.run_many(
        photos, lambda photo: complete_one(photo, jobs[photo], folders[photo], face_model, request)
    )
    if as_json:
        console.emit_json(results[0] if len(photos) == 1 else [*results, *failures])


def pair_masks(photos: Sequence[Path], masks: Sequence[Path]) -> list[Path]:
    """The mask of each photo. Raises UsageError where one is missing."""
    if not masks:
        raise UsageError(
            "complete needs --occlusion MASK: a picture of the photo's size, white where the face is hidden"
        )
    if len(masks) == 1 and masks[0].is_dir():
        return [_mask_in(masks[0], photo) for photo in photos]
    if len(masks) != len(photos):
        raise UsageError(
            f"{len(photos)} photos and {len(masks)} masks; give --occlusion once per photo, or a folder"
        )
    return list(masks)


def _mask_in(folder: Path, photo: Path) -> Path:
    for ending in MASK_ENDINGS:
        path = folder / (photo.stem + ending)
        if path.is_file() and path.resolve() != photo.resolve():
            return path
    names = " or ".join(photo.stem + ending for ending in MASK_ENDINGS)
    raise UsageError(f"no mask for {photo} in {folder}; name it {names}")


def folder_of(photo: Path, output: Path | None, several: bool) -> Path:
    """Where the result for a photo goes."""
    name = stem(photo) + ".complete"
    if output is None:
        return photo.with_name(name)
    return output / name if several else output


def complete_one(
    photo_path: Path, mask_path: Path, folder: Path, model: FaceModel, request: Request
) -> dict[str, Any]:
    """Run what is missing for one photo and write its folder; returns the figures."""
    from dataclasses import replace

    import torch

    from facekit.files import folder as files
    from facekit.files.assets import asset
    from facekit.files.images import describe_mask, photo_digest, read_mask, read_photo
    from facekit.files.npz import read_record
    from facekit.files.reading import read_bytes
    from facekit.pipeline import complete_face
    from facekit.records import Ensemble, Fit, Landmarks
    from facekit.stages import report

    photo = read_photo(photo_path).pixels
    hidden = read_mask(mask_path, photo.shape[:2])
    console.say(f"{photo_path}: {describe_mask(hidden)}")
    landmarks = None if request.landmarks is None else read_record(request.landmarks, Landmarks)
    fit = None if request.fit is None else read_record(request.fit, Fit)
    ensemble = None if request.ensemble is None else read_record(request.ensemble, Ensemble)
    if fit is not None and fit.photo_sha256 != photo_digest(photo):
        raise UsageError(f"{request.fit} was made from another photo than {photo_path}")
    generator = torch.Generator().manual_seed(request.seed)
    fit, ensemble, completion = complete_face(
        photo, hidden, model, request.n, generator,
        landmarks=landmarks, fit=fit, ensemble=ensemble, method=request.method, texture_size=request.size,
    )  # fmt: skip
    step = console.this_step(request.seed, f"{model.name}@{model.digest[:12]}")
    fit = replace(fit, history=(*fit.history, step))
    ensemble = replace(ensemble, history=(*ensemble.history, step))
    completion = replace(completion, history=(step,))
    case = report.Case(photo_path.name, photo, hidden, fit, ensemble, completion, model, request.seed)
    figures = report.figures(case)
    page = report.page(case, read_bytes(asset("report.html")).decode())
    contents = files.CompletionFolder(
        photo, model.topology, fit, ensemble, completion, report.contact_sheet(case), page, figures
    )
    files.write_completion_folder(folder, contents, request.force)
    if not figures["mask_on_face"]:
        console.warn(
            f"{mask_path}: no pixel of the mask lies on the face, so that there was nothing to complete"
        )
    console.say(f"{folder}: {len(ensemble.vertices)} completions; look at {folder / 'report.html'}")
    return {"photo": str(photo_path), "folder": str(folder), **figures}
