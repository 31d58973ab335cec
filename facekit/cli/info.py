"""``facekit info``: what a file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console
from facekit.cli.options import FILE, json_option, verbosity_options
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.files.contents import Contents


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option(
    "--get", metavar="KEY", help="Print one value bare, for $(...): rows on lines, numbers apart by spaces."
)
@json_option
@verbosity_options
def info(files: tuple[Path, ...], get: str | None, as_json: bool) -> None:
    """Say what a file holds: a record, weights, a mesh, a picture or a JSON document; or the folder of a
    capture.

    \b
    Examples:
      facekit info face.fit.npz
      facekit info face.fit.npz --get camera.K
      facekit info face.fit.npz --json | jq .history
    """
    from facekit.files.contents import read_contents
    from facekit.stages.describe import bare

    if get is None:
        work = _as_json if as_json else _as_table
    else:

        def work(path: Path, contents: Contents) -> Any:
            value = _value(path, contents, get)
            return value if as_json else console.emit_line(bare(value))

    results, failures = console.run_many(files, lambda path: work(path, read_contents(path)))
    if as_json:
        console.emit_json(results[0] if len(files) == 1 else [*results, *failures])


def _value(path: Path, contents: Contents, key: str) -> Any:
    header = {"kind": contents.kind, "version": contents.version}
    if key in contents.values or key in header:
        return contents.values.get(key, header.get(key))
    raise UsageError(f"{path} has no value {key}; it has {', '.join([*header, *contents.values])}")


def _as_json(path: Path, contents: Contents) -> dict[str, Any]:
    from facekit.stages.describe import describe

    history = [vars(step) for step in contents.history]
    fields = {key: describe(value) for key, value in contents.values.items()}
    return {
        "file": str(path),
        "kind": contents.kind,
        "version": contents.version,
        "history": history,
        "values": fields,
    }


def _as_table(path: Path, contents: Contents) -> None:
    from facekit.stages.describe import summary

    rows = [(key, *summary(value)) for key, value in contents.values.items()]
    console.emit_table(
        f"{path}: {contents.kind}, format {contents.version}", ["key", "type", "shape", "values"], rows
    )
    for step in contents.history:
        seed = f" seed {step.seed}" if step.seed is not None else ""
        model = f" model {step.model}" if step.model else ""
        console.emit_line(f"made by: {step.command}  (facekit {step.facekit}{seed}{model})")
