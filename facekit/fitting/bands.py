"""Residuals of a picture split into bands of detail, as in a Laplacian pyramid, over its seen pixels.

What a face model cannot explain of a photo (shadows, beards, hair, uneven skin) spreads over many pixels.
Split into bands it is nearly white in each, so that one standard deviation per band describes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from facekit.records import BoolArray

BINOMIAL = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
LEAST_COVER = 0.3  # share of a coarse pixel that must be seen


@dataclass(frozen=True)
class Bands:
    """Linear maps between the seen pixels of neighbouring levels, fine to coarse."""

    down: tuple[csr_matrix, ...]
    up: tuple[csr_matrix, ...]

    @staticmethod
    def of(seen: BoolArray, count: int) -> Bands:
        """For a grid (h, w) with some pixels ``seen``; ``count`` bands, the last of which holds the rest."""
        down, up = [], []
        for _ in range(count - 1):
            d, coarse = _reduce(seen)
            down.append(d)
            up.append(_expand(seen, coarse))
            seen = coarse
        return Bands(tuple(down), tuple(up))

    def split(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Bands (M_b, C) of values (M, C) at the seen pixels, row by row."""
        out = []
        for down, up in zip(self.down, self.up, strict=True):
            coarse = down @ values
            out.append(values - up @ coarse)
            values = coarse
        return [*out, values]


def _reduce(seen: BoolArray) -> tuple[csr_matrix, BoolArray]:
    """Every second pixel of every second row as the binomial mean of the seen ones around it."""
    height, width = seen.shape
    half = (height + 1) // 2, (width + 1) // 2
    i, j = np.meshgrid(np.arange(half[0]), np.arange(half[1]), indexing="ij")
    number = np.full(seen.shape, -1)
    number[seen] = np.arange(seen.sum())
    row, column, share = [], [], []
    for a in range(-2, 3):
        for b in range(-2, 3):
            y, x = 2 * i + a, 2 * j + b
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            inside[inside] = seen[y[inside], x[inside]]
            row.append((i * half[1] + j)[inside])
            column.append(number[y[inside], x[inside]])
            share.append(np.full(inside.sum(), BINOMIAL[a + 2] * BINOMIAL[b + 2]))
    rows, columns, shares = (np.concatenate(part) for part in (row, column, share))
    cover = np.bincount(rows, shares, half[0] * half[1])
    kept = cover > LEAST_COVER
    place = np.cumsum(kept) - 1
    use = kept[rows]
    values = (shares / np.maximum(cover[rows], 1e-9)).astype(np.float32)[use]
    shape = int(kept.sum()), int(seen.sum())
    return csr_matrix((values, (place[rows[use]], columns[use])), shape=shape), kept.reshape(half)


def _expand(seen: BoolArray, coarse: BoolArray) -> csr_matrix:
    """The seen pixels as means of the coarse ones next to them; zero where there is none."""
    y, x = np.nonzero(seen)
    number = np.full(coarse.shape, -1)
    number[coarse] = np.arange(coarse.sum())
    row, column = [], []
    for a in (0, 1):
        for b in (0, 1):
            found = number[
                np.minimum((y + a) // 2, coarse.shape[0] - 1), np.minimum((x + b) // 2, coarse.shape[1] - 1)
            ]
            row.append(np.flatnonzero(found >= 0))
            column.append(found[found >= 0])
    rows, columns = np.concatenate(row), np.concatenate(column)
    count = np.bincount(rows, minlength=len(y))
    values = (1.0 / count[rows]).astype(np.float32)
    return csr_matrix((values, (rows, columns)), shape=(len(y), int(coarse.sum())))
