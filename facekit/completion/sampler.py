"""Diverse completions from any method: a greedy choice among samples, then gradient steps (Diverse3DFace,
Alg. 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facekit.completion import dpp
from facekit.completion.methods import Method, Movable
from facekit.records import FloatArray

if TYPE_CHECKING:
    import torch

MOST_CANDIDATES = 512  # their distances are a square matrix


@dataclass(frozen=True)
class Choice:
    """Settings of the first choice among samples."""

    k: float = 0.5  # scale of the similarity, Eq. 8
    n_sigma: float = 3.0  # radius of the quality, Eq. 9
    printed: bool = False  # Eq. 9 to the letter
    candidates: int = 32  # samples to choose each completion from
    iterations: int = 60  # gradient steps after the choice


@dataclass(frozen=True)
class Diversity(Choice):
    """Settings of the spread."""

    step: float = 0.3  # first step, posterior standard deviations
    visible_weight: float = 2.0  # of the visible motion against the DPP loss, Eq. 13


def spread(
    method: Method, n: int, settings: Diversity, generator: torch.Generator
) -> tuple[FloatArray, FloatArray]:
    """n latents (n, K) that differ where the face is hidden and agree where it is seen, and their qualities
    (n,).

    The first is the method's most probable completion and does not move.
    """
    z = choose(method, n, settings, generator)
    for i in range(settings.iterations if n > 1 else 0):
        gradient = loss_gradient(method, z, settings)[1]
        gradient[0] = 0
        longest = np.linalg.norm(gradient, axis=1).max()
        if longest < 1e-12:
            break
        shrink = 1 - i / settings.iterations
        z = method.allowed(z - settings.step * shrink / longest * gradient, settings.n_sigma)
    return z, _quality(method, z, settings)[0]


def choose(method: Movable, n: int, settings: Choice, generator: torch.Generator) -> FloatArray:
    """Of ``candidates`` times n samples the first and those that greedily maximise the determinant of the
    kernel.
    """
    z = method.start(max(2 * n, min(n * settings.candidates, MOST_CANDIDATES)), generator)
    q = _quality(method, z, settings)[0]
    similar = dpp.similarity(dpp.distances(method.hidden(z)), settings.k)
    return z[dpp.greedy(dpp.kernel(similar, q), n, first=0)]


def loss_gradient(method: Method, z: FloatArray, settings: Diversity) -> tuple[float, FloatArray]:
    """L_dpp + weight * L_S (Eq. 13 without pixels) of latents (n, K), and its gradient (n, K).

    L_S is the mean squared motion of the visible vertices, mm2, summed over the completions.
    """
    q, by_energy = _quality(method, z, settings)
    value, by_hidden, by_q = dpp.loss_gradient(method.hidden(z), q, settings.k)
    stray, by_stray = method.stray(z)
    gradient = method.hidden_pullback(by_hidden, z) + (by_q * by_energy)[:, None] * method.energy(z)[1]
    return value + settings.visible_weight * float(stray.sum()), gradient + settings.visible_weight * by_stray


def _quality(method: Movable, z: FloatArray, settings: Choice) -> tuple[FloatArray, FloatArray]:
    return dpp.quality(method.energy(z)[0], method.dimension, settings.n_sigma, settings.printed)
