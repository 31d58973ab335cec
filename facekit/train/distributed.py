"""One process or several: who this process is, and the mean of the gradients.

``torchrun --nproc-per-node N`` starts N processes and sets RANK and WORLD_SIZE; without it there is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed.nn.functional
from torch import distributed

from facekit.errors import UsageError

# nn.functional is imported first because its default arguments keep the group that stands at its import:
# a group made earlier would outlive destroy_process_group and abort the process at its end.
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Group:
    """The processes that train together."""

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks to the user."""
        return self.rank == 0

    def share(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """This process's part of a batch, along the first axis of each tensor, on its device.

        Raises UsageError where the batch cannot be parted evenly.
        """
        if any(len(value) % self.size for value in batch.values()):
            raise UsageError(f"{self.size} processes must divide the batch; choose another --batch")
        return {name: value.chunk(self.size)[self.rank].to(self.device) for name, value in batch.items()}

    def average(self, values: list[torch.Tensor]) -> None:
        """Replace tensors by their means over the processes, in place."""
        if self.size == 1 or not values:
            return
        flat = torch.cat([value.reshape(-1) for value in values])
        distributed.all_reduce(flat)
        flat /= self.size
        for value, mean in zip(values, flat.split([value.numel() for value in values]), strict=True):
            value.copy_(mean.view_as(value))


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """The group of this process, alone or as torchrun started it; with CUDA one GPU for each process."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(device=device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()
