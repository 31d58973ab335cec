"""The invented capture (pytest's importlib mode adds no paths)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from invented import capture

from facekit.avatar.capture import Capture


@pytest.fixture(scope="session")
def sheet() -> Capture:
    """A sheet that bulges and reddens."""
    return capture()
