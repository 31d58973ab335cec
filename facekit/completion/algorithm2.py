"""Algorithm 2 of Diverse3DFace: latents that lower Eq. 13 by Adam.

L = shape_weight L_S + photo_weight L_pho + dpp_weight L_dpp, with L_S the L1 distance of the visible vertices
from where the fit has them, L_pho the photometric term and L_dpp Eq. 10. The paper prints norms and sums; L_S
and L_pho are means here, over completions, coordinates and pixels, which gives its weights terms "of similar
magnitude", as it says they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facekit.completion import dpp
from facekit.completion.methods import Method, Movable
from facekit.completion.sampler import Choice, choose
from facekit.records import FloatArray

if TYPE_CHECKING:
    import torch

    from facekit.completion.photometric import Photometric


@dataclass(frozen=True)
class Descent(Choice):
    """Settings; as they stand, those of the paper (App. B.1) with the optimiser of its released code."""

    candidates: int = 1
    iterations: int = 300
    rate: float = 1e-2  # of Adam
    decay: float = 5e-4  # weight decay of the latents
    shape_weight: float = 1000.0  # per m
    photo_weight: float = 500.0  # per unit of sRGB
    dpp_weight: float = 0.025
    first_order: bool = False  # steps on the method to first order: ``Method.tangent``


FIRST, SECOND, TINY = 0.9, 0.999, 1e-8  # of Adam; torch's own takes seconds to import
PAPER = Descent()
# Fewer and larger steps, of which each is cheap. With this weight faces lie somewhat further apart than those
# of the linear methods, and nearer to the average.
FAST = Descent(
    candidates=32,
    iterations=40,
    rate=0.1,
    decay=0.0,
    photo_weight=0.0,
    dpp_weight=4 * PAPER.dpp_weight,
    first_order=True,
)


@dataclass(frozen=True)
class Seen:
    """What the visible part is held to."""

    vertices: FloatArray  # (V, 3) m, the fit
    weight: FloatArray  # (V,) 0 to 1, how far each vertex counts as seen
    photo: Photometric | None = None


def descend(
    method: Method, n: int, seen: Seen, settings: Descent, generator: torch.Generator
) -> tuple[FloatArray, FloatArray]:
    """n latents (n, K) and their qualities (n,). The first is the most probable one and does not move."""
    steps = method.tangent() if settings.first_order else method
    z = choose(steps, n, settings, generator).copy()
    mean, square = np.zeros_like(z), np.zeros_like(z)
    for i in range(1, settings.iterations + 1):
        gradient = loss_gradient(steps, z, seen, settings)[1] + settings.decay * z
        gradient[0] = 0
        mean += (1 - FIRST) * (gradient - mean)
        square += (1 - SECOND) * (gradient**2 - square)
        root = np.sqrt(square / (1 - SECOND**i)) + TINY
        z = steps.allowed(z - settings.rate * mean / (1 - FIRST**i) / root, settings.n_sigma)
    final = method.settled(z, settings.n_sigma)
    energy = method.energy(final)[0]
    return final, dpp.quality(energy, method.dimension, settings.n_sigma, settings.printed)[0]


def loss_gradient(method: Movable, z: FloatArray, seen: Seen, settings: Descent) -> tuple[float, FloatArray]:
    """Eq. 13 of latents (n, K), and its gradient (n, K)."""
    shapes = method.raw(z)
    off = shapes - seen.vertices
    share = seen.weight / max(3 * len(z) * float(seen.weight.sum()), 1e-12)
    value = settings.shape_weight * float(np.sum(np.abs(off) * share[:, None]))
    by_shape = settings.shape_weight * np.sign(off) * share[:, None]
    if seen.photo is not None and settings.photo_weight:
        difference, slope = seen.photo(shapes)
        value += settings.photo_weight * float(difference.mean())
        by_shape += settings.photo_weight / len(z) * slope
    if len(z) == 1:
        return value, method.pullback(z, by_shape)
    energy, by_z = method.energy(z)
    q, by_energy = dpp.quality(energy, method.dimension, settings.n_sigma, settings.printed)
    spread, by_hidden, by_q = dpp.loss_gradient(method.hidden(z), q, settings.k)
    away = settings.dpp_weight * (by_q * by_energy)[:, None] * by_z
    return (
        value + settings.dpp_weight * spread,
        method.pullback(z, by_shape, settings.dpp_weight * by_hidden) + away,
    )
