"""The module to compute with, where NumPy arrays and torch tensors are both welcome; the kernels' layout."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

Array: TypeAlias = Any  # a NumPy array or a torch tensor; what comes out is of the kind that went in


def namespace(array: Array) -> ModuleType:
    """numpy or torch, after the kind of ``array``; torch is never imported for a NumPy caller."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return torch
    return np


def layout(array: Array, dtype: DTypeLike) -> Any:
    """``array`` in C order, aligned and writeable, copied only where it is not.

    The numba kernels are compiled for this one layout; any other would compile them again, for seconds.
    """
    return np.require(array, dtype, ["C", "A", "W"])
