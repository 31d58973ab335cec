"""Randomness: one torch.Generator at the border, NumPy inside. Same seed, same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def numpy_generator(generator: torch.Generator) -> np.random.Generator:
    """A NumPy generator seeded by the next number of a torch generator."""
    import torch

    seed = torch.randint(0, 2**62, (1,), generator=generator, dtype=torch.int64)
    return np.random.default_rng(int(seed))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """One number, uniform on [low, high)."""
    return float(rng.uniform(low, high))


def one_of(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """One of the names, with probability proportional to its weight."""
    names = list(weights)
    share = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=share / share.sum()))]
