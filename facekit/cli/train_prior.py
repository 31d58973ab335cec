"""facekit train-prior: one subcommand for each kind of prior."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facekit.cli import console, options
from facekit.cli.train_avatar import avatar
from facekit.cli.train_face_encoder import face_encoder
from facekit.cli.train_inpainter import inpainter
from facekit.cli.train_mesh_vae import mesh_vae
from facekit.cli.train_pose import pose
from facekit.cli.train_segmenter import segmenter
from facekit.cli.training_options import work_option
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.fitting.known_photo import KnownPhoto
    from facekit.morphable.model import FaceModel

PRESETS = {"tiny": 60, "small": 600, "paper": 6000}  # synthetic faces


@click.group("train-prior", short_help="Train a prior on faces and write its weights.")
def train_prior() -> None:
    """Train a prior on faces and write its weights.

    \b
    Examples:
      facekit train-prior landmarks --preset small --seed 0 -o landmarks.safetensors
      facekit train-prior inpainter --synthetic 600 --seed 0 -o inpainter.safetensors
      facekit train-prior mesh-vae --preset small --seed 0 -o mesh-vae.safetensors
      facekit train-prior pose motions/ --preset small --seed 0 -o pose.safetensors
      facekit train-prior face-encoder --preset small --seed 0 -o face-encoder.safetensors
      facekit train-prior segmenter --preset small --seed 0 -o segmenter.safetensors
      facekit train-prior avatar capture/ --signal kpt --seed 0 -o subject.safetensors
    """


train_prior.add_command(inpainter)
train_prior.add_command(mesh_vae)
train_prior.add_command(pose)
train_prior.add_command(face_encoder)
train_prior.add_command(segmenter)
train_prior.add_command(avatar)


@train_prior.command(short_help="Where a landmark detector's points lie on the face, and how they err.")
@click.option("--synthetic", type=click.IntRange(40), metavar="N", help="Learn from N synthetic faces.")
@click.option("--preset", type=click.Choice(list(PRESETS)), help="A size: 60, 600 or 6000 synthetic faces.")
@work_option
@options.output_option("The weights, landmarks.safetensors by default; a card is written beside them.")
@options.model_option
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def landmarks(
    synthetic: int | None,
    preset: str | None,
    work: Path | None,
    output: Path | None,
    model: str,
    seed: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Learn where a landmark detector's points lie on the face model, and how they err.

    \b
    Example:
      facekit train-prior landmarks --preset small --seed 0 -o landmarks.safetensors
    """
    from dataclasses import asdict

    from facekit.files.atomic import refuse_overwrite, write_text
    from facekit.files.models import load_model
    from facekit.files.weights import write_weights
    from facekit.stages.detect import redetect
    from facekit.stages.train_prior import landmark_card, train_landmarks

    if (synthetic is None) == (preset is None):
        raise UsageError("say how many faces to learn from: either --synthetic N or --preset")
    count = synthetic if synthetic is not None else PRESETS[str(preset)]
    target = output or Path("landmarks.safetensors")
    card = target.with_suffix(".md")
    refuse_overwrite([target, card], force)
    seed, _ = console.chosen_seed(seed)
    face_model = load_model(model)
    folder = work or target.with_suffix(".work")
    photos = list(_photos(face_model, seed, count, folder))
    console.say(f"{len(photos)} photos of {count} faces; learning")
    trained, scores = train_landmarks(photos, face_model, redetect, console.say)
    command = f"facekit train-prior landmarks --synthetic {count} --seed {seed}"
    metadata = {"kind": "landmark statistics", "detector": "mediapipe", "command": command}
    write_weights(target, trained.arrays(), metadata | {"model": face_model.name}, force)
    write_text(card, landmark_card(command, len(photos), scores, face_model), force)
    console.say(
        f"{target}: error on {scores.photos} photos not learned from {scores.clean[-1]:.2f} mm, "
        f"behind occluders {scores.occluded[-1]:.2f} mm (mean face {scores.clean[0]:.2f} mm)"
    )
    if as_json:
        console.emit_json({"weights": target, "card": card, "seed": seed, **asdict(scores)})


def _photos(model: FaceModel, seed: int, count: int, folder: Path) -> Iterator[KnownPhoto]:
    """The photos of the series, from the work folder where they are already there."""
    from facekit.files.folder import make_folder
    from facekit.files.weights import read_weights, write_weights
    from facekit.fitting.known_photo import KnownPhoto
    from facekit.stages.detect import detect
    from facekit.stages.train_prior import synthetic_photos

    make_folder(folder)
    for index in console.progress(range(count), "faces", count):
        paths = [folder / f"{seed}_{index:06d}_{k}.safetensors" for k in range(1 + index % 2)]
        if not all(path.is_file() for path in paths):
            made = synthetic_photos(model, seed, index, detect)
            for path, photo in zip(paths, made, strict=True):
                write_weights(path, photo.arrays(), {}, force=True)
        for path in paths:
            yield KnownPhoto.from_arrays(read_weights(path)[0])
