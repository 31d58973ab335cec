"""facekit fit-3dmm."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.inputs import given_landmarks, read_photo_and_mask
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.files.images import Photo
    from facekit.morphable.model import FaceModel
    from facekit.records import BoolArray, Fit, Landmarks

SUFFIX = ".fit.npz"


@dataclass(frozen=True)
class Targets:
    """The files of one photo."""

    fit: Path
    mesh: Path | None
    overlay: Path | None


@click.command("fit-3dmm", short_help="Fit the face model to a photo.")
@options.photos_argument
@options.landmarks_option
@options.occlusion_option
@options.output_option("The fit, NAME.fit.npz beside the photo by default; a folder with several photos.")
@click.option(
    "--mesh", type=options.FILE, metavar="PATH", help="Also write the mesh: .obj, .glb or .ply, or a folder."
)
@click.option(
    "--overlay",
    type=options.FILE,
    metavar="PATH",
    help="Also draw the mesh over the photo: a picture, or a folder.",
)
@click.option("--shared-identity", is_flag=True, help="The photos show one person: fit one identity to all.")
@click.option(
    "--iterations",
    type=click.IntRange(1, 1000),
    default=30,
    show_default=True,
    help="Most steps of the shape fit.",
)
@click.option(
    "--photometric/--no-photometric",
    default=True,
    show_default=True,
    help="Look at the pixels: patch experts, light and skin colour.",
)
@click.option(
    "--refine/--no-refine",
    default=True,
    show_default=True,
    help="Let the skin's pixels refine pose and shape, region by region too.",
)
@options.model_option
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def fit_3dmm(
    photos: tuple[Path, ...],
    landmarks: Path | None,
    occlusion: Path | None,
    output: Path | None,
    mesh: Path | None,
    overlay: Path | None,
    shared_identity: bool,
    iterations: int,
    photometric: bool,
    refine: bool,
    model: str,
    seed: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Fit shape, pose, camera, light and skin colour of a face model to each PHOTO.

    Nothing hidden by --occlusion is looked at; the hidden part is the most probable one given the rest.

    \b
    Examples:
      facekit fit-3dmm photo.jpg --mesh face.obj
      facekit fit-3dmm photo.jpg --occlusion mask.png --overlay fit.png
      facekit fit-3dmm anna_1.jpg anna_2.jpg --shared-identity -o fits/
    """
    from facekit.files.models import load_model
    from facekit.stages.detect import redetect
    from facekit.stages.fit import fit_person, fit_photo

    several = len(photos) > 1
    if several and (landmarks or occlusion):
        raise UsageError("--landmarks and --occlusion belong to one photo; call fit-3dmm once per photo")
    options.refuse_clashes(photos, (output, mesh, overlay))
    face_model = load_model(model)
    settings: dict[str, Any] = {
        "photometric": photometric,
        "refined": refine,
        "iterations": iterations,
        "look_again": redetect,
    }

    def save(path: Path, photo: Photo, fit: Fit, targets: Targets) -> dict[str, object]:
        step = console.this_step(seed, f"{fit.model}@{fit.model_sha256[:12]}")
        fit = replace(fit, history=(*fit.history, step))
        _write(targets, photo, fit, face_model, force)
        console.say(f"{targets.fit}: {fit.outcome}")
        return {"photo": path, "fit": targets.fit, "outcome": fit.outcome, **json.loads(fit.stats)}

    def one(path: Path) -> dict[str, object]:
        targets = _targets(path, output, mesh, overlay, several, force)
        photo, marks, hidden = _read(path, landmarks, occlusion)
        return save(path, photo, fit_photo(photo.pixels, marks, face_model, hidden, **settings), targets)

    if shared_identity:
        places = [_targets(path, output, mesh, overlay, several, force) for path in photos]
        read = [_read(path, landmarks, occlusion) for path in photos]
        fits = fit_person(
            [r[0].pixels for r in read], [r[1] for r in read], face_model, [r[2] for r in read], **settings
        )
        rows = zip(photos, read, fits, places, strict=True)
        results = [save(path, r[0], fit, targets) for path, r, fit, targets in rows]
        failures: list[console.Failure] = []
    else:
        results, failures = console.run_many(photos, one)
    if as_json:
        console.emit_json({"fits": results, "failures": failures})


def _read(
    path: Path, landmarks: Path | None, occlusion: Path | None
) -> tuple[Photo, Landmarks, BoolArray | None]:
    """Photo, landmarks (found here when not given) and mask."""
    photo, hidden = read_photo_and_mask(path, occlusion)
    if landmarks is not None:
        return photo, given_landmarks(landmarks, photo, hidden), hidden
    from facekit.stages.detect import detect_masked

    with console.naming(path):
        return photo, detect_masked(photo.pixels, hidden), hidden


def _targets(
    path: Path, output: Path | None, mesh: Path | None, overlay: Path | None, several: bool, force: bool
) -> Targets:
    """Where the results of a photo go. Raises UsageError, UnreadableError before any work is done in vain."""
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.images import check_image_suffix
    from facekit.files.meshes import mesh_files

    targets = Targets(
        options.output_path(path, SUFFIX, output, several),
        mesh and options.output_path(path, ".obj", mesh, several),
        overlay and options.output_path(path, ".overlay.png", overlay, several),
    )
    files = [targets.fit]
    if targets.mesh:
        files += mesh_files(targets.mesh, textured=False)
    if targets.overlay:
        check_image_suffix(targets.overlay)
        files.append(targets.overlay)
    refuse_overwrite(files, force)
    return targets


def _write(targets: Targets, photo: Photo, fit: Fit, model: FaceModel, force: bool) -> None:
    """The record, the mesh and the overlay."""
    from facekit.files.images import write_image
    from facekit.files.meshes import write_mesh
    from facekit.files.npz import write_record
    from facekit.raster.scene import render_view

    write_record(targets.fit, fit, force)
    if targets.mesh:
        chart = (model.topology.uv, model.topology.uv_faces)
        write_mesh(targets.mesh, fit.vertices, fit.faces, *chart, force=force)
    if targets.overlay:
        picture = render_view(fit.vertices, fit.faces, fit.camera, background=photo.pixels, opacity=0.7)
        write_image(targets.overlay, picture, force)
