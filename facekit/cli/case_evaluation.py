"""What the evaluations on occluded photos have in common: the photos, the folder that goes on, the tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from facekit.cli import console, options
from facekit.cli.training_options import Decorator
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.files.cases import CaseFiles
    from facekit.files.workspace import Workspace
    from facekit.metrics.tables import Table
    from facekit.morphable.model import FaceModel


@dataclass(frozen=True)
class CaseWish:
    """What the user asked for, as far as all of these evaluations ask it."""

    NAME: ClassVar[str]  # of the evaluation

    cases: int
    data: tuple[Path, ...]
    output: Path | None
    model: str
    seed: int | None
    force: bool
    as_json: bool

    @property
    def folder(self) -> Path:
        """Where everything goes."""
        return self.output or Path(f"{self.NAME}.evaluation")


def cases_option(default: int, made: str) -> Decorator:
    """``--cases``; ``made`` says what is made where no data are given."""
    return click.option(
        "--cases",
        type=click.IntRange(1),
        default=default,
        show_default=True,
        help=f"Photos to make, {made}; or the most to take of --data.",
    )


def data_option(told: str) -> Decorator:
    """``--data FOLDER``, any number of times; ``told`` says what the folders hold."""
    return click.option(
        "--data",
        type=options.FILE,
        multiple=True,
        metavar="FOLDER",
        help=f"{told} May be given several times.",
    )


def make_photos(kinds: Sequence[str], cases: int, seed: int, folder: Path, model: str) -> None:
    """Photos of synthetic people in a folder for each kind of occluder; the kinds take turns."""
    from facekit.cli.synth import photos

    for i, kind in enumerate(kinds):
        count = len(range(i, cases, len(kinds)))
        if count and not any((folder / kind).glob("*.png")):
            line = ["-n", str(count), "--occluder", kind, "--seed", str(seed + i), "--model", model]
            photos.main(args=[*line, "-o", str(folder / kind)], standalone_mode=False)


def in_turn(found: Sequence[CaseFiles]) -> list[CaseFiles]:
    """Cases such that folders take turns: the first of each, then the second of each."""
    count: dict[Path, int] = {}
    places = []
    for case in found:
        places.append(count.setdefault(case.photo.parent, 0))
        count[case.photo.parent] += 1
    return [found[i] for i in sorted(range(len(found)), key=lambda i: (places[i], i))]


def case_files(asked: CaseWish, kinds: Sequence[str], seed: int, folder: Path) -> list[CaseFiles]:
    """The cases of --data, or of photos made now in ``folder``; folders and kinds of occluders take turns."""
    from facekit.files.cases import find_cases

    if not asked.data:
        make_photos(kinds, asked.cases, seed, folder, asked.model)
    return in_turn(find_cases(list(asked.data) or [folder]))[: asked.cases]


def begin(asked: CaseWish, space: Workspace, model: FaceModel, settings: Mapping[str, Any]) -> int:
    """Settle the seed (that of the folder where none is asked for) and start or go on in the folder.

    ``settings`` are those of the evaluation itself. Raises UsageError where the folder holds one with others.
    """
    told = asked.seed if asked.seed is not None or asked.force else space.settings.get("seed")
    seed, _ = console.chosen_seed(told)
    common = {
        "seed": seed,
        "cases": asked.cases,
        "data": [str(path) for path in asked.data],
        "model": f"{model.name}@{model.digest[:12]}",
    }
    space.begin(common | dict(settings), asked.force)
    return seed


def write_tables(
    space: Workspace,
    made: Sequence[Table],
    results: Sequence[Mapping[str, Any]],
    note: str,
    more: Mapping[str, Any],
) -> tuple[str, dict[str, Any]]:
    """Write tables.md and tables.json and warn of failed cases; ``more`` joins the settings that are told.

    Returns what was written, as text and as JSON. Raises UsageError where all cases failed.
    """
    from facekit.files.atomic import write_text

    failed = {result["name"]: result["failed"] for result in results if result["failed"]}
    if len(failed) == len(results):
        raise UsageError(f"no case could be evaluated: {next(iter(failed.values()), 'there is none')}")
    told = {
        "settings": space.settings | dict(more),
        "cases": len(results),
        "failed": failed,
        "tables": {t.name: {"title": t.title, "columns": t.columns, "rows": t.rows} for t in made},
    }
    note = f"{_count(len(results))}, {len(failed)} failed{note}"
    text = "\n\n".join([note, *(table.markdown() for table in made)]) + "\n"
    write_text(space.folder / "tables.md", text, force=True)
    write_text(space.folder / "tables.json", json.dumps(told, indent=2) + "\n", force=True)
    for name, why in failed.items():
        console.warn(f"{name}: {why}")
    return text, told


def tell(space: Workspace, text: str, told: Mapping[str, Any], as_json: bool) -> None:
    """The tables to stdout, and where they are."""
    if as_json:
        console.emit_json(dict(told))
    else:
        console.emit_line(text.rstrip("\n"))
    console.say(f"{space.folder / 'tables.md'}: {_count(told['cases'])}")


def _count(cases: int) -> str:
    return f"{cases} case{'s' * (cases != 1)}"
