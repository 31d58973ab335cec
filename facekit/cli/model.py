"""``facekit model``: list, inspect, convert and build face models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console
from facekit.cli.options import FILE, OUTPUT, force_option, json_option, verbosity_options
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.morphable.model import FaceModel


@click.group()
def model() -> None:
    """List, inspect, convert and build face models.

    \b
    Examples:
      facekit model info default
      facekit model convert generic_model.pkl -o flame.safetensors
      facekit model build --ict ict_face_model_light.npz -o face.safetensors
    """


@model.command("list", short_help="List the models that come along, and the forms that are read.")
@json_option
@verbosity_options
def list_models(as_json: bool) -> None:
    """List the models that come with facekit and the forms that --model reads."""
    from facekit.files.models import DEFAULT, GLOBAL_LOCAL

    known = {
        DEFAULT: "full head, 100 identity and 53 ARKit expression modes",
        DEFAULT + GLOBAL_LOCAL: "the same head, 10 + 10 global modes and local modes by region",
        "PATH": "facekit .safetensors, FLAME .pkl or .npz, BFM .mat or .h5, ICT folder or .npz",
    }
    if as_json:
        console.emit_json(known)
    else:
        console.emit_table("face models", ["--model", "what it is"], list(known.items()))


@model.command()
@click.argument("name", metavar="NAME|PATH", default="default")
@json_option
@verbosity_options
def info(name: str, as_json: bool) -> None:
    """Say what a face model holds."""
    from facekit.files.models import load_model

    facts = _facts(load_model(name))
    if as_json:
        console.emit_json(facts)
    else:
        console.emit_table(name, ["", ""], [(key, str(value)) for key, value in facts.items()])


def _facts(found: FaceModel) -> dict[str, Any]:
    topology = found.topology
    return {
        "name": found.name,
        "licence": found.licence,
        "vertices": len(found.mean),
        "triangles": len(topology.faces),
        "modes": {block.name: block.size for block in found.blocks},
        "expressions": list(found.expression_names),
        "regions": {name: int((weight > 0.5).sum()) for name, weight in topology.regions.items()},
        "landmarks": {name: len(embedding.face) for name, embedding in topology.embeddings.items()},
        "texture chart": len(topology.uv) > 0,
        "mirror map": bool((topology.mirror >= 0).all()),
        "albedo modes": 0 if found.albedo is None else len(found.albedo.basis),
        "sha256": found.digest,
    }


@model.command()
@click.argument("name", metavar="NAME|PATH")
@click.option(
    "-o", "--output", type=OUTPUT, required=True, metavar="PATH", help="The .safetensors file to write."
)
@click.option(
    "--landmark-embedding",
    type=FILE,
    metavar="FILE",
    help="FLAME's landmark_embedding.npy, or 68 vertex numbers as JSON, for a model without landmarks.",
)
@force_option
@json_option
@verbosity_options
def convert(name: str, output: Path, landmark_embedding: Path | None, force: bool, as_json: bool) -> None:
    """Write a FLAME, BFM or ICT model in facekit's own format."""
    from facekit.files.models import load_model, write_model

    _refuse(output, force)
    found = load_model(name, landmark_embedding)
    write_model(output, found, force)
    console.say(f"{output}: {found.name}, {len(found.mean)} vertices, {found.size} modes")
    if as_json:
        console.emit_json({"path": output, **_facts(found)})


def _refuse(output: Path, force: bool) -> None:
    """Before any work: raise UsageError, UnreadableError where the model cannot be written."""
    from facekit.files.atomic import refuse_overwrite

    if output.suffix != ".safetensors":
        raise UsageError(f"{output} would not be read again: give it the suffix .safetensors")
    refuse_overwrite([output], force)


@model.command()
@click.option(
    "--ict", type=FILE, required=True, metavar="PATH", help="ict_face_model_light.npz (ICT-FaceKit, MIT)."
)
@click.option(
    "-o", "--output", type=OUTPUT, required=True, metavar="PATH", help="The .safetensors file to write."
)
@force_option
@json_option
@verbosity_options
def build(ict: Path, output: Path, force: bool, as_json: bool) -> None:
    """Build the default face model from the ICT Face Model Light. The same input gives the same file."""
    from facekit.files.models import write_model
    from facekit.files.unpickle import read_npz
    from facekit.morphable.build import build_model

    _refuse(output, force)
    built = build_model(read_npz(ict))
    write_model(output, built, force)
    console.say(f"{output}: {len(built.mean)} vertices, {built.size} modes, sha256 {built.digest[:12]}")
    if as_json:
        console.emit_json({"path": output, **_facts(built)})
