"""The tables of LiP-Flow from the figures of single avatars: means over the subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facekit.avatar.models import MODELS, WITHOUT_SIGNAL
from facekit.metrics.tables import Cell, Table

NAMES = {"dam": "DAM", "dam-enc": "DAM Enc.", "dam-reg": "DAM Reg.", "lip-kl": "LiP-KL"}
NAMES |= {"lip-flow": "LiP-Flow", "dam-flow": "DAM-Flow"}
COLUMNS = ("PSNR, dB", "SSIM", "Geom, mm²", "mm")
KEYS = ("psnr", "ssim", "geom", "mm")
TITLES = {
    "encoder": "Table 1. Reconstruction: latents of the DAM-encoder, decoded",
    "hmc": "Table 2. Latents fitted to pictures of the headset",
    "kpt": "Table 3. Latents fitted to keypoints",
    "frontal": "Table 4. Latents fitted to a view from the front",
    "masked": "Tables 7 and 8. Latents fitted to eyes and mouth of a view from the front",
    "prior": "Tables 7 and 8. The prior's mean, decoded without a fit",
    "headset": "Table 9. Latents and the headset's pose fitted to its pictures",
}
Results = Sequence[Mapping[str, Any]]


def tables(results: Results) -> list[Table]:
    """One table for each task that was measured, with and without likelihood; then the ablation."""
    made = []
    for task, title in TITLES.items():
        for name, words in ((task, title), (f"{task} w/o LL", f"{title}, without the likelihood")):
            rows = _rows(results, name)
            if rows:
                made.append(Table(name, words, ("model", *COLUMNS), rows, 3))
    rows = tuple(_ablation(results))
    if rows:
        made.append(
            Table("ablation", "Table 5. Starts and likelihood of LiP-Flow", ("fit", *COLUMNS), rows, 3)
        )
    return made


def label(result: Mapping[str, Any]) -> str:
    """The name of a model with its signal."""
    signal = "" if result["model"] in WITHOUT_SIGNAL else f"-{result['signal'].upper()}"
    return f"{NAMES[result['model']]}{signal}{result.get('variant', '')}"


def _rows(results: Results, task: str) -> tuple[tuple[Cell, ...], ...]:
    """Means over the subjects by model and signal, in the order of the paper."""
    some = [result for result in results if task in result["scores"]]
    some.sort(key=lambda result: (result["signal"] if _driven(result) else "", MODELS.index(result["model"])))
    names = dict.fromkeys(label(result) for result in some)
    return tuple(
        (name, *_mean([result["scores"][task] for result in some if label(result) == name])) for name in names
    )


def _ablation(results: Results) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(label(result) for result in results if result["model"] == "lip-flow"):
        some = [result for result in results if label(result) == name]
        signal = some[0]["signal"]
        for task, words in (
            ("random start w/o LL", "- prior start - LL"),
            ("random start", "- prior start"),
            (f"{signal} w/o LL", "- LL"),
            (signal, ""),
        ):
            scores = [result["scores"][task] for result in some if task in result["scores"]]
            if scores and "random start" in some[0]["scores"]:
                rows.append((f"{name} {words}".strip(), *_mean(scores)))
    return rows


def _driven(result: Mapping[str, Any]) -> bool:
    return result["model"] not in WITHOUT_SIGNAL


def _mean(scores: Sequence[Mapping[str, float]]) -> tuple[float, ...]:
    return tuple(float(np.mean([score[key] for score in scores])) for key in KEYS)
