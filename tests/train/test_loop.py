"""The training loop: resumed equals uninterrupted, Ctrl-C saves, several processes train as one does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from facekit.errors import NumericalError, UsageError, WrongKindError
from facekit.train.checkpoints import Arrays, model_arrays, pack, unpack
from facekit.train.distributed import Group
from facekit.train.loop import Settings, train


class Line:
    """Fits y = a x + b; the target's noise comes from the step's generator."""

    def __init__(self, width: int = 3) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.model = torch.nn.Sequential(torch.nn.Linear(width, 4), torch.nn.Linear(4, 1))

    def batch(self, progress: float, generator: torch.Generator) -> dict[str, torch.Tensor]:
        x = torch.randn(8, 3, generator=generator)
        return {"x": x, "y": x.sum(1, keepdim=True) + 0.1 * torch.randn(8, 1, generator=generator)}

    def losses(self, batch: dict[str, torch.Tensor], progress: float) -> dict[str, torch.Tensor]:
        return {"loss": ((self.model(batch["x"]) - batch["y"]) ** 2).mean()}


def same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


SETTINGS = Settings(40, 7, rate=0.02, warmup=5, every=15)


def test_training_learns_and_repeats() -> None:
    losses: list[float] = []
    outcome = train(Line(), SETTINGS, report=lambda step, terms: losses.append(terms["loss"]))
    assert outcome.finished
    assert outcome.step == len(losses) == 40
    assert outcome.losses["loss"] == losses[-1]
    assert np.mean(losses[-5:]) < 0.4 * np.mean(losses[:5])
    assert same(train(Line(), SETTINGS).state, outcome.state)
    other = train(Line(), Settings(40, 8, rate=0.02, warmup=5))
    assert not same(other.state, outcome.state)


def test_a_resumed_run_ends_as_an_uninterrupted_one() -> None:
    whole = train(Line(), SETTINGS).state
    saved: list[Arrays] = []
    train(Line(), SETTINGS, save=saved.append)
    assert [int(state["step"]) for state in saved] == [15, 30, 40]
    for state in saved:
        assert same(train(Line(), SETTINGS, resume=state).state, whole)


def test_resuming_needs_the_averages_of_the_optimiser() -> None:
    saved: list[Arrays] = []
    whole = train(Line(), SETTINGS, save=saved.append).state
    bare = {name: value for name, value in saved[0].items() if not name.startswith("optimizer.")}
    assert not same(train(Line(), SETTINGS, resume=bare).state, whole)


def test_ctrl_c_finishes_the_step_and_saves() -> None:
    saved: list[Arrays] = []
    before = signal.getsignal(signal.SIGINT)

    def interrupt(step: int, losses: dict[str, float]) -> None:
        if step == 22:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = train(Line(), SETTINGS, save=saved.append, report=interrupt)
    assert not outcome.finished
    assert outcome.step == int(saved[-1]["step"]) == 22
    assert signal.getsignal(signal.SIGINT) is before
    assert same(train(Line(), SETTINGS, resume=saved[-1]).state, train(Line(), SETTINGS).state)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT as in a terminal, also where the tests run in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_second_ctrl_c_stops_at_once() -> None:
    def interrupt(step: int, losses: dict[str, float]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(Line(), SETTINGS, report=interrupt)


def test_divergence_is_an_error_that_names_the_step() -> None:
    class Bad(Line):
        def losses(self, batch: dict[str, torch.Tensor], progress: float) -> dict[str, torch.Tensor]:
            return {"loss": super().losses(batch, progress)["loss"] / (0.0 if progress >= 0.25 else 1.0)}

    with pytest.raises(NumericalError, match="step 10"):
        train(Bad(), SETTINGS)


def test_the_checkpoint_of_another_network_is_refused() -> None:
    state = train(Line(), Settings(1, 0)).state
    other = torch.nn.Linear(3, 1)
    with pytest.raises(WrongKindError, match="another network"):
        unpack(state, other, torch.optim.Adam(other.parameters()))
    assert set(model_arrays(state)) == set(Line().model.state_dict())


def test_packing_copies() -> None:
    line = Line()
    state = pack(line.model, torch.optim.Adam(line.model.parameters()), 0)
    kept = {name: value.copy() for name, value in state.items()}
    with torch.no_grad():
        for value in line.model.parameters():
            value.add_(1)
    assert same(state, kept)


def test_the_rate_warms_up_and_falls() -> None:
    rates = [SETTINGS.rate_at(step) for step in range(40)]
    assert rates[:5] == sorted(rates[:5])
    assert rates[5] == max(rates) == SETTINGS.rate
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] < 0.1 * SETTINGS.rate


def test_batches_are_shared_out() -> None:
    batch = {"x": torch.arange(6)}
    parts = [Group(rank, 3).share(batch)["x"].tolist() for rank in range(3)]
    assert parts == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(UsageError, match="divide the batch"):
        Group(0, 4).share(batch)


WORKER = """
import json, sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_loop import SETTINGS, Line
from facekit.train.distributed import joined
from facekit.train.loop import train
with joined(torch.device("cpu")) as group:
    outcome = train(Line(), SETTINGS, group)
    if group.leads:
        state = {name: value.tolist() for name, value in outcome.state.items()}
        print(json.dumps({**state, "loss": outcome.losses["loss"]}))
left = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
assert not any("gloo" in name for name in left), left  # they would abort the process at its end
"""


def test_two_processes_train_as_one(root: Path) -> None:
    here = Path(__file__).parent
    common = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
        "OMP_NUM_THREADS": "1",
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(here)],
            env={**os.environ, **common, "RANK": str(rank), "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    together = json.loads(told[0])
    alone = train(Line(), SETTINGS)
    assert together.pop("loss") == pytest.approx(alone.losses["loss"], rel=1e-3)
    for name, value in alone.state.items():
        np.testing.assert_allclose(together[name], value, rtol=1e-3, atol=1e-5)


def free_port() -> str:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
