"""facekit fit-3dmm."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from facekit.cli import console, options
from facekit.cli.inputs import given_landmarks, read_photo_and_mask, without_mask
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.files.images import Photo
    from facekit.morphable.model import FaceModel
    from facekit.records import BoolArray, Fit, Landmarks

SUFFIX = ".fit.npz"
Results: TypeAlias = tuple[list[dict[str, object]], list[console.Failure]]


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    photos: tuple[Path, ...]
    landmarks: Path | None
    occlusion: Path | None
    output: Path | None
    mesh: Path | None
    overlay: Path | None
    shared_identity: bool
    encoder: Path | None
    iterations: int
    photometric: bool
    refine: bool
    model: str
    seed: int | None
    force: bool
    as_json: bool

    @property
    def several(self) -> bool:
        """More than one photo: results go to folders."""
        return len(self.photos) > 1


@dataclass(frozen=True)
class Targets:
    """The files of one photo."""

    fit: Path
    mesh: Path | None
    overlay: Path | None


@click.command("fit-3dmm", short_help="Fit the face model to a photo.")
@options.photos_argument
@options.landmarks_option
@options.occlusion_option(automatic=True)
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
    "--encoder",
    type=options.FILE,
    metavar="FILE",
    help="Weights of train-prior face-encoder: the fit expects what they say of the photo, and begins with "
    "that where too few landmarks are seen.",
)
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
def fit_3dmm(**wish: Any) -> None:
    """Fit shape, pose, camera, light and skin colour of a face model to each PHOTO.

    Nothing hidden by --occlusion is looked at; the hidden part is the most probable one given the rest. With
    --occlusion auto what hides the face is found in the photo.

    \b
    Examples:
      facekit fit-3dmm photo.jpg --mesh face.obj
      facekit fit-3dmm photo.jpg --occlusion mask.png --overlay fit.png
      facekit fit-3dmm anna_1.jpg anna_2.jpg --shared-identity -o fits/
    """
    from facekit.files.models import load_model

    asked = Wish(**wish)
    if asked.several and (asked.landmarks or asked.occlusion not in (None, *options.WORDS)):
        raise UsageError("--landmarks and --occlusion belong to one photo; call fit-3dmm once per photo")
    if asked.shared_identity and asked.encoder:
        raise UsageError("--encoder looks at one photo at a time; leave out --shared-identity")
    options.refuse_clashes(asked.photos, (asked.output, asked.mesh, asked.overlay))
    model = load_model(asked.model)
    results, failures = _one_person(asked, model) if asked.shared_identity else _each(asked, model)
    if asked.as_json:
        console.emit_json({"fits": results, "failures": failures})


def _each(asked: Wish, model: FaceModel) -> Results:
    """Every photo by itself."""
    from facekit.cli.networks import first_look
    from facekit.stages.fit import fit_photo

    look = first_look(asked.encoder, model)

    def one(path: Path) -> dict[str, object]:
        targets = _targets(path, asked)
        photo, marks, hidden = _read(path, asked, model)
        fit = fit_photo(photo.pixels, marks, model, hidden, first_look=look, **_settings(asked))
        return _save(path, photo, fit, targets, model, asked)

    return console.run_many(asked.photos, one)


def _one_person(asked: Wish, model: FaceModel) -> Results:
    """All photos with one identity; one that cannot be read ends it."""
    from facekit.stages.fit import fit_person

    places = [_targets(path, asked) for path in asked.photos]
    read = [_read(path, asked, model) for path in asked.photos]
    pixels = [photo.pixels for photo, _, _ in read]
    fits = fit_person(pixels, [r[1] for r in read], model, [r[2] for r in read], **_settings(asked))
    rows = zip(asked.photos, read, fits, places, strict=True)
    return [_save(path, r[0], fit, targets, model, asked) for path, r, fit, targets in rows], []


def _settings(asked: Wish) -> dict[str, Any]:
    from facekit.stages.detect import redetect

    return {
        "photometric": asked.photometric,
        "refined": asked.refine,
        "iterations": asked.iterations,
        "look_again": redetect,
    }


def _read(path: Path, asked: Wish, model: FaceModel) -> tuple[Photo, Landmarks, BoolArray | None]:
    """Photo, landmarks (found here when not given) and mask."""
    word = asked.occlusion in options.WORDS
    photo, hidden = read_photo_and_mask(path, None if word else asked.occlusion)
    if asked.occlusion == options.AUTO:
        from facekit.pipeline import Known

        known = None if asked.landmarks is None else given_landmarks(asked.landmarks, photo, None)
        hidden, found = without_mask(path, options.AUTO, photo, model, Known(known))
        assert found.fit is not None
        return photo, found.fit.landmarks, hidden
    if asked.landmarks is not None:
        return photo, given_landmarks(asked.landmarks, photo, hidden), hidden
    from facekit.stages.detect import detect_masked

    with console.naming(path):
        return photo, detect_masked(photo.pixels, hidden), hidden


def _targets(path: Path, asked: Wish) -> Targets:
    """Where the results of a photo go. Raises UsageError, UnreadableError before any work is done in vain."""
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.images import check_image_suffix
    from facekit.files.meshes import mesh_files

    targets = Targets(
        options.output_path(path, SUFFIX, asked.output, asked.several),
        asked.mesh and options.output_path(path, ".obj", asked.mesh, asked.several),
        asked.overlay and options.output_path(path, ".overlay.png", asked.overlay, asked.several),
    )
    files = [targets.fit]
    if targets.mesh:
        files += mesh_files(targets.mesh, textured=False)
    if targets.overlay:
        check_image_suffix(targets.overlay)
        files.append(targets.overlay)
    refuse_overwrite(files, asked.force)
    return targets


def _save(
    path: Path, photo: Photo, fit: Fit, targets: Targets, model: FaceModel, asked: Wish
) -> dict[str, object]:
    """Write the results of a photo; what there is to tell."""
    step = console.this_step(asked.seed, f"{fit.model}@{fit.model_sha256[:12]}")
    fit = replace(fit, history=(*fit.history, step))
    options.make_folders((targets.fit, targets.mesh, targets.overlay), asked.several)
    _write(targets, photo, fit, model, asked.force)
    console.say(f"{targets.fit}: {fit.outcome}")
    return {"photo": path, "fit": targets.fit, "outcome": fit.outcome, **json.loads(fit.stats)}


def _write(targets: Targets, photo: Photo, fit: Fit, model: FaceModel, force: bool) -> None:
    """The record, the mesh and the overlay."""
    from facekit.files.images import write_image
    from facekit.files.meshes import write_mesh
    from facekit.files.npz import write_record
    from facekit.raster.scene import Style, render_view

    write_record(targets.fit, fit, force)
    if targets.mesh:
        chart = (model.topology.uv, model.topology.uv_faces)
        write_mesh(targets.mesh, fit.vertices, fit.faces, *chart, force=force)
    if targets.overlay:
        style = Style(opacity=0.7)
        picture = render_view(fit.vertices, fit.faces, fit.camera, style=style, background=photo.pixels)
        write_image(targets.overlay, picture, force)
