"""Laying a shape on the true one before their distance is taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit.morphable.formats.surface import similarity_transform

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]

# As they are; turned and moved; turned, moved and scaled.
ALIGNMENTS = ("none", "rigid", "similarity")
FEWEST = 3  # points that fix a rotation


def align(shapes: Floats, truth: Floats, how: str = "none", region: Bools | None = None) -> Floats:
    """Shapes (..., V, 3), each laid on truth (V, 3) so that the squared distances over region (V,) are least.

    ``none`` is what the released code of Diverse3DFace does. ``similarity`` also takes the size from the
    truth, which one photo does not show (the NoW benchmark's choice). Raises ValueError for another name, or
    a region of less than three vertices.
    """
    if how not in ALIGNMENTS:
        raise ValueError(f"there is no alignment {how}; choose {', '.join(ALIGNMENTS)}")
    shapes, truth = np.asarray(shapes, float), np.asarray(truth, float)
    if how == "none":
        return shapes
    keep = np.ones(len(truth), bool) if region is None else region
    if np.count_nonzero(keep) < FEWEST:
        raise ValueError(f"an alignment needs at least {FEWEST} vertices")
    out = np.zeros_like(shapes).reshape(-1, *truth.shape)
    for moved, shape in zip(out, shapes.reshape(-1, *truth.shape), strict=True):
        scale, turn, _ = similarity_transform(shape[keep], truth[keep])
        scale = scale if how == "similarity" else 1.0
        moved[:] = scale * (shape - shape[keep].mean(axis=0)) @ turn.T + truth[keep].mean(axis=0)
    return out.reshape(shapes.shape)
