"""Latents of a network brought back to faces whose lips and lids do not cross, nor lids stare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facekit.completion.limits import HalfSpaces
from facekit.records import FloatArray

if TYPE_CHECKING:
    from facekit.completion.vae_completion import VaeCompletion

ROUNDS = 4  # of linearising the gaps
SLACK = 1e-4  # m, aimed at beyond the least gap, since the gaps are not linear
HALVINGS = 8


def settle(way: VaeCompletion, z: FloatArray, reach: float) -> FloatArray:
    """Latents (n, K) near ``z`` whose faces keep the least and the largest gaps of ``way.pairs``.

    The gaps are linearised and the latents projected, a few times; what still crosses then is drawn towards
    the most probable latent, as far as needed.
    """
    z = np.array(z)
    for _ in range(ROUNDS):
        room = way.pairs.room(way.decode(z))
        if (room >= 0).all():
            return z
        broken = np.flatnonzero((room < SLACK).any(axis=0))
        slopes = [
            way.pullback_decoded(z, way.pairs.slope(c, len(z), len(way.vertices))) for c in broken.tolist()
        ]
        for i in np.flatnonzero((room < 0).any(axis=1)):
            away = np.stack([slope[i] for slope in slopes])
            z[i] += HalfSpaces(-away, room[i, broken] - SLACK).project(np.zeros((1, z.shape[1])))[0]
        z = way.allowed(z, reach)
    return _drawn_in(way, z)


def _drawn_in(way: VaeCompletion, z: FloatArray) -> FloatArray:
    """Shares of the latents, the largest of 1, 1/2, 1/4 ... that cross no more than the most probable one."""
    share = np.ones(len(z))
    least = np.minimum(way.pairs.room(way.decode(np.zeros_like(z[:1])))[0], 0.0)
    for _ in range(HALVINGS):
        crossing = (way.pairs.room(way.decode(z * share[:, None])) < least - 1e-9).any(axis=1)
        if not crossing.any():
            break
        share[crossing] /= 2
    return z * share[:, None]
