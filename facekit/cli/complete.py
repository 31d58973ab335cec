"""``facekit complete``: the main job, from a photo and a mask to a folder of complete faces."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console
from facekit.cli.inputs import given_landmarks, read_photo_and_mask, without_mask
from facekit.cli.memory import few_arenas, give_back
from facekit.cli.networks import method_and_network
from facekit.cli.options import (
    FILE,
    WORDS,
    force_option,
    json_option,
    landmarks_option,
    method_option,
    model_option,
    output_option,
    photos_argument,
    seed_option,
    verbosity_options,
)
from facekit.cli.pairing import Job, pair
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.completion.approach import Approach
    from facekit.morphable.model import FaceModel
    from facekit.records import ByteArray, Ensemble, Fit
    from facekit.stages.report import Case

ROUNDS = 2  # of fitting, by default
SIZES = ("256", "512", "1024", "2048")


@dataclass(frozen=True)
class Request:
    """What was asked for, for every photo."""

    n: int
    approach: Approach
    texture_size: int
    seed: int
    force: bool
    landmarks: Path | None
    fit: Path | None
    ensemble: Path | None


@click.command(short_help="Complete the hidden part of a face: photos, meshes and a report.")
@photos_argument
@click.option(
    "--occlusion", "masks", type=FILE, multiple=True, metavar="MASK|FOLDER",
    help="Mask of what hides the face: of the photo's size, white = hidden. Once per photo, in order, "
    "or a folder with NAME.mask.png, NAME_mask.png or NAME.png for each photo NAME. Without it, what hides "
    "the face is found in the photo; none: nothing does.",
)  # fmt: skip
@click.option(
    "-n", "n", type=click.IntRange(1, 64), default=8, show_default=True, help="How many completions."
)
@click.option("--fit", type=FILE, metavar="FILE", help="Use this fit, as fit-3dmm writes it.")
@click.option(
    "--ensemble", type=FILE, metavar="FILE",
    help="Use these shapes, as many as diversify wrote, instead of -n new ones; needs --fit.",
)  # fmt: skip
@landmarks_option
@method_option
@click.option(
    "--refine", type=click.IntRange(1, 8), metavar="T",
    help="Fit T times, after the first to the picture that was completed; 2 by default, 1 with --fit.",
)  # fmt: skip
@click.option(
    "--texture-size", type=click.Choice(SIZES), default="512", show_default=True,
    help="Texels a side of the textures.",
)  # fmt: skip
@model_option
@output_option("Folder to write, NAME.complete by default; with several photos, the folder for all of these.")
@seed_option
@force_option
@json_option
@verbosity_options
def complete(
    photos: tuple[Path, ...], masks: tuple[Path, ...], model: str, output: Path | None, seed: int | None,
    refine: int | None, texture_size: str, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Complete the hidden part of a face: pictures, textured meshes, the records and a report.

    \b
    Examples:
      facekit complete photo.jpg -n 8
      facekit complete photo.jpg --occlusion mask.png -n 8
      facekit complete *.jpg --occlusion masks/ -o results/
    """
    from facekit.completion.approach import Approach
    from facekit.files.folder import refuse_folder
    from facekit.files.models import load_model

    few_arenas()
    jobs = pair(photos, masks, output)
    _check(len(photos), refine, **{name: options[name] for name in ("landmarks", "fit", "ensemble")})
    for job in jobs.values():
        refuse_folder(job.folder, options["force"])
    face_model = load_model(model)
    # Told at the end, so that bad input gets one line.
    chosen = console.new_seed() if seed is None else seed
    rounds = refine or (1 if options["fit"] else ROUNDS)
    wanted, network = options.pop("method"), None
    if not options["ensemble"]:
        wanted, network = method_and_network(wanted, None, face_model)
    approach = Approach(wanted, network=network, rounds=rounds)
    request = Request(seed=chosen, texture_size=int(texture_size), approach=approach, **options)
    results, failures = console.run_many(photos, lambda photo: run_one(jobs[photo], face_model, request))
    if as_json:
        console.emit_json(results[0] if len(photos) == 1 else [*results, *failures])


