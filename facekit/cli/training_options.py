"""What the commands that train networks have in common: their options, and where the results go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import click

from facekit.cli import options

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

work_option = click.option(
    "--work",
    type=options.FILE,
    metavar="DIR",
    help="Folder of what is done so far, OUTPUT.work by default; a run that was stopped goes on from there.",
)


@dataclass(frozen=True)
class TrainingWish:
    """Where the weights of a training go."""

    NAME: ClassVar[str]

    work: Path | None
    output: Path | None
    seed: int | None
    device: str
    force: bool
    as_json: bool

    @property
    def target(self) -> Path:
        """The weights."""
        return self.output or Path(f"{self.NAME}.safetensors")

    @property
    def card(self) -> Path:
        """Beside the weights."""
        return self.target.with_suffix(".md")

    @property
    def folder(self) -> Path:
        """What is done so far."""
        return self.work or self.target.with_suffix(".work")


def preset_option(of: str) -> Decorator:
    """The size of the network, with this help."""
    return click.option(
        "--preset",
        type=click.Choice(["tiny", "small", "paper"]),
        default="small",
        show_default=True,
        help=of,
    )


def result_options(name: str, *, model: bool = True) -> Decorator:
    """All that says where and how NAME.safetensors is made; ``model``: for a face model."""
    written = f"The weights, {name}.safetensors by default; a card is written beside them."
    own = [work_option, options.output_option(written), options.device_option]
    last = [options.seed_option, options.force_option, options.json_option, options.verbosity_options]

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed([*own, *([options.model_option] if model else []), *last]):
            command = one(command)
        return command

    return add
