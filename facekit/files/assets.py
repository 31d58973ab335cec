"""Files that ship inside the package: the default face model and trained weights."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from facekit.errors import ModelUnavailableError
from facekit.files.weights import Arrays, read_weights


def asset(name: str) -> Path:
    """The path of a packaged file. Raises ModelUnavailableError if it is not installed."""
    path = Path(str(resources.files("facekit") / "assets" / name))
    if not path.is_file():
        raise ModelUnavailableError(f"the packaged file {name} is missing; reinstall facekit")
    return path


def has_asset(name: str) -> bool:
    """Whether a packaged file is there, for parts that work better with it and also without."""
    return Path(str(resources.files("facekit") / "assets" / name)).is_file()


def read_asset_weights(name: str) -> tuple[Arrays, dict[str, str]]:
    """Arrays and metadata of a packaged ``.safetensors`` file. Raises as ``asset`` and ``read_weights``."""
    return read_weights(asset(name))
