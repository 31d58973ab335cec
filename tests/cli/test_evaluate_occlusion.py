"""evaluate occlusion as typed: tables of a folder, going on, wrong requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from skimage.data import astronaut

from facekit.cli import evaluate_occlusion
from facekit.cli.main import cli
from facekit.files.atomic import write_text
from facekit.files.images import write_image
from facekit.stages import segment

BAR = (slice(110, 145), slice(195, 260))  # nose and mouth of the astronaut


class Green(torch.nn.Module):
    """Calls green pixels an occluder."""

    side, widths = 64, ()

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        green = ((crops[:, 1] > 0.5) & (crops[:, 0] < -0.5)).float() * 20
        return torch.stack([10 - green, green, torch.zeros_like(green)], 1)


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(segment, "shipped_segmenter", Green)


@pytest.fixture
def _data() -> None:
    """A face behind a green bar, and one behind a red bar, which Green does not find."""
    Path("data").mkdir()
    whole = astronaut()
    hidden = np.zeros(whole.shape[:2], bool)
    hidden[BAR] = True
    for name, colour in (("a", (0, 255, 0)), ("b", (200, 0, 0))):
        write_image(f"data/{name}.png", whole)
        write_image(f"data/{name}.mask.png", hidden)
        write_image(f"data/{name}.occluded.png", np.where(hidden[..., None], colour, whole).astype(np.uint8))
    write_text("data/occluders.json", json.dumps({"a": "cup", "b": "phone"}))


def type_in(*line: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", "occlusion", *line])


@pytest.mark.usefixtures("_data")
def test_tables_of_a_folder_and_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    result = type_in("--data", "data", "--no-fit", "--seed", "1", "-o", "out", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    rows = {row[0]: row for row in told["tables"]["overlap"]["rows"]}
    assert rows["cup"][3] > 0.8
    assert rows["phone"][3] == 0.0
    assert rows["overall"][1:3] == [2, rows["cup"][2]]
    assert rows["overall"][3] == pytest.approx(rows["cup"][3] / 2)
    assert told["tables"]["bare"]["rows"] == [["proposed", 1, 0, "0.00 %", "0.0 %"]]  # one photo

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(evaluate_occlusion, "_found", refuse)
    again = type_in("--data", "data", "--no-fit", "-o", "out")  # the seed is that of the folder
    assert again.exit_code == 0, again.stderr
    assert again.stdout == Path("out/tables.md").read_text()


def test_what_cannot_be_read_is_refused() -> None:
    write_text("w.safetensors", "no weights")
    assert type_in("--data", "nowhere", "--weights", "w.safetensors", "-o", "n").exit_code == 5
    assert type_in("--data", "nowhere", "-o", "n").exit_code == 4
