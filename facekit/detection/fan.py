"""face-alignment's FAN: 68 landmarks from heat maps (Bulat and Tzimiropoulos 2017), a score for each."""

from __future__ import annotations

import os
import urllib.error
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from facekit.detection.detector import Detector, Reading
from facekit.detection.quiet import quiet_native
from facekit.errors import ModelUnavailableError, UnreadableError
from facekit.records import ByteArray

NETWORK = "2DFAN-4"
MEGABYTES = 96
# The box whose crop, by face-alignment's rule (200 / 195 of width + height, 12 % up), is the whole picture.
SIDE = 256 * 195 / 200 / 2
WHOLE = np.array([128 - SIDE / 2, 128 - 0.38 * SIDE, 128 + SIDE / 2, 128 + 0.62 * SIDE])


class FaceAlignment(Detector):
    """68 points without depth. facekit finds and crops the face: only the landmark weights are needed."""

    name = "face-alignment"
    scheme = "ibug68"
    crop_size = 256
    margin = 2.05
    shift = -0.12
    runs = 4  # a crop takes 0.4 s on a CPU

    def __init__(self, device: str = "cpu") -> None:
        """Load the network; raises ModelUnavailableError without its weights, UnreadableError if damaged."""
        self._network = _load(device)

    def landmarks(self, crop: ByteArray, lane: int = 0) -> Reading:
        """68 points; see ``Detector.landmarks``. Confidence is the height of the heat map's peak."""
        found, scores, _ = self._network.get_landmarks_from_image(
            np.ascontiguousarray(crop), detected_faces=[WHOLE], return_landmark_score=True
        )
        points = np.asarray(found[0], dtype=np.float64)[:, :2]
        confidence = np.clip(np.asarray(scores[0], dtype=np.float64), 0, 1)
        return Reading(points, np.full(len(points), np.nan), confidence)


@cache
def _load(device: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the package
        import face_alignment
        import torch
        from face_alignment.api import models_urls

    folder, url = Path(torch.hub.get_dir()) / "checkpoints", models_urls[NETWORK]
    file = folder / os.path.basename(url)
    try:
        with quiet_native():  # the progress bar of a download that may fail
            return face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D,
                device=device,
                flip_input=False,
                face_detector="folder",  # the one without weights: faces are found by facekit
                compile=False,
            )
    except (urllib.error.URLError, OSError) as error:
        raise ModelUnavailableError(
            f"face-alignment needs {file.name} ({MEGABYTES} MB), which is not there and cannot be fetched; "
            f"put the file from {url} into {folder}, or use --detector mediapipe"
        ) from error
    except Exception as error:  # whatever torch raises on a damaged or foreign file
        raise UnreadableError(f"{file} is damaged or not {NETWORK}; delete it and fetch it again") from error
