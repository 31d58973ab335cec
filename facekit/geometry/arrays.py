"""Some functions here work on NumPy arrays and torch tensors alike; this finds the module to compute with."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # a NumPy array or a torch tensor; what comes out is of the kind that went in


def namespace(array: Array) -> ModuleType:
    """numpy or torch, after the kind of ``array``; torch is never imported for a NumPy caller."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return torch
    return np
