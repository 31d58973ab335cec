"""The log of a training that was stopped and goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facekit.cli.training_folder import LOGGED, TrainingFolder
from facekit.errors import UsageError


def go(folder: TrainingFolder, first: int, last: int) -> None:
    report = folder.reporter(first)
    for step in range(first + 1, last + 1):
        report(step, {"loss": 1.0 / step})
    folder.save({"step": np.array(last)})


@pytest.mark.parametrize("stopped", [LOGGED - 5, LOGGED + 5])
def test_a_stop_leaves_no_trace_in_the_log(tmp_path: Path, stopped: int) -> None:
    """Before the first line of the log too."""
    steps, told = 3 * LOGGED, {"plan": "{}"}
    go(TrainingFolder(tmp_path / "whole", told, steps), 0, steps)
    go(TrainingFolder(tmp_path / "parts", told, steps), 0, stopped)
    again = TrainingFolder(tmp_path / "parts", told, steps)
    state = again.resume()
    assert state is not None
    assert int(state["step"]) == stopped
    go(again, stopped, steps)
    whole, parts = ((tmp_path / name / "log.csv").read_text() for name in ("whole", "parts"))
    assert whole == parts
    assert whole.splitlines()[0] == "step,loss"


def test_another_training_is_refused(tmp_path: Path) -> None:
    assert TrainingFolder(tmp_path / "w", {"plan": "a"}, 9).resume() is None
    go(TrainingFolder(tmp_path / "w", {"plan": "a"}, 9), 0, 3)
    with pytest.raises(UsageError, match="another training"):
        TrainingFolder(tmp_path / "w", {"plan": "b"}, 9).resume()
