"""A command that works on its own arguments and has subcommands beside."""

from __future__ import annotations

from typing import Any

import click


class Branching(click.Command):
    """``facekit diversify FIT...`` and ``facekit diversify interpolate A B``: the first word decides.

    A file that is named like a subcommand is given as ``./interpolate``.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.commands: dict[str, click.Command] = {}

    def add_command(self, command: click.Command) -> None:
        """Add a subcommand under its own name."""
        assert command.name is not None
        self.commands[command.name] = command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """That of the subcommand where the first word names one."""
        if args and args[0] in self.commands:
            # A group without arguments stands between, so that the usage line does not show ours.
            between = click.Context(click.Group(self.name), info_name=info_name, parent=parent)
            return self.commands[args[0]].make_context(args[0], args[1:], parent=between, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the subcommands."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands, as the first word"):
            formatter.write_dl(
                [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
            )
