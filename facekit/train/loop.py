"""The training loop, top to bottom: settings, task, steps, checkpoints.

All that is random in a step comes from a generator seeded by the run's seed and the step's number. So a run
that is stopped and resumed ends with the same weights as one that was not, and several processes, which
share out each batch, train as one does.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch

from facekit.errors import NumericalError
from facekit.train.checkpoints import Arrays, pack, unpack
from facekit.train.distributed import Group

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train."""

    steps: int
    seed: int
    rate: float = 5e-3  # Adam's, after the warm-up
    final: float = 0.05  # part of it that is left at the end of the cosine
    warmup: int = 50  # steps
    clip: float = 1.0  # largest norm of a gradient
    every: int = 200  # steps between checkpoints

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.rate * (self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


class Task(Protocol):
    """What is trained, on what, towards what."""

    @property
    def model(self) -> torch.nn.Module:
        """The network."""

    def batch(self, progress: float, generator: torch.Generator) -> Batch:
        """The whole batch of a step, its noise included; the first axis is shared out over the processes.

        ``progress`` goes from 0 to 1 over the run.
        """

    def losses(self, batch: Batch, progress: float) -> dict[str, torch.Tensor]:
        """Terms by name; "loss" is what is minimised, a mean over the batch."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    step: int  # steps done
    finished: bool  # False when it was interrupted
    losses: dict[str, float]  # of the last step done
    state: Arrays  # as ``checkpoints.pack``


def train(
    task: Task,
    settings: Settings,
    group: Group | None = None,
    *,
    resume: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
    enough: Callable[[int], bool] | None = None,
) -> Outcome:
    """Train from the start or from a checkpoint until all steps are done or Ctrl-C is pressed.

    ``save`` is given the state every ``settings.every`` steps, at the end and on Ctrl-C, in the leading
    process; ``report`` the losses of each step; ``enough``, asked in all processes after each step, may end
    the run before its time. Raises NumericalError when the loss is no longer finite,
    WrongKindError for the checkpoint of another network.
    """
    group = group or Group()
    model = task.model.to(group.device).train()
    parameters = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(parameters, settings.rate, fused=True)
    step = unpack(resume, model, optimizer) if resume is not None else 0
    losses: dict[str, float] = {}
    done = False
    with interruptions() as interrupted:
        while step < settings.steps:
            progress = step / settings.steps
            batch = group.share(task.batch(progress, step_generator(settings.seed, step)))
            terms = task.losses(batch, progress)
            optimizer.zero_grad()
            terms["loss"].backward()
            group.average([value.grad for value in parameters if value.grad is not None])
            for parts in optimizer.param_groups:
                parts["lr"] = settings.rate_at(step)
            norm = torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
            if not torch.isfinite(norm):
                raise NumericalError(f"training diverged at step {step}; resume with a lower --rate")
            optimizer.step()
            step += 1
            losses = _means(terms, group)
            if report is not None and group.leads:
                report(step, losses)
            stop = _agreed(bool(interrupted), group)
            done = enough is not None and _agreed(enough(step), group)
            due = step % settings.every == 0 or step == settings.steps or stop or done
            if save is not None and group.leads and due:
                save(pack(model, optimizer, step))
            if stop or done:
                break
    finished = step >= settings.steps or done
    return Outcome(step, finished, losses, pack(model, optimizer, step))


def step_generator(seed: int, step: int) -> torch.Generator:
    """The generator of one step of a run."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """A list that Ctrl-C appends to instead of raising; the second Ctrl-C raises. Other threads are left
    alone.
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = signal.getsignal(signal.SIGINT)

    def once(number: int, frame: object) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, once)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def _means(terms: dict[str, torch.Tensor], group: Group) -> dict[str, float]:
    """The terms of the whole batch."""
    values = torch.stack([value.detach().float() for value in terms.values()])
    group.average([values])
    return dict(zip(terms, values.tolist(), strict=True))


def _agreed(stop: bool, group: Group) -> bool:
    """Whether any process was interrupted: all of them stop after the same step."""
    flag = torch.tensor([float(stop)], device=group.device)
    group.average([flag])
    return bool(flag.item() > 0)
