"""What is known about synthetic photos: plain ``.npz`` files of named arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.files.atomic import PathLike, atomic_write


def write_truth(path: PathLike, arrays: Mapping[str, NDArray[Any]], force: bool = False) -> None:
    """Write named arrays, whole or not at all; the same arrays give the same bytes."""
    with atomic_write(path, force) as file:
        np.savez_compressed(file, **dict(arrays))
