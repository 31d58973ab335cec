"""A photo of known geometry with the detections on it, as kept between the steps of learning a detector's
statistics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.fitting.observe import usable
from facekit.fitting.view import View, view_of
from facekit.records import BoolArray, ByteArray, Camera, FloatArray, Landmarks

QUALITY = 95  # of the stored JPEG


@dataclass(frozen=True)
class KnownPhoto:
    """One photo, what was before the face, its truth, and the detections."""

    image: ByteArray  # (H, W, 3) uint8 sRGB
    hidden: BoolArray | None  # (H, W)
    camera: Camera
    code: FloatArray  # (K,) standard deviations
    landmarks: Landmarks | None  # None where the detector found no face

    @property
    def view(self) -> View:
        """The true view."""
        return view_of(self.camera)

    def points(self) -> FloatArray:
        """(L, 2) px detections of visible points, NaN elsewhere."""
        assert self.landmarks is not None
        out = np.full(self.landmarks.points.shape, np.nan)
        index = usable(self.landmarks)
        out[index] = self.landmarks.points[index]
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as named arrays; the picture as JPEG."""
        coded = cv2.imencode(".jpg", self.image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        out: dict[str, NDArray[Any]] = {"image": coded.ravel(), "code": np.asarray(self.code)}
        out |= {"K": self.camera.K, "R": self.camera.R, "t": self.camera.t}
        out["size"] = np.asarray(self.camera.image_size, np.int32)
        if self.hidden is not None:
            out["hidden"] = np.packbits(self.hidden)
        if self.landmarks is not None:
            for name in ("points", "depth", "sigma", "hidden", "box", "crop"):
                out[f"landmarks.{name}"] = np.asarray(getattr(self.landmarks, name))
        return out

    @staticmethod
    def from_arrays(a: Mapping[str, NDArray[Any]]) -> KnownPhoto:
        """The inverse of ``arrays``."""
        size = np.asarray(a["size"], np.int32)
        width, height = (int(x) for x in size)
        image = cv2.imdecode(np.asarray(a["image"], np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
        hidden = None
        if "hidden" in a:
            bits = np.unpackbits(np.asarray(a["hidden"], np.uint8))[: width * height]
            hidden = bits.reshape(height, width).astype(bool)
        landmarks = None
        if "landmarks.points" in a:
            parts: dict[str, Any] = {
                n: a[f"landmarks.{n}"] for n in ("points", "depth", "sigma", "hidden", "box", "crop")
            }
            landmarks = Landmarks(
                scheme="mediapipe478", score=1.0, image_size=size, detector="mediapipe", **parts
            )
        camera = Camera(K=a["K"], R=a["R"], t=a["t"], image_size=size)
        return KnownPhoto(np.ascontiguousarray(image), hidden, camera, np.asarray(a["code"]), landmarks)
