"""The work folder of a training: its state and its log, so that a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit.cli import console
from facekit.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOGGED = 20  # steps between lines of the log


class TrainingFolder:
    """checkpoint.safetensors and log.csv in one folder."""

    def __init__(self, folder: Path, told: dict[str, str], steps: int) -> None:
        """``told`` identifies the training: a checkpoint that says otherwise is refused."""
        self.folder, self.told, self.steps = folder, told, steps
        self.checkpoint, self.log = folder / "checkpoint.safetensors", folder / "log.csv"
        self.rows: list[str] = []

    def resume(self) -> dict[str, NDArray[Any]] | None:
        """The state to go on from, if there is one. Raises UsageError for that of another training."""
        from facekit.files.weights import read_weights

        if not self.checkpoint.is_file():
            return None
        state, told = read_weights(self.checkpoint)
        if {name: told.get(name) for name in self.told} != self.told:
            raise UsageError(
                f"{self.folder} holds another training; repeat its options, give another --work, or remove it"
            )
        self.rows = told["log"].splitlines()
        console.say(f"going on after step {int(state['step'])}")
        return state

    def save(self, state: dict[str, NDArray[Any]]) -> None:
        """Keep the state and the log."""
        from facekit.files.atomic import write_text
        from facekit.files.folder import make_folder
        from facekit.files.weights import write_weights

        make_folder(self.folder)
        log = "\n".join(self.rows)
        write_weights(self.checkpoint, state, self.told | {"log": log}, force=True)
        write_text(self.log, log + "\n", force=True)

    def reporter(self, done: int) -> Callable[[int, dict[str, float]], None]:
        """What to do after each step: move the bar, and now and then write a line of the log."""
        bar = iter(console.progress(range(self.steps - done), "steps", self.steps - done))

        def report(step: int, losses: dict[str, float]) -> None:
            next(bar, None)
            if step % LOGGED and step != self.steps:
                return
            if not self.rows:
                self.rows.append(",".join(["step", *losses]))
            self.rows.append(",".join([str(step), *(f"{value:.5g}" for value in losses.values())]))
            console.detail(f"step {step}: loss {losses['loss']:.4f}")

        return report
