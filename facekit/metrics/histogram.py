"""How often an error has which size (Diverse3DFace, Fig. 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]


def error_histogram(errors: ArrayLike, width: float, bins: int) -> tuple[Floats, Floats]:
    """Share of the errors (N,) in each of ``bins`` steps of ``width``, as in Fig. 6 and App. A.2.

    Edges (bins + 1,) from 0, the last one infinite: the last bin holds all that is larger. Shares (bins,) sum
    to one; all zero where there are no errors. Raises ValueError for errors that are negative or not finite.
    """
    values = np.asarray(errors, float)
    if width <= 0 or bins < 1:
        raise ValueError("a histogram needs a width above zero and at least one bin")
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError("errors are finite and not negative")
    edges = np.append(width * np.arange(bins), np.inf)
    count = np.bincount(np.searchsorted(edges, values, side="right") - 1, minlength=bins)
    return edges, count / max(len(values), 1)
