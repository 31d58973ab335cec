"""facekit synth motion: invented motions, and what a headset sees of them."""

from __future__ import annotations

from pathlib import Path

import click

from facekit.cli import console
from facekit.cli.options import OUTPUT, force_option, json_option, seed_option, verbosity_options

OURS = ("*_[0-9][0-9][0-9].motion.npz", "*_[0-9][0-9][0-9].hmd.npz")


@click.command(short_help="Motions of invented people, to try the commands for bodies on.")
@click.option("-n", "n", type=click.IntRange(1, 999), default=12, show_default=True, help="How many motions.")
@click.option("-o", "--output", type=OUTPUT, required=True, metavar="FOLDER", help="Where the motions go.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 600),
    default=4.0,
    show_default=True,
    help="Length of each motion, at 30 frames a second.",
)
@seed_option
@force_option
@json_option
@verbosity_options
def motion(n: int, output: Path, seconds: float, seed: int | None, force: bool, as_json: bool) -> None:
    """Write motions of invented people: KIND_NUMBER.motion.npz, and KIND_NUMBER.hmd.npz, what a headset sees.

    The kinds take turns: walk, curve, squat, reach, wave, look. They are no substitute for motion capture.

    \b
    Example:
      facekit synth motion -n 24 -o motions/ --seed 1
    """
    import torch

    from facekit.files.atomic import atomic_folder
    from facekit.files.npz import write_record
    from facekit.motion.headset import headset_of
    from facekit.synthetic.motion import KINDS, make_motion

    kinds, told = tuple(KINDS), []
    with atomic_folder(output, force, OURS) as folder:
        seed, _ = console.chosen_seed(seed)
        for i in console.progress(range(n), "motions", n):
            kind = kinds[i % len(kinds)]
            name = f"{kind}_{i // len(kinds):03d}"
            made = make_motion(kind, seconds, torch.Generator().manual_seed(seed * 1000 + i), name)
            write_record(folder / f"{name}.motion.npz", made)
            write_record(folder / f"{name}.hmd.npz", headset_of(made))
            told.append({"motion": output / f"{name}.motion.npz", "signal": output / f"{name}.hmd.npz"})
    console.say(f"{output}: {n} motions")
    if as_json:
        console.emit_json({"folder": output, "seed": seed, "motions": told})
