"""Independent looks at a photo side by side: each lane has networks of its own, so that none waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from facekit.geometry.threads import run_all, thread_count

LANES = 2  # networks in memory; more cores than that do not pay for a few dozen runs of 4 ms

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    look: Callable[[Item, int], Result], items: Sequence[Item], lanes: int = LANES
) -> list[Result]:
    """[look(item, lane) for item in items], in that order, on as many threads as lanes and cores allow."""
    queue, results = iter(range(len(items))), dict[int, Result]()

    def work(lane: int) -> None:
        for k in queue:  # the iterator of a range gives each number once, to several threads too
            results[k] = look(items[k], lane)

    run_all([partial(work, lane) for lane in range(min(lanes, thread_count(), len(items)))])
    return [results[k] for k in range(len(items))]
