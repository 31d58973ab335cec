"""``facekit diff``: compare two files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from facekit.cli import console
from facekit.cli.options import FILE, json_option, verbosity_options

DIFFERENT = 1


class Tolerance(click.FloatRange):
    """A number from 0, infinity included; with NaN everything would agree."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text to float."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number


TOLERANCE = Tolerance(min=0)


@click.command()
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
@click.option("--atol", type=TOLERANCE, default=0.0, show_default=True, help="Absolute tolerance.")
@click.option("--rtol", type=TOLERANCE, default=0.0, show_default=True, help="Tolerance relative to B.")
@click.option(
    "--ignore", multiple=True, metavar="KEY", help="Leave out a key and those below it; may be repeated."
)
@json_option
@verbosity_options
@click.pass_context
def diff(
    ctx: click.Context, a: Path, b: Path, atol: float, rtol: float, ignore: tuple[str, ...], as_json: bool
) -> None:
    """Compare two files of one kind: records, meshes, pictures, weights or JSON documents.

    Exits with 0 where they agree and 1 where they differ, naming the worst key. Numbers agree where
    |a - b| <= atol + rtol |b|. The history of a record is not compared.

    \b
    Example:
      facekit diff before.fit.npz after.fit.npz --atol 1e-4
    """
    from facekit.errors import WrongKindError
    from facekit.files.contents import read_contents
    from facekit.stages.compare import compare

    first, second = read_contents(a), read_contents(b)
    if first.kind != second.kind:
        raise WrongKindError(
            f"{a} is of kind {first.kind} and {b} of kind {second.kind}; they cannot be compared"
        )
    found = compare(first.values, second.values, atol, rtol, ignore)
    if as_json:
        console.emit_json({"equal": not found, "differences": [vars(difference) for difference in found]})
    if not found:
        console.detail(f"{a} and {b} agree")
        return
    if not as_json:
        console.emit_line(f"{a} and {b} differ, worst in {found[0].key}: {found[0].reason}")
        for difference in found[1:]:
            console.emit_line(f"  {difference.key}: {difference.reason}")
    ctx.exit(DIFFERENT)
