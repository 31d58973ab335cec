"""The methods of ``--method`` by name, as in the paper's tables. Imports nothing, so that --help stays fast.

"flame" stands for the global face model, whichever it is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What a method is made of."""

    local: bool  # global+local model of the face, or the global one alone
    network: bool  # completed by the mesh VAE, or by the posterior of the linear model
    spread: bool  # by the DPP, or plain samples


METHODS: dict[str, Recipe] = {
    "flame+dpp": Recipe(local=False, network=False, spread=True),
    "global+local+dpp": Recipe(local=True, network=False, spread=True),
    "global+local+vae": Recipe(local=True, network=True, spread=False),
    "flame+vae+dpp": Recipe(local=False, network=True, spread=True),
    "global+local+vae+dpp": Recipe(local=True, network=True, spread=True),
}
DEFAULT_METHOD = "global+local+vae+dpp"
WITHOUT_NETWORK = "global+local+dpp"  # for face models for which there is no mesh VAE
PRESETS = ("default", "paper")  # of the schedule: fast, or Algorithm 2 with the paper's weights and steps
