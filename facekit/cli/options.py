"""Options that several commands share: one name, one meaning, converted to inner units at the border."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from facekit.cli import console
from facekit.completion.names import DEFAULT_METHOD, METHODS, WITHOUT_NETWORK
from facekit.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

# Records are told apart by these suffixes, which also make the pattern rules of make work.
RECORD_SUFFIXES = (".landmarks.npz", ".fit.npz", ".ensemble.npz", ".completion.npz", ".motion.npz")


# Instead of the path of a mask; a file of that name is ./auto or ./none.
AUTO, NONE = Path("auto"), Path("none")  # find what hides the face; nothing does
WORDS = (AUTO, NONE)


class Angle(click.ParamType):
    """An angle: ``30``, ``30deg`` or ``0.5rad``; radians inside."""

    name = "angle"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text to radians; numbers (defaults) are degrees."""
        match = re.fullmatch(
            r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(deg|rad|°)?\s*", str(value), re.I
        )
        if match is None:
            self.fail(
                f"{value!r} is not an angle; write degrees as 30 or 30deg, or radians as 0.5rad", param, ctx
            )
        number = float(match[1])
        return number if (match[2] or "").lower() == "rad" else math.radians(number)


class Seed(click.ParamType):
    """A seed of torch's generators: 0 to 2^63 - 1."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text to a whole number."""
        if not re.fullmatch(r"\d+", str(value), re.ASCII) or int(value) >= 2**63:
            self.fail(f"{value!r} is not a whole number from 0 to 2^63 - 1", param, ctx)
        return int(value)


class Output(click.Path):
    """A path to write to; "-" is refused, since no command writes its files to stdout."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text to a Path."""
        if value == "-":
            self.fail(
                "results are files, not a stream; give a path (./- for a file of that name)", param, ctx
            )
        return super().convert(value, param, ctx)


ANGLE = Angle()
SEED = Seed()
# Existence is checked on reading, so that a missing file gives the exit code of unreadable input.
FILE = click.Path(path_type=Path)
OUTPUT = Output(path_type=Path)


def photos_argument(function: F) -> F:
    """One photo or several."""
    return click.argument("photos", nargs=-1, required=True, type=FILE, metavar="PHOTO...")(function)


def output_option(help: str) -> Callable[[F], F]:
    """-o/--output with the command's own sentence on what the default is."""
    return click.option("-o", "--output", type=OUTPUT, metavar="PATH", help=help)


def force_option(function: F) -> F:
    """--force."""
    return click.option("--force", is_flag=True, help="Overwrite files that exist already.")(function)


def seed_option(function: F) -> F:
    """--seed; see console.chosen_seed."""
    text = "Seed of all randomness; chosen and recorded when not given. The same seed gives the same files."
    return click.option("--seed", type=SEED, help=text)(function)


def device_option(function: F) -> F:
    """--device; see console.torch_device."""
    choice = click.Choice(["auto", "cpu", "cuda", "mps"])
    text = "Where the arithmetic runs; auto takes a GPU where there is one."
    return click.option("--device", type=choice, default="auto", show_default=True, help=text)(function)


def model_option(function: F) -> F:
    """--model, for files.models.load_model."""
    text = "Face model: default, or the path of a FLAME, BFM, ICT or facekit model."
    return click.option("--model", default="default", show_default=True, metavar="NAME|PATH", help=text)(
        function
    )


def landmarks_option(function: F) -> F:
    """--landmarks."""
    text = (
        "Landmarks of the face, as detect writes them or as .json, .pts, .npy or text; "
        "found in the photo when not given."
    )
    return click.option("--landmarks", type=FILE, metavar="FILE", help=text)(function)


def occlusion_option(automatic: bool = False) -> Callable[[F], F]:
    """--occlusion, for files.images.read_mask; ``automatic``: also the words of WORDS."""
    text = "Mask of what hides the face: a picture of the photo's size, white = hidden."
    if automatic:
        text += " auto: find it in the photo."
    meta = "MASK|auto" if automatic else "MASK"
    return click.option("--occlusion", type=FILE, metavar=meta, help=text)


