"""One line for a command line that click cannot make sense of: what is wrong, and where to look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

import click


def usage_line(error: click.UsageError, argv: Sequence[str]) -> str:
    """The sentence for the user, for any error of usage that click raises."""
    command = _name(error, argv)
    return f"{_said(error)}; see {command} --help"


def _name(error: click.UsageError, argv: Sequence[str]) -> str:
    """The command that was called: click's parser leaves it out of some errors."""
    if error.ctx is not None:
        return error.ctx.command_path
    return " ".join(["facekit", *(word for word in argv[:1] if not word.startswith("-"))])


def _said(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"there is no option {error.option_name}{_meant(error.possibilities or ())}"
    message = " ".join(error.format_message().split()).rstrip(".")
    group = error.ctx.command if error.ctx is not None else None
    unknown = re.match("No such command '([^']*)'", message)
    if unknown and error.ctx is not None and isinstance(group, click.Group):
        names = group.list_commands(error.ctx)
        near = get_close_matches(unknown[1], names)
        return f"there is no command {unknown[1]}{_meant(near or names)}"
    return message[:1].lower() + message[1:]


def _meant(names: Sequence[str]) -> str:
    return f" (did you mean {' or '.join(names)}?)" if 0 < len(names) < 5 else ""
