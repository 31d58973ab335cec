"""facekit evaluate pose: the part of the command that is its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options

if TYPE_CHECKING:
    from facekit.priors.pose_prior import PosePrior
    from facekit.records import Motion
    from facekit.stages.evaluate_pose import Figures, Plan


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    weights: tuple[Path, ...]
    data: Path
    part: str
    frames: int
    k: int
    runs: int
    output: Path | None
    seed: int | None
    force: bool
    as_json: bool

    @property
    def folder(self) -> Path:
        """Where the tables go."""
        return self.output or Path("pose.evaluation")


@click.command(short_help="How near bodies come to the truth that are moved by head and hands alone.")
@click.argument("weights", nargs=-1, required=True, type=options.FILE, metavar="WEIGHTS...")
@click.option(
    "--data",
    type=options.FILE,
    required=True,
    metavar="DATA",
    help="Motions as for train-prior pose: a file or a folder.",
)
@click.option(
    "--part",
    type=click.Choice(["test", "takes", "validation", "train", "all"]),
    default="test",
    show_default=True,
    help="Which clips: test is kinds of motion (or people) not trained on, takes other takes of known kinds.",
)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="At most so many frames, evenly through the clips.",
)
@click.option("-k", "k", type=click.IntRange(1), default=10, show_default=True, help="Samples for best of K.")
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Runs of best of K.")
@options.output_option("Folder for tables.md, tables.json and iterations.png; pose.evaluation by default.")
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def pose(**wish: Any) -> None:
    """Make the tables of FLAG: errors in cm of the joints of the upper and of the whole body.

    Each of the WEIGHTS (pose for those that come along) generates a pose from what a headset sees, then fits
    it by L-BFGS in its latents.

    \b
    Example:
      facekit evaluate pose flag.safetensors vae.safetensors --data motions/ --seed 0
    """
    from facekit.files.atomic import atomic_folder
    from facekit.files.motion import read_motions
    from facekit.stages.evaluate_pose import Plan, evaluate_prior, make_test, part_of, themes_of

    asked = Wish(**wish)
    plan = Plan(asked.frames, asked.k, asked.runs)
    motions = part_of(read_motions(asked.data), asked.part)
    stems = [path.stem for path in asked.weights]
    priors = {
        path.stem if stems.count(path.stem) == 1 else str(path.with_suffix("")): _read(path, motions)
        for path in asked.weights
    }
    with atomic_folder(asked.folder, asked.force, ("tables.md", "tables.json", "iterations.png")) as made:
        seed, generator = console.chosen_seed(asked.seed)
        results = {
            name: evaluate_prior(
                prior, make_test(prior, motions, plan.frames), plan, generator, console.detail
            )
            for name, prior in console.progress(priors.items(), "priors", len(priors))
        }
        count = next(iter(results.values()))["frames"]
        note = f"{count} frames of {len(motions)} clips ({asked.part}): {themes_of(motions)}. Seed {seed}."
        told = _write(made, results, plan, note)
    text = told.pop("text")
    if asked.as_json:
        console.emit_json(told)
    else:
        console.emit_line(text.rstrip("\n"))
    console.say(f"{asked.folder / 'tables.md'}: {count} frames, {len(results)} priors")


def _read(path: Path, motions: list[Motion]) -> PosePrior:
    """A prior over poses; a warning where it was trained on some of the clips."""
    from facekit.cli.networks import pose_prior_of

    prior, settings = pose_prior_of(path)
    known = set(json.loads(settings.get("clips", "[]"))) & {motion.clip for motion in motions}
    if known:
        console.warn(f"{path} was trained on {len(known)} of the clips")
    return prior


def _write(folder: Path, results: dict[str, Figures], plan: Plan, note: str) -> dict[str, Any]:
    """The tables as text and as JSON, and the curve."""
    from facekit.files.atomic import write_text
    from facekit.files.images import write_image
    from facekit.metrics.curves import curves_picture
    from facekit.stages.evaluate_pose import tables

    made = tables(results, plan)
    text = "\n\n".join([note, *(table.markdown() for table in made)]) + "\n"
    told = {"note": note, "plan": asdict(plan), "results": results}
    write_text(folder / "tables.md", text)
    write_text(folder / "tables.json", json.dumps(told, indent=2) + "\n")
    series = {f"{row[0]}, {row[1]}": [float(str(value)) for value in row[2:]] for row in made[-1].rows}
    picture = curves_picture(series, plan.iterations, "iterations", "full-body MPJPE, cm")
    write_image(folder / "iterations.png", picture)
    return told | {"text": text}
