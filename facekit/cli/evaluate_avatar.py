"""facekit evaluate avatar: the part of the command that is its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.errors import UsageError

if TYPE_CHECKING:
    import torch

    from facekit.avatar.capture import Capture
    from facekit.avatar.models import Avatar
    from facekit.stages.evaluate_avatar import Figures, Plan

OURS = ("tables.md", "tables.json", "*.png")
TASKS = ("encoder", "prior", "kpt", "hmc", "frontal", "masked", "headset", "ablation")


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    weights: tuple[Path, ...]
    data: tuple[Path, ...]
    earlier: tuple[Path, ...]
    tasks: tuple[str, ...]
    frames: int
    output: Path | None
    seed: int | None
    force: bool
    as_json: bool

    @property
    def folder(self) -> Path:
        """Where the tables go."""
        return self.output or Path("avatar.evaluation")


@click.command("avatar", short_help="How near avatars come to held-out frames, decoded and fitted.")
@click.argument("weights", nargs=-1, type=options.FILE, metavar="WEIGHTS...")
@click.option(
    "--data",
    type=options.FILE,
    multiple=True,
    metavar="CAPTURE",
    help="The capture of each person; give it once for each.",
)
@click.option(
    "--with",
    "earlier",
    type=options.FILE,
    multiple=True,
    metavar="FILE",
    help="tables.json of an earlier evaluation, whose figures join the tables.",
)
@click.option(
    "--task",
    "tasks",
    type=click.Choice(TASKS),
    multiple=True,
    help="What to measure; all of it by default. Give it once for each.",
)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=24,
    show_default=True,
    help="At most so many held-out frames of each capture, evenly apart.",
)
@options.output_option("Folder for tables.md, tables.json and pictures; avatar.evaluation by default.")
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def avatar(**wish: Any) -> None:
    """Make the tables of LiP-Flow: PSNR, SSIM and geometry of held-out frames.

    Latents come from the encoder, from the prior, and from fits to keypoints, to a headset's pictures (with
    known and unknown pose) and to a view from the front, whole and masked, with and without the likelihood.

    \b
    Example:
      facekit evaluate avatar dam.safetensors lip-flow.safetensors --data capture/ --seed 0
    """
    from facekit.files.atomic import atomic_folder
    from facekit.stages.evaluate_avatar import Plan

    asked = Wish(**wish)
    if not (asked.weights or asked.earlier):
        raise UsageError("give WEIGHTS of avatars to evaluate, or --with earlier figures")
    plan = Plan(asked.frames, asked.tasks or TASKS)
    with atomic_folder(asked.folder, asked.force, OURS) as made:
        seed, generator = console.chosen_seed(asked.seed)
        results = [result for path in asked.earlier for result in _earlier(path)]
        results += _measured(asked, plan, generator, made)
        told = _write(made, results, plan, f"Held-out frames: {asked.frames} of each person. Seed {seed}.")
    text = told.pop("text")
    if asked.as_json:
        console.emit_json(told)
    else:
        console.emit_line(text.rstrip("\n"))
    console.say(f"{asked.folder / 'tables.md'}: {len(results)} avatars")


def _measured(asked: Wish, plan: Plan, generator: torch.Generator, folder: Path) -> list[Figures]:
    """Figures of all WEIGHTS, and their pictures."""
    from facekit.avatar.avatar_files import from_arrays
    from facekit.avatar.fitting import FitSettings
    from facekit.avatar.scoring import make_test
    from facekit.files.capture import read_capture
    from facekit.files.images import write_image
    from facekit.files.weights import read_weights
    from facekit.stages.avatar_pictures import comparison, latent_picture, sample_picture
    from facekit.stages.evaluate_avatar import evaluate_avatar

    captures = [read_capture(path) for path in asked.data]
    results: list[Figures] = []
    fitted: dict[str, dict[str, Any]] = {}
    for path in console.progress(asked.weights, "avatars", len(asked.weights)):
        arrays, settings = read_weights(path)
        model, person = from_arrays(arrays, settings, str(path))
        test = make_test(model, _capture_of(captures, person.name), plan.frames)
        found = evaluate_avatar(model, settings, test, plan, generator, console.detail)
        results.append(found | {"name": path.stem, "variant": _variant(settings)})
        if model.look is not None:
            write_image(folder / f"{path.stem}.latents.png", latent_picture(model, test, generator)[0])
        else:
            write_image(folder / f"{path.stem}.samples.png", sample_picture(model, test, generator))
        chosen = FitSettings(**found["fit"].get(model.signal, {}))
        fitted.setdefault(person.name, {})[path.stem] = (model, chosen)
    for name, avatars in fitted.items():
        first: Avatar = next(iter(avatars.values()))[0]
        test = make_test(first, _capture_of(captures, name), plan.frames)
        write_image(folder / f"{name.replace(' ', '_')}.fits.png", comparison(avatars, test))
    return results


def _variant(settings: dict[str, str]) -> str:
    """How a model was trained other than by default (Table 5)."""
    plan = json.loads(settings.get("plan", "{}"))
    words = "" if plan.get("cycle", True) else " - flow cycle"
    return words + (" + decoding P" if plan.get("decode_prior") else "")


def _capture_of(captures: list[Capture], name: str) -> Capture:
    for capture in captures:
        if capture.subject == name:
            return capture
    raise UsageError(f"no --data is a capture of {name}; give the one that the avatar was trained on")


def _earlier(path: Path) -> list[Figures]:
    """The figures in a tables.json. Raises UsageError for another file."""
    from facekit.files.reading import read_json

    told = read_json(path)
    if not isinstance(told, dict) or "results" not in told:
        raise UsageError(f"{path} is no tables.json of facekit evaluate avatar")
    return list(told["results"])


def _write(folder: Path, results: list[Figures], plan: Plan, note: str) -> dict[str, Any]:
    """The tables as text and as JSON."""
    from facekit.files.atomic import write_text
    from facekit.stages.avatar_tables import tables

    text = "\n\n".join([note, *(table.markdown() for table in tables(results))]) + "\n"
    told = {"note": note, "plan": asdict(plan), "results": results}
    write_text(folder / "tables.md", text)
    write_text(folder / "tables.json", json.dumps(told, indent=2) + "\n")
    return told | {"text": text}
