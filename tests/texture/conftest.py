"""The dome, for all tests of this folder (pytest's importlib mode adds no paths)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenes import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    """A photo of which everything is known."""
    return make_world()
