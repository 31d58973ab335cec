"""The whole state of a training run as named arrays: a run that was stopped goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.errors import WrongKindError

Arrays = dict[str, NDArray[Any]]


def pack(model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int) -> Arrays:
    """Weights, the optimiser's averages and the number of steps done."""
    arrays: Arrays = {"step": np.array(step, np.int64)}
    for name, value in model.state_dict().items():
        arrays[f"model.{name}"] = _array(value)
    names = [name for name, value in model.named_parameters() if value.requires_grad]
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            arrays[f"optimizer.{names[index]}.{key}"] = _array(torch.as_tensor(value))
    return arrays


def unpack(
    arrays: Mapping[str, NDArray[Any]], model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """Put a packed state back and return the number of steps done.

    The optimiser holds those parameters of the model that require gradients, in their order. Raises
    WrongKindError when the state is that of another model.
    """
    weights = {name: value for name, value in arrays.items() if name.startswith("model.")}
    expected = {f"model.{name}": tuple(value.shape) for name, value in model.state_dict().items()}
    if "step" not in arrays or {name: value.shape for name, value in weights.items()} != expected:
        raise WrongKindError(
            "the checkpoint belongs to another network or preset; train with the same options or afresh"
        )
    model.load_state_dict({name.removeprefix("model."): _tensor(value) for name, value in weights.items()})
    state: dict[int, dict[str, torch.Tensor]] = {}
    names = [name for name, value in model.named_parameters() if value.requires_grad]
    for index, name in enumerate(names):
        prefix = f"optimizer.{name}."
        own = {k.removeprefix(prefix): _tensor(v) for k, v in arrays.items() if _is_own(k, prefix)}
        if own:
            state[index] = own
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return int(arrays["step"])


def model_arrays(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """The weights alone, by their names in the network."""
    return {name.removeprefix("model."): value for name, value in arrays.items() if name.startswith("model.")}


def _is_own(key: str, prefix: str) -> bool:
    """Whether an entry belongs to the parameter itself, not to one whose name goes on."""
    return key.startswith(prefix) and "." not in key.removeprefix(prefix)


def _array(value: torch.Tensor) -> NDArray[Any]:
    return value.detach().cpu().numpy().copy()


def _tensor(value: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.array(value))
