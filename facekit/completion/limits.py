"""What a plausible face may not do, as half-spaces of the latent: expressions in bounds, lips and lids that
do not cross.

A linear model makes each of these a linear inequality, a.z <= b, so that a latent is brought back by
projection rather than rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.blas import dger

from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, FloatArray, IntArray

# iBUG pairs, upper and lower, that may touch but not pass: inner lips, lids of the right and of the left eye
PAIRS = ((61, 67), (62, 66), (63, 65), (37, 41), (38, 40), (43, 47), (44, 46))
LIDS = np.arange(len(PAIRS)) >= 3
OTHER = np.array([0, 1, 2, 6, 5, 4, 3])  # the pair on the other side
ALIKE = 0.85, 1.15  # of the opening of the other eye, where that is seen
OPEN = 0.65  # of the mean face's opening: so far hidden eyes stay open, since few photos show closed ones
WIDE = 1.2  # of it: no farther do they open, or stare
OVERLAP = 5e-4  # m, by which a pair may pass: the landmarks lie a little inside the lips and lids
MARGIN = 5e-5  # m, short of OVERLAP, since projection leaves a rest


@dataclass(frozen=True)
class HalfSpaces:
    """The latents with normals @ z <= offsets."""

    normals: FloatArray  # (C, K)
    offsets: FloatArray  # (C,)

    def project(self, z: FloatArray, sweeps: int = 8) -> FloatArray:
        """Latents (N, K) moved into all half-spaces in turn, each time to the nearest point, until nothing
        moves.

        The result lies near the nearest allowed latent, not always on it; after the last sweep a rest of a
        few thousandths of a deviation may remain.
        """
        gram, square = self._gram, self._gram.diagonal()
        excess = self.normals @ z.T - self.offsets[:, None]  # (C, N)
        moved = np.zeros_like(excess)
        for _ in range(sweeps):
            broken = np.flatnonzero((excess > 1e-9).any(axis=1) & (square > 1e-12))
            if not len(broken):
                break
            for c in broken:
                step = np.maximum(excess[c], 0)
                step /= square[c]
                dger(-1.0, step, gram[c], a=excess.T, overwrite_a=1)  # excess -= gram[c] x step
                moved[c] += step
        return z - moved.T @ self.normals

    @cached_property
    def _gram(self) -> FloatArray:
        return self.normals @ self.normals.T

    def violation(self, z: FloatArray) -> FloatArray:
        """Largest excess (N,) over the offsets; zero or less inside."""
        return (z @ self.normals.T - self.offsets).max(axis=1, initial=-np.inf)


def bounds(lower: FloatArray, upper: FloatArray, centre: FloatArray, lift: FloatArray) -> HalfSpaces:
    """lower <= centre + z @ lift <= upper for the coefficients that have bounds; lift (K, C), z (K,).

    The centre itself is always allowed: a fit may lie slightly outside.
    """
    above, below = np.isfinite(upper), np.isfinite(lower)
    normals = np.concatenate([lift.T[above], -lift.T[below]])
    offsets = np.concatenate([(upper - centre)[above], (centre - lower)[below]])
    return HalfSpaces(normals, np.maximum(offsets, 0.0))


def no_crossing(model: FaceModel, vertices: FloatArray, lift: FloatArray) -> HalfSpaces:
    """Lips and lids that do not pass each other: gap >= -OVERLAP for the shapes of codes centre + z @ lift.

    vertices (V, 3) m is the shape of z = 0. Empty for a model without 68 landmarks. Pairs that overlap there
    already may not overlap more.
    """
    points = model.topology.embeddings.get("ibug68")
    if points is None:
        return HalfSpaces(np.zeros((0, len(lift))), np.zeros(0))
    (above, high), (below, low) = (
        (points.faces[rows], points.bary[rows].astype(np.float64)) for rows in np.array(PAIRS).T
    )
    y, modes = vertices[:, 1], model.basis[..., 1]
    gap = (y[above] * high).sum(-1) - (y[below] * low).sum(-1)
    by_code = (modes[:, above] * high).sum(-1) - (modes[:, below] * low).sum(-1)
    return HalfSpaces(-(lift @ by_code).T, np.maximum(gap + OVERLAP - MARGIN, 0.0))


@dataclass(frozen=True)
class Pairs:
    """The gaps of a shape between points that may touch but not pass, and how small and large each may be."""

    upper: tuple[IntArray, FloatArray]  # corners (C, 3) and weights (C, 3)
    lower: tuple[IntArray, FloatArray]
    least: FloatArray  # (C,) m
    most: FloatArray  # (C,) m, and how large

    @classmethod
    def of(cls, model: FaceModel, vertices: FloatArray, visible: BoolArray) -> Pairs:
        """For faces that come from the shape (V, 3): its own overlaps may stay where they are seen, not grow,
        hidden eyes open like the seen one; where none is seen they neither close nor stare, or no more than
        the shape's do. Empty for a model without 68 landmarks.
        """
        points = model.topology.embeddings.get("ibug68")
        if points is None:
            nothing = np.zeros((0, 3), np.int32), np.zeros((0, 3))
            return cls(nothing, nothing, np.zeros(0), np.zeros(0))
        upper, lower = (np.array(side) for side in zip(*PAIRS, strict=True))
        weights = points.bary.astype(np.float64)
        sides = (points.faces[upper], weights[upper]), (points.faces[lower], weights[lower])
        here = cls(*sides, np.zeros(len(PAIRS)), np.full(len(PAIRS), np.inf))
        seen = np.all([visible[corners].all(axis=1) for corners, _ in sides], axis=0)
        own, usual = here.gaps(np.stack([vertices, model.mean]))
        least = np.minimum(np.where(seen, own, 0.0), MARGIN - OVERLAP)
        opened = np.maximum(least, np.minimum(own, OPEN * usual))
        widest = np.maximum(own, WIDE * usual)
        like_other = usual * (own / np.maximum(usual, MARGIN))[OTHER]
        opened = np.where(seen[OTHER], np.maximum(least, ALIKE[0] * like_other), opened)
        widest = np.where(seen[OTHER], np.maximum(opened, ALIKE[1] * like_other), widest)
        return cls(*sides, np.where(LIDS & ~seen, opened, least), np.where(LIDS & ~seen, widest, np.inf))

    def gaps(self, vertices: FloatArray) -> FloatArray:
        """Upper above lower, (n, C) m, of shapes (n, V, 3)."""
        above, below = ((vertices[:, i, 1] * weight).sum(-1) for i, weight in (self.upper, self.lower))
        return above - below

    def room(self, vertices: FloatArray) -> FloatArray:
        """What is left (n, 2 C) m, of shapes (n, V, 3), to the least gaps and then to the largest."""
        gaps = self.gaps(vertices)
        return np.concatenate([gaps - self.least, self.most - gaps], axis=1)

    def slope(self, c: int, n: int, count: int) -> FloatArray:
        """Gradient (n, V, 3) of column ``c`` of ``room`` by n shapes of ``count`` vertices."""
        out = np.zeros((n, count, 3))
        pair, growing = c % len(self.least), 1 if c < len(self.least) else -1
        for sign, (corners, weight) in ((growing, self.upper), (-growing, self.lower)):
            out[:, corners[pair], 1] += sign * weight[pair]
        return out


def both(first: HalfSpaces, second: HalfSpaces) -> HalfSpaces:
    """The latents that lie in all half-spaces of two sets."""
    return HalfSpaces(
        np.concatenate([first.normals, second.normals]), np.concatenate([first.offsets, second.offsets])
    )
