"""Runs the numba kernels of the meshes of a batch, or of bands of a picture, on a small pool of threads.

The kernels hold no Python lock, so plain threads do; an OpenMP pool beside torch's own costs more than it
gives on few cores. What the jobs compute never depends on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Job = Callable[[], None]

_pool: ThreadPoolExecutor | None = None
_count: int | None = None


def thread_count() -> int:
    """Threads used: OMP_NUM_THREADS where it is set, else the cores this process may use."""
    global _count
    if _count is None:
        wish = os.environ.get("OMP_NUM_THREADS", "")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        _count = max(1, int(wish)) if wish.isdigit() else cores
    return _count


def set_threads(count: int) -> None:
    """Use ``count`` threads from now on in this process."""
    global _count
    if count < 1:
        raise ValueError(f"the number of threads must be at least 1, not {count}")
    _count = count
    _forget_pool()


def run_all(jobs: Sequence[Job]) -> None:
    """Run all jobs and return when the last is done; this thread takes its share."""
    global _pool
    threads = min(thread_count(), len(jobs))
    if threads <= 1:
        for job in jobs:
            job()
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=thread_count(), thread_name_prefix="facekit")
    queue = iter(jobs)

    def work() -> None:
        for job in queue:  # a list's iterator gives each item once, to several threads too
            job()

    helpers = [_pool.submit(work) for _ in range(threads - 1)]
    work()
    for helper in helpers:
        helper.result()


def split(length: int, parts: int) -> list[tuple[int, int]]:
    """Cut 0..length into at most ``parts`` ranges of nearly the same size."""
    parts = max(1, min(parts, length))
    return [(length * k // parts, length * (k + 1) // parts) for k in range(parts)]


def _forget_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)  # a forked child has none of the parent's threads