def _check(
    count: int, refine: int | None, landmarks: Path | None, fit: Path | None, ensemble: Path | None
) -> None:
    """Before any work: options that cannot go together."""
    if count > 1 and (landmarks or fit or ensemble):
        raise UsageError("--landmarks, --fit and --ensemble belong to one photo; give one photo with them")
    if ensemble and not fit:
        raise UsageError("--ensemble needs the fit it was made from; give it with --fit")
    if ensemble and refine and refine > 1:
        raise UsageError("--ensemble was made from the fit as it is; leave out --refine")
    if landmarks and fit:
        raise UsageError("--fit was made from landmarks already; leave out --landmarks")


def run_one(job: Job, model: FaceModel, request: Request) -> dict[str, Any]:
    """Complete one photo and write its folder; returns the figures."""
    from facekit.stages.report import figures

    case = complete_case(job, model, request)
    give_back()
    told = figures(case) | {"mask": job.mask.name}
    if not told["mask_on_face"] and job.mask not in WORDS:
        if not _on_head(case):
            raise UsageError(
                f"{job.mask} hides nothing of the face, which lies elsewhere in {job.photo}; check that it "
                "is the mask of this photo"
            )
        console.warn(f"{job.mask} hides nothing of the face, only of what is around it")
    write(job.folder, case, told, request.force)
    count, page = len(told["completions"]), job.folder / "report.html"
    console.say(
        f"{job.folder}: {count} completion{'s' * (count > 1)} with seed {request.seed}; look at {page}"
    )
    return {**told, "photo": str(job.photo), "folder": str(job.folder)}


def _on_head(case: Case) -> bool:
    """Whether a hidden pixel lies inside the box of the fitted head."""
    from facekit.geometry.camera import project_points

    points = project_points(case.fit.camera, case.fit.vertices)[:, :2]
    (x0, y0), (x1, y1) = points.min(0).clip(0).astype(int), points.max(0).clip(0).astype(int) + 1
    return bool(case.hidden[y0:y1, x0:x1].any())


def complete_case(job: Job, model: FaceModel, request: Request) -> Case:
    """Read what there is, run the stages that are missing."""
    import torch

    from facekit.pipeline import Known, complete_face
    from facekit.stages.report import Case

    photo, hidden = read_photo_and_mask(job.photo, None if job.mask in WORDS else job.mask)
    landmarks = None if request.landmarks is None else given_landmarks(request.landmarks, photo, hidden)
    fit, ensemble = _given(job.photo, photo.pixels, request)
    known = Known(landmarks, fit, ensemble)
    if hidden is None:
        hidden, known = without_mask(job.photo, job.mask, photo, model, known)
    generator = torch.Generator().manual_seed(request.seed)
    fit, ensemble, completion = complete_face(
        photo.pixels, hidden, model, request.n, generator, request.approach, known, request.texture_size
    )
    step = console.this_step(request.seed, f"{model.name}@{model.digest[:12]}")
    fit = replace(fit, history=(*fit.history, step))
    ensemble = replace(ensemble, history=(*ensemble.history, step))
    completion = replace(completion, history=(step,))
    return Case(job.photo.name, photo.pixels, hidden, fit, ensemble, completion, model, request.seed)


def _given(path: Path, photo: ByteArray, request: Request) -> tuple[Fit | None, Ensemble | None]:
    """The fit and the ensemble that were given. Raises UsageError where they are of another photo."""
    from facekit.files.images import photo_digest
    from facekit.files.npz import read_record
    from facekit.records import Ensemble, Fit

    fit = None if request.fit is None else read_record(request.fit, Fit)
    if fit is not None and fit.photo_sha256 != photo_digest(photo):
        raise UsageError(f"{request.fit} was made from another photo than {path}")
    return fit, None if request.ensemble is None else read_record(request.ensemble, Ensemble)


def write(folder: Path, case: Case, told: dict[str, Any], force: bool) -> None:
    """The folder with pictures, meshes, records and reports."""
    from facekit.files.assets import asset
    from facekit.files.folder import CompletionFolder, write_completion_folder
    from facekit.files.reading import read_text
    from facekit.stages.report import contact_sheet, page

    parts = case.photo, case.model.topology, case.fit, case.ensemble, case.completion
    template = read_text(asset("report.html"))
    with ThreadPoolExecutor(1) as other:
        contact = other.submit(contact_sheet, case)
        report = page(case, template)
    contents = CompletionFolder(*parts, contact.result(), report, told)
    write_completion_folder(folder, contents, force)
