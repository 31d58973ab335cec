"""Messages, JSON, seeds and devices."""

import json

import numpy as np
import pytest
import torch

from facekit import __version__
from facekit.cli import console
from facekit.errors import UsageError


def test_messages_go_to_stderr_as_loud_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    heard = {}
    for level in (console.QUIET, console.NORMAL, console.VERBOSE):
        console.start([])
        console.set_verbosity(level)
        console.say("say")
        console.detail("detail")
        console.warn("warn")
        out, err = capsys.readouterr()
        assert out == ""
        heard[level] = err.split()
    warning = ["facekit:", "warning:", "warn"]
    assert list(heard.values()) == [warning, ["say", *warning], ["say", "detail", *warning]]
    console.start([])


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    failure = console.Failure("a.jpg", "is empty", 4)
    console.emit_json(
        {"a": np.array([1, np.nan]), "b": np.float32(0.5), "c": float("inf"), "d": [failure], "é": None}
    )
    text = capsys.readouterr().out
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name)) == {
        "a": [1, None],
        "b": 0.5,
        "c": None,
        "d": [{"input": "a.jpg", "error": "is empty", "exit_code": 4}],
        "é": None,
    }


def test_seed_is_kept_or_chosen_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    seed, generator = console.chosen_seed(5)
    assert seed == 5
    assert torch.equal(
        torch.rand(3, generator=generator), torch.rand(3, generator=torch.Generator().manual_seed(5))
    )
    assert capsys.readouterr().err == ""
    first, _ = console.chosen_seed(None)
    assert capsys.readouterr().err == f"seed {first}\n"
    assert first != console.chosen_seed(None)[0]


def test_several_processes_are_told_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # as torchrun sets it
    with pytest.raises(UsageError, match="--seed"):
        console.chosen_seed(None)
    assert console.chosen_seed(5)[0] == 5
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert console.chosen_seed(None)[0] >= 0


def test_device() -> None:
    assert console.torch_device("cpu") == torch.device("cpu")
    assert console.torch_device("auto").type in ("cpu", "cuda", "mps")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="--device cpu"):
            console.torch_device("cuda")


def test_step_can_be_pasted_into_a_shell() -> None:
    console.start(["detect", "my photo.jpg", "-o", "a.npz"])
    step = console.this_step(seed=3, model="default@abc")
    assert step.command == "facekit detect 'my photo.jpg' -o a.npz"
    assert (step.facekit, step.seed, step.model) == (__version__, 3, "default@abc")
    with console.acting_as(["info", "x"]):
        assert console.this_step().command == "facekit info x"
    assert console.this_step().command == step.command


def test_progress_keeps_the_items(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(console.progress(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr().out == ""
