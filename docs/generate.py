"""Write man/*.1 and docs/cli.md from the commands, docs/records.md from records.py.

Run ``python docs/generate.py [--check]`` with facekit installed.

``--check`` writes nothing and exits with 1 if a page is not what the commands say.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from facekit import __version__
from facekit.cli.main import COMMANDS, cli
from facekit.files.schema import RECORDS, names

ROOT = Path(__file__).resolve().parents[1]
RECORDS_INTRO = """# Records

Generated from `facekit/records.py` by `python docs/generate.py`. Each record is an `.npz` file with these
keys. How they are read and what else a file holds stands in [pipeline.md](pipeline.md), what the numbers mean
in [conventions.md](conventions.md).

Shapes: L landmarks, V vertices, F triangles, K model modes, N completions, H×W pixels, T texels a side.
"""
INTRO = """# Commands

Generated from the commands by `python docs/generate.py`; the man pages hold the same. What all of them share
stands in [conventions.md](conventions.md), how they chain in [pipeline.md](pipeline.md).
"""
SHARED_BY_ALL = ("--quiet", "--verbose", "--help")


@dataclass(frozen=True)
class Page:
    """One command as it is documented."""

    name: str  # "facekit model build"
    summary: str
    usage: str
    paragraphs: list[tuple[bool, str]]  # preformatted?, text
    options: list[tuple[str, str]]
    children: list[Page] = field(default_factory=list)


def page_of(command: click.Command, ctx: click.Context, summary: str | None = None) -> Page:
    """Read a command and its subcommands."""
    children = []
    if ctx.parent is not None:
        between = click.Context(click.Group(command.name), info_name=ctx.info_name, parent=ctx.parent)
        for name, child in sorted(getattr(command, "commands", {}).items()):
            children.append(page_of(child, click.Context(child, info_name=name, parent=between)))
    paragraphs = paragraphs_of(command.help or "")
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    options = [option_of(p) for p in command.get_params(ctx) if isinstance(p, click.Option) and not p.hidden]
    return Page(ctx.command_path, summary or paragraphs[0][1], usage, paragraphs, options, children)


def paragraphs_of(text: str) -> list[tuple[bool, str]]:
    """Paragraphs of a help text; those after click's ``\\b`` keep their lines."""
    paragraphs = []
    for part in inspect.cleandoc(text).split("\n\n"):
        kept = part.startswith("\b")
        lines = part.removeprefix("\b").strip("\n").split("\n")
        paragraphs.append((kept, "\n".join(lines) if kept else " ".join(line.strip() for line in lines)))
    return paragraphs


def option_of(option: click.Option) -> tuple[str, str]:
    """Names with metavar, and help with the default."""
    shown = ", ".join(option.opts) + "".join(f" / {name}" for name in option.secondary_opts)
    if not option.is_flag and not option.count:
        if isinstance(option.type, click.Choice):
            metavar = "|".join(str(choice) for choice in option.type.choices)
        else:
            metavar = option.metavar or option.type.name.split()[0].upper()
        shown += f" {metavar}"
    text = " ".join((option.help or "").split())
    if option.show_default and option.default is not None and not option.is_flag:
        text += f" Default: {option.default}."
    return shown, text


