"""facekit train-prior mesh-vae: the part of the command that is its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.training_folder import TrainingFolder
from facekit.cli.training_options import TrainingWish, preset_option, result_options
from facekit.errors import UsageError

if TYPE_CHECKING:
    import torch

    from facekit.completion.vae_training import Faces
    from facekit.morphable.model import FaceModel
    from facekit.stages.train_mesh_vae import Plan, TrainedVAE

PEOPLE = 10_000  # synthetic ones, where nothing else is said


@dataclass(frozen=True)
class Wish(TrainingWish):
    """What the user asked for."""

    NAME = "mesh-vae"

    model: str
    preset: str
    synthetic: int | None
    data: Path | None
    steps: int | None
    batch: int | None

    @property
    def source(self) -> str:
        """The data as options."""
        return f"--synthetic {self.synthetic or PEOPLE}" if self.data is None else f"--data {self.data.name}"


@click.command("mesh-vae", short_help="A network that completes a face of which a part is seen.")
@click.option(
    "--synthetic",
    type=click.IntRange(40),
    metavar="N",
    help=f"Learn from N people drawn from the face model, each with any expression; {PEOPLE} by default.",
)
@click.option(
    "--data",
    type=options.FILE,
    metavar="DIR",
    help="Learn from registered meshes instead, PERSON/SEQUENCE/FRAME.ply as in CoMA, or PERSON/NAME.obj.",
)
@preset_option("Size of the network; paper is that of Diverse3DFace.")
@click.option("--steps", type=click.IntRange(1), help="Training steps; by default 200, 5500 or 200000.")
@click.option(
    "--batch", type=click.IntRange(1), help="Faces that a step learns from; by default 16, 24 or 16."
)
@result_options("mesh-vae")
def mesh_vae(**wish: Any) -> None:
    """Train the network of Diverse3DFace that completes a face of which a part is seen.

    Ctrl-C ends the run after the present step; the same command goes on from there. With several processes:
    torchrun --no-python --nproc-per-node 2 facekit train-prior mesh-vae ...

    \b
    Examples:
      facekit train-prior mesh-vae --preset small --seed 0 -o mesh-vae.safetensors
      facekit train-prior mesh-vae --data CoMA/ --model flame.safetensors --seed 0
    """
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.models import load_model
    from facekit.stages.train_mesh_vae import BATCHES, MASKS, RATES, STEPS, Plan, train_mesh_vae
    from facekit.train.distributed import joined

    asked = Wish(**wish)
    refuse_overwrite([asked.target, asked.card], asked.force)
    if asked.data is not None and asked.synthetic is not None:
        raise UsageError("give either --data or --synthetic, not both")
    seed, _ = console.chosen_seed(asked.seed)
    steps, masks = asked.steps or STEPS[asked.preset], MASKS[asked.preset]
    batch = asked.batch or BATCHES[asked.preset]
    plan = Plan(asked.preset, seed, steps, batch, RATES[asked.preset], masks=masks)
    device = _device(asked.device)
    model = load_model(asked.model)
    work = _folder(asked, plan, model)
    resume = work.resume()
    faces = _faces(asked, plan, model)
    with joined(device) as group:
        report = work.reporter(0 if resume is None else int(resume["step"]))
        trained = train_mesh_vae(model, faces, plan, group, resume=resume, save=work.save, report=report)
        leads = group.leads
    if leads and trained.finished:
        _write(asked, plan, trained, model, faces.identities)
    elif leads:
        console.say(
            f"stopped after step {trained.step}; the same command with --seed {seed} goes on from there"
        )


def _device(name: str) -> torch.device:
    """As --device says, but never mps, which cannot multiply sparse matrices."""
    device = console.torch_device(name)
    if device.type == "mps" and name != "auto":
        raise UsageError("mps cannot multiply sparse matrices; use --device cpu")
    return device if device.type != "mps" else console.torch_device("cpu")


def _folder(asked: Wish, plan: Plan, model: FaceModel) -> TrainingFolder:
    """The work folder; another plan, other data or another model are another training."""
    told = {"plan": json.dumps(asdict(plan)), "data": asked.source, "model": model.digest}
    return TrainingFolder(asked.work or asked.target.with_suffix(".work"), told, plan.steps)


def _faces(wish: Wish, plan: Plan, model: FaceModel) -> Faces:
    from facekit.completion.vae_training import ModelFaces
    from facekit.files.registered import read_registered
    from facekit.stages.train_mesh_vae import registered_faces

    if wish.data is None:
        return ModelFaces(model, wish.synthetic or PEOPLE, plan.seed)
    vertices, person = read_registered(
        wish.data,
        model.topology.faces,
        progress=lambda paths: console.progress(paths, "meshes", len(paths)),
    )
    console.say(f"{len(vertices)} meshes of {len(set(person.tolist()))} people")
    return registered_faces(vertices, person, model)


def _write(wish: Wish, plan: Plan, trained: TrainedVAE, model: FaceModel, people: int) -> None:
    from facekit.completion.mesh_vae import halved
    from facekit.files.atomic import write_text
    from facekit.files.weights import write_weights
    from facekit.stages.train_mesh_vae import COMPARED, mesh_vae_card

    command = f"facekit train-prior mesh-vae {wish.source} --preset {plan.preset} --steps {plan.steps}"
    command += f" --batch {plan.batch} --seed {plan.seed}"
    metadata = trained.settings | {"command": command, "model": model.name, "model_sha256": model.digest}
    write_weights(wish.target, halved(trained.arrays), metadata, wish.force)
    write_text(wish.card, mesh_vae_card(command, trained, model, people, COMPARED[plan.preset]), wish.force)
    scores = trained.scores
    assert scores is not None
    console.say(
        f"{wish.target}: {scores.hidden:.2f} mm off where hidden, {scores.visible:.2f} mm where seen, on "
        f"people not learned from (mean face {scores.mean_face:.2f} mm)"
    )
    if wish.as_json:
        console.emit_json({"weights": wish.target, "card": wish.card, "seed": plan.seed, **asdict(scores)})
