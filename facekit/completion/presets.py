"""Which settings a method gets: the fast ones, or those of the paper."""

from __future__ import annotations

from dataclasses import replace

from facekit.completion.algorithm2 import FAST, PAPER, Descent
from facekit.completion.names import METHODS
from facekit.completion.sampler import Choice, Diversity
from facekit.errors import UsageError


def settings_of(
    method: str,
    preset: str = "default",
    *,
    k: float = Choice.k,
    n_sigma: float = Choice.n_sigma,
    iterations: int | None = None,
    photo: bool = False,
) -> Choice:
    """Settings of a method by the name of a preset; ``photo`` says that there is one to compare with.

    Raises UsageError for the paper's preset without a photo, and for a photo that would not be looked at.
    """
    chosen: Choice = PAPER if preset == "paper" else FAST if METHODS[method].network else Diversity()
    if preset == "paper" and not photo:
        raise UsageError("--preset paper compares with the photo; give it with --photo")
    if photo:
        if not isinstance(chosen, Descent):
            raise UsageError(f"{method} looks at no photo; leave out --photo, or add --preset paper")
        chosen = replace(chosen, photo_weight=PAPER.photo_weight)
    steps = chosen.iterations if iterations is None else iterations
    return replace(chosen, k=k, n_sigma=n_sigma, iterations=steps)


def suited(method: str, settings: Choice | None) -> Choice:
    """Settings that the method can use: k, n_sigma and the quality's form of those given, and the rest too
    where they are a Descent or the method is linear. Plain samples are neither chosen nor moved.
    """
    recipe = METHODS[method]
    if settings is None:
        settings = FAST if recipe.network else Diversity()
    elif recipe.network and not isinstance(settings, Descent):
        settings = replace(FAST, k=settings.k, n_sigma=settings.n_sigma, printed=settings.printed)
    return settings if recipe.spread else replace(settings, candidates=1, iterations=0)