def roff(text: str) -> str:
    """Text safe inside a man page."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in text)
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in text.split("\n"))


def roff_paragraphs(page: Page) -> Iterator[str]:
    for kept, text in page.paragraphs:
        yield f".PP\n.nf\n{roff(text)}\n.fi" if kept else f".PP\n{roff(text)}"


def roff_options(page: Page) -> Iterator[str]:
    for option, text in page.options:
        yield f".TP\n\\fB{roff(option)}\\fR\n{roff(text)}"


def man_page(page: Page, commands: list[Page]) -> str:
    """One man page; ``commands`` are listed on the page of facekit itself."""
    title = page.name.replace(" ", "-")
    parts = [
        f'.TH "{title.upper()}" "1" "" "facekit {__version__}" "facekit"',
        f".SH NAME\n{roff(title)} \\- {roff(page.summary.rstrip('.'))}",
        f".SH SYNOPSIS\n\\fB{roff(page.usage)}\\fR",
        ".SH DESCRIPTION",
        *roff_paragraphs(page),
    ]
    if commands:
        parts.append(".SH COMMANDS")
        parts += [f".TP\n\\fB{roff(c.name)}\\fR\n{roff(c.summary)}" for c in commands]
    parts += [".SH OPTIONS", *roff_options(page)]
    for child in page.children:
        parts += [f".SH {roff(child.name.upper())}\n\\fB{roff(child.usage)}\\fR"]
        parts += [*roff_paragraphs(child), *roff_options(child)]
    parts.append(".SH EXIT STATUS")
    parts += [f".TP\n\\fB{code}\\fR\n{meaning}" for code, meaning in exit_codes()]
    also = (
        "facekit(1)"
        if page.name != "facekit"
        else ", ".join(f"{c.name.replace(' ', '-')}(1)" for c in commands)
    )
    parts.append(f".SH SEE ALSO\n{roff(also)}")
    return "\n".join(parts) + "\n"


def exit_codes() -> list[tuple[int, str]]:
    """Code and meaning, from the docstrings of the errors."""
    from facekit.errors import FacekitError

    meanings = [
        (error.exit_code, (error.__doc__ or "").split("\n")[0]) for error in FacekitError.__subclasses__()
    ]
    return [
        (0, "All done."),
        (1, "diff: the files differ."),
        *sorted(meanings),
        (70, "An error inside facekit."),
        (130, "Interrupted."),
    ]


def markdown(page: Page, depth: int = 2) -> Iterator[str]:
    """The section of one command."""
    yield f"{'#' * depth} {page.name}\n\n```\n{page.usage}\n```\n"
    for kept, text in page.paragraphs:
        if kept:
            head, _, rest = text.partition("\n")
            yield f"{head}\n\n```sh\n{inspect.cleandoc(rest)}\n```\n"
        else:
            yield f"{text}\n"
    own = [row for row in page.options if not any(name in row[0] for name in SHARED_BY_ALL)]
    if own:
        rows = [
            f"| `{option.replace('|', chr(92) + '|')}` | {text.replace('|', chr(92) + '|')} |"
            for option, text in own
        ]
        yield "\n".join(["| option | |", "|---|---|", *rows]) + "\n"
    for child in page.children:
        yield from markdown(child, depth + 1)


def record_sections() -> Iterator[str]:
    """A table for each record, from the comments beside its fields."""
    for cls in RECORDS.values():
        comments = dict(re.findall(r"^    (\w+): [^#\n]*# (.*)$", inspect.getsource(cls), flags=re.M))
        rows = [f"| `{name}` | {meaning(cls, name, comments.get(name, ''))} |" for name in names(cls)]
        doc = (inspect.getdoc(cls) or "").strip()
        yield "\n".join([f"## {cls.__name__}\n", f"{doc}\n", "| key | |", "|---|---|", *rows]) + "\n"


def meaning(cls: type, name: str, comment: str) -> str:
    """What a field holds: its comment, the record inside it, its default."""
    kind = cls.__annotations__[name]
    if kind[0].isupper() and kind in {record.__name__ for record in RECORDS.values()}:
        inside = f"the fields of [{kind}](#{kind.lower()}), with `{name}.` before each"
        return f"{comment}: {inside}" if comment else inside
    default = cls.__dict__.get(name)
    return comment or (f"`{default}`" if isinstance(default, str) else "")


def pages() -> dict[Path, str]:
    """Every generated file with its content."""
    top = click.Context(cli, info_name="facekit", help_option_names=cli.context_settings["help_option_names"])
    commands = []
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        assert command is not None
        ctx = click.Context(command, info_name=name, parent=top)
        commands.append(page_of(command, ctx, COMMANDS[name][1]))
    root = page_of(cli, top)
    shared = "Every command also has `-q/--quiet`, `-v/--verbose` and `-h/--help`.\n"
    codes = ["## Exit codes\n", "| code | |\n|---|---|"]
    codes[-1] += "".join(f"\n| {code} | {meaning} |" for code, meaning in exit_codes()) + "\n"
    files = {ROOT / "man" / "facekit.1": man_page(root, commands)}
    for page in commands:
        files[ROOT / "man" / f"{page.name.replace(' ', '-')}.1"] = man_page(page, [])
    sections = [section for page in commands for section in markdown(page)]
    files[ROOT / "docs" / "cli.md"] = "\n".join([INTRO, shared, *codes, *sections])
    files[ROOT / "docs" / "records.md"] = "\n".join([RECORDS_INTRO, *record_sections()])
    return files


def stale(files: dict[Path, str]) -> list[str]:
    """Names of pages that are missing, out of date, or of a command that is gone."""
    wrong = [path for path, text in files.items() if not path.is_file() or path.read_text() != text]
    wrong += [path for path in (ROOT / "man").glob("*.1") if path not in files]
    return sorted(str(path.relative_to(ROOT)) for path in wrong)


def main() -> int:
    """Write or check."""
    files = pages()
    if "--check" in sys.argv[1:]:
        names = stale(files)
        for name in names:
            sys.stderr.write(f"{name} is out of date; run python docs/generate.py\n")
        return 1 if names else 0
    for path in (ROOT / "man").glob("*.1"):
        if path not in files:
            path.unlink()
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
