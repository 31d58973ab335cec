"""The folder in which an evaluation keeps what it has done, so that it can stop and go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facekit.errors import UsageError
from facekit.files.atomic import write_text
from facekit.files.folder import make_folder, refuse_folder
from facekit.files.images import read_photo, write_image
from facekit.files.npz import read_record, write_record
from facekit.files.reading import read_json
from facekit.records import ByteArray, Fit

SETTINGS = "settings.json"
OURS = (
    "cases/*.json",
    "fits/*.fit.npz",
    "pictures/*.png",
    "sheets/*.jpg",
    "ratio-*.png",
    "photos/*/[0-9]*.png",
    "photos/*/[0-9]*.truth.npz",
)


class Workspace:
    """settings.json, cases/NAME.json with the figures, fits/NAME.WHICH.fit.npz, pictures/NAME.WHICH.png."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the evaluation that the folder holds; empty where it holds none."""
        path = self.folder / SETTINGS
        return dict(read_json(path)) if path.is_file() else {}

    def begin(self, settings: Mapping[str, Any], force: bool) -> None:
        """Make the folder, or go on in it.

        Raises UsageError where it holds something else, or an evaluation with other settings of which
        something is done; with ``force`` the evaluation that it holds is removed.
        """
        present = self.settings
        if not present:
            refuse_folder(self.folder, force)
        differing = [name for name in settings if name in present and present[name] != settings[name]]
        if differing and not force and any(any(self.folder.glob(pattern)) for pattern in OURS):
            name = differing[0]
            raise UsageError(
                f"{self.folder} holds an evaluation with {name} {present[name]}, not {settings[name]}; "
                "repeat its options, give another folder with -o, or --force to start again"
            )
        if force:
            for pattern in OURS:
                for path in self.folder.glob(pattern):
                    path.unlink()
        make_folder(self.folder)
        write_text(self.folder / SETTINGS, json.dumps(dict(settings), indent=2) + "\n", force=True)

    def known(self, name: str) -> dict[str, Any]:
        """The figures of a case so far."""
        path = self.folder / "cases" / f"{name}.json"
        return dict(read_json(path)) if path.is_file() else {}

    def keep(self, name: str, figures: Mapping[str, Any]) -> None:
        """Write the figures of a case."""
        make_folder(self.folder / "cases")
        write_text(self.folder / "cases" / f"{name}.json", json.dumps(dict(figures)) + "\n", force=True)

    def fit(self, name: str, which: str) -> Fit | None:
        """A fit that was kept."""
        path = self._fit(name, which)
        return read_record(path, Fit) if path.is_file() else None

    def keep_fit(self, name: str, which: str, fit: Fit) -> None:
        """Write a fit."""
        make_folder(self.folder / "fits")
        write_record(self._fit(name, which), fit, force=True)

    def picture(self, name: str, which: str) -> ByteArray | None:
        """A picture (H, W, 3) uint8 that was kept."""
        path = self._picture(name, which)
        return read_photo(path).pixels if path.is_file() else None

    def keep_picture(self, name: str, which: str, picture: ByteArray) -> None:
        """Write a picture (H, W, 3) uint8."""
        make_folder(self.folder / "pictures")
        write_image(self._picture(name, which), picture, force=True)

    def _picture(self, name: str, which: str) -> Path:
        return self.folder / "pictures" / f"{name}.{which.replace(' ', '-')}.png"

    def _fit(self, name: str, which: str) -> Path:
        return self.folder / "fits" / f"{name}.{which.replace(' ', '-')}.fit.npz"
