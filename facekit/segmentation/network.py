"""The face segmenter of 3DFaceFill (supplement, Table 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facekit.errors import UsageError, WrongKindError
from facekit.networks.blocks import ResUnit, initialise

KIND = "face segmenter"
DEPTH = 6  # levels, each half as large as the one above


@dataclass(frozen=True)
class Preset:
    """Sizes of the network."""

    widths: tuple[int, ...]  # (6,) channels from the finest to the coarsest level
    side: int  # px of the aligned crop that it looks at


PRESETS = {
    "paper": Preset((32, 64, 128, 256, 256, 256), 224),
    "small": Preset((16, 32, 64, 128, 192, 192), 160),
    "tiny": Preset((4, 8, 8, 16, 16, 16), 64),
}


class Segmenter(nn.Module):
    """A U-Net of residual units. Paper widths have 7.18 M parameters, as the paper says.

    The way up doubles by 2 x 2 deconvolutions, as the paper's code does; its Table 7 writes Upsample.
    """

    def __init__(self, widths: tuple[int, ...], side: int) -> None:
        super().__init__()
        self.widths, self.side = widths, side
        steps = list(zip((3, *widths[:-1]), widths, strict=True))
        self.down = nn.ModuleList(ResUnit(a, b, 3, 1 if i == 0 else 2, 1) for i, (a, b) in enumerate(steps))
        lower = _going_up(widths)
        self.larger = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b, _ in lower)
        self.up = nn.ModuleList(ResUnit(2 * b, c, 3, 1, 1) for _, b, c in lower)
        self.out = nn.Conv2d(widths[0], 3, 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits (B, 3, S, S) of face, occluder and background; crops (B, 3, S, S) in -1..1, S a multiple
        of 32.
        """
        kept, x = [], crops
        for unit in self.down:
            x = unit(x)
            kept.append(x)
        for larger, unit, finer in zip(self.larger, self.up, kept[-2::-1], strict=True):
            x = unit(torch.cat([larger(x), finer], 1))
        logits: Tensor = self.out(x)
        return logits


def _going_up(widths: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Channels below, beside and after each unit on the way up: those of Table 7 for its widths."""
    rows, below = [], widths[-1]
    for level in range(len(widths) - 2, -1, -1):
        after = widths[max(level - 1, 0)]
        rows.append((below, widths[level], after))
        below = after
    return rows


def segmenter(preset: str, generator: torch.Generator | None = None) -> Segmenter:
    """An untrained network, with weights from ``generator``. Raises UsageError for an unknown preset."""
    if preset not in PRESETS:
        raise UsageError(f"unknown preset {preset!r}: choose one of {', '.join(PRESETS)}")
    network = Segmenter(PRESETS[preset].widths, PRESETS[preset].side)
    initialise(network, generator or torch.Generator().manual_seed(0))
    return network


def preset_segmenter(preset: str) -> Segmenter:
    """The untrained network of a preset. Raises as ``segmenter``."""
    return segmenter(preset)


def to_arrays(network: Segmenter) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Weights in half precision, and the sizes, as ``files.weights`` writes them."""
    arrays = {name: v.detach().cpu().numpy().astype(np.float16) for name, v in network.state_dict().items()}
    widths = " ".join(map(str, network.widths))
    return arrays, {"kind": KIND, "widths": widths, "side": str(network.side)}


def from_arrays(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, str]) -> Segmenter:
    """The network of ``to_arrays``, ready to be used. Raises WrongKindError for another one's."""
    if settings.get("kind") != KIND:
        raise WrongKindError(
            f"these are weights of a {settings.get('kind', 'network')}, not of a face segmenter; make one "
            "with facekit train-prior segmenter"
        )
    try:
        network = Segmenter(tuple(int(w) for w in settings["widths"].split()), int(settings["side"]))
        network.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in arrays.items()})
    except (KeyError, ValueError, RuntimeError) as error:
        raise WrongKindError("the weights of the face segmenter are damaged; make them again") from error
    return network.eval()
