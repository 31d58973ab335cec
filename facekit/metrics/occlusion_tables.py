"""Tables of evaluate occlusion from the figures of single cases.

A result of one case is a dict: name, kind, failed (None or why), ratio (share of the face that is hidden) and
ways, from the name of a way to find occluders to an Overlap in shares of the face. Of a photo with nothing
before the face the kind is BARE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facekit.metrics.completion_tables import by_kinds
from facekit.metrics.segmentation import Overlap
from facekit.metrics.tables import Cell, Table
from facekit.records import BoolArray

BARE = "nothing"
FOUND = 0.005  # share of a bare face from which something was found there

Results = Sequence[Mapping[str, Any]]


def overlap_on_face(found: BoolArray, hidden: BoolArray, face: BoolArray) -> dict[str, float]:
    """What two masks (H, W) have in common on a face (H, W), in shares of it: both, found, true."""
    area = max(int(face.sum()), 1)
    masks = {"both": found & hidden, "found": found, "true": hidden}
    return {name: float((mask & face).sum() / area) for name, mask in masks.items()}


def tables(results: Results, ways: Sequence[str]) -> list[Table]:
    """How well occluders are found, by kind; and how often where there is none. Failed cases do not count."""
    done = [result for result in results if not result["failed"]]
    made = [
        overlaps([result for result in done if result["kind"] != BARE], ways),
        false_alarms([result for result in done if result["kind"] == BARE], ways),
    ]
    return [table for table in made if table.rows]


def overlaps(done: Results, ways: Sequence[str]) -> Table:
    """Intersection over union on the face: mean and least over the photos, and of all pixels together, each
    face counted alike.
    """
    rows: list[tuple[Cell, ...]] = []
    for kind, some in by_kinds(done):
        row: list[Cell] = [kind, len(some), f"{100 * np.mean([result['ratio'] for result in some]):.0f} %"]
        for way in ways:
            each = [Overlap(**result["ways"][way]) for result in some]
            values = [one.iou for one in each]
            sums = np.sum([(one.both, one.found, one.true) for one in each], axis=0)
            row += [float(np.mean(values)), float(np.min(values)), Overlap(*sums).iou]
        rows.append(tuple(row))
    columns = [f"{way}{figure}" for way in ways for figure in ("", ", worst", ", pixels")]
    title = "Overlap (IoU) of the mask found with the true one, on the face"
    return Table("overlap", title, ("occluder", "photos", "of the face", *columns), tuple(rows))


def false_alarms(done: Results, ways: Sequence[str]) -> Table:
    """What is called hidden of faces that nothing hides."""
    rows = []
    for way in ways if done else ():
        shares = np.array([result["ways"][way]["found"] for result in done])
        most, mean = f"{100 * shares.max():.1f} %", f"{100 * shares.mean():.2f} %"
        rows.append((way, len(shares), int((shares > FOUND).sum()), mean, most))
    title = "Called hidden of faces that nothing hides"
    return Table("bare", title, ("", "photos", "with something found", "of the face", "most"), tuple(rows))
