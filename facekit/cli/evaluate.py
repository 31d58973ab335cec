"""facekit evaluate: one subcommand for each kind of tables."""

from __future__ import annotations

import click

from facekit.cli.evaluate_avatar import avatar
from facekit.cli.evaluate_completion import completion
from facekit.cli.evaluate_diversity import diversity
from facekit.cli.evaluate_occlusion import occlusion
from facekit.cli.evaluate_pose import pose


@click.group(short_help="Make the papers' tables on faces whose truth is known.")
def evaluate() -> None:
    """Make the papers' tables on faces whose truth is known.

    \b
    Example:
      facekit evaluate diversity --cases 60 --seed 9000 -o diversity/
    """


evaluate.add_command(completion)
evaluate.add_command(diversity)
evaluate.add_command(occlusion)
evaluate.add_command(pose)
evaluate.add_command(avatar)
