"""How glibc is told to keep less freed memory: the calls, and that they may be missing."""

from __future__ import annotations

import ctypes
import resource
import sys
from pathlib import Path

import pytest

from facekit.cli import memory


class Library:
    """A C library that notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def mallopt(self, *arguments: int) -> int:
        self.calls.append(("mallopt", *arguments))
        return 1

    def malloc_trim(self, *arguments: int) -> int:
        self.calls.append(("malloc_trim", *arguments))
        return 1


def test_what_glibc_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    memory.few_arenas()
    memory.give_back()
    assert library.calls == [("mallopt", -8, 2), ("malloc_trim", 0)]  # M_ARENA_MAX is -8 in malloc.h


def test_nothing_where_there_is_no_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # as musl, which has neither
    memory.few_arenas()
    memory.give_back()

    def refuse(name: object) -> None:
        raise AssertionError

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    memory.few_arenas()
    memory.give_back()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_freed_memory_goes_back_to_the_system() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("no glibc")
    blocks = [b"x" * (1 << 16) for _ in range(1024)]  # 64 MiB, each too small for glibc to map it apart
    left = blocks[::64]  # keep the end of the heap from moving down, which would give back the rest
    del blocks
    before = _resident()
    memory.give_back()
    assert before - _resident() > 32 << 20
    assert len(left) == 16


def _resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