def method_option(function: F) -> F:
    """--method of diversify and complete."""
    text = (
        "How shapes are made, by the names of the paper: flame is the global face model alone; with vae the "
        f"mesh VAE completes them, with dpp they are spread apart. {DEFAULT_METHOD} when not given, or "
        f"{WITHOUT_NETWORK} for a face model for which there is no mesh VAE."
    )
    return click.option("--method", type=click.Choice(list(METHODS)), help=text)(function)


def weights_option(function: F) -> F:
    """--weights of the mesh VAE; see networks.network_of."""
    text = "A mesh VAE made by train-prior mesh-vae, instead of the one that comes with facekit."
    return click.option("--weights", type=FILE, metavar="FILE", help=text)(function)


def mesh_dir_option(function: F) -> F:
    """--mesh-dir."""
    text = "Also write NAME_00.obj, ... into this folder."
    return click.option("--mesh-dir", type=FILE, metavar="FOLDER", help=text)(function)


def json_option(function: F) -> F:
    """--json as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")(
        function
    )


def yaw_option(function: F) -> F:
    """--yaw in degrees, radians inside."""
    text = "Turn of the head in degrees; positive turns the face to its own left."
    return click.option("--yaw", type=ANGLE, default=0, show_default=True, metavar="ANGLE", help=text)(
        function
    )


def pitch_option(function: F) -> F:
    """--pitch in degrees, radians inside."""
    text = "Nod of the head in degrees; positive looks up."
    return click.option("--pitch", type=ANGLE, default=0, show_default=True, metavar="ANGLE", help=text)(
        function
    )


def verbosity_options(function: F) -> F:
    """-q and -v, on every command."""

    def quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            console.set_verbosity(console.QUIET)

    def verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            console.set_verbosity(console.VERBOSE)

    loud = click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=verbose,
        help="Say more; tracebacks of internal errors.",
    )
    still = click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=quiet,
        help="Say nothing but warnings and errors.",
    )
    return still(loud(function))


def stem(path: Path) -> str:
    """The NAME of ``NAME.jpg`` and of ``NAME.fit.npz``."""
    for suffix in RECORD_SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.stem


def refuse_clashes(sources: Sequence[Path], outputs: Sequence[Path | None]) -> None:
    """Before any work: raise UsageError where results of two inputs would go to one file.

    ``outputs`` is what was given for each kind of result, see output_path.
    """
    for output in outputs if len(sources) > 1 else ():
        if output is not None:
            _refuse_one_file(output)
        refuse_same_names(sources, together=output is not None)


def refuse_same_names(sources: Sequence[Path], together: bool) -> None:
    """Raise UsageError where two inputs have one NAME, in one folder or, with ``together``, in any."""
    names: dict[Path, Path] = {}
    for source in sources:
        name = Path(stem(source)) if together else source.with_name(stem(source))
        if name in names:
            raise UsageError(
                f"the results of {names[name]} and {source} would have the same name; give each input once, "
                "or rename one"
            )
        names[name] = source


def _refuse_one_file(output: Path) -> None:
    """Where there must be a folder."""
    if not output.is_dir() and (output.suffix or output.exists()):
        raise UsageError(f"there are several inputs and {output} is one file; give a folder instead")


def output_path(source: Path, suffix: str, output: Path | None, several: bool = False) -> Path:
    """Where the result for ``source`` goes: beside it as NAME + suffix, or to ``output``, a file or a folder.

    For several inputs ``output`` is a folder, which make_folders makes. Raises UsageError if it is one file.
    """
    name = stem(source) + suffix
    if output is None:
        return source.with_name(name)
    if not several and not output.is_dir():
        return output
    _refuse_one_file(output)
    return output / name


def make_folders(targets: Iterable[Path | None], several: bool) -> None:
    """Before writing: the folders of output_path, which several inputs need not have been given ready."""
    from facekit.files.folder import make_folder

    for target in targets if several else ():
        if target is not None:
            make_folder(target.parent)
