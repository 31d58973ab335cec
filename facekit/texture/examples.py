"""What the inpainter learns from: one photo under one mask, as a completion finds it and as it is, on the
chart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from facekit.geometry.mesh import vertex_normals
from facekit.morphable.model import FaceModel
from facekit.raster.shade import srgb_to_linear
from facekit.records import BoolArray, ByteArray, Fit, FloatArray
from facekit.synthetic.lids import tuck_eyes
from facekit.texture.albedo import DARK, complete_albedo, seen_albedo
from facekit.texture.invent import invent
from facekit.texture.skin import Skin
from facekit.texture.unwrap import unwrap
from facekit.texture.window import face_window

SIZE = 128  # texels a side that the network works on
FINE = 2 * SIZE  # that photos are unwrapped on
STEPS = 46.0  # of log albedo to the unit, as stored: 1 / 46 is 2 % of the colour
SHADES = 64.0  # likewise, of shading
LEAST = 0.003  # share of the chart that must be hidden, and be seen in the truth, to learn from it


@dataclass(frozen=True)
class Example:
    """Maps on the chart, (T, T) or (T, T, 3) uint8: trust 0 to 255; log albedo above ``DARK`` times STEPS;
    shading times SHADES.
    """

    seen: ByteArray  # trust with the mask
    shown: ByteArray  # trust without it
    truth: ByteArray  # log albedo that the whole photo shows
    linear: ByteArray  # log albedo, completed by the albedo model
    shade: ByteArray  # light on the texels

    def arrays(self) -> dict[str, np.ndarray]:
        """By name, to be stored."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> Example:
        """The inverse of ``arrays``."""
        return Example(**{name: np.asarray(arrays[name]) for name in Example.__dataclass_fields__})

    @property
    def hidden(self) -> float:
        """Share of what the photo shows of the chart that the mask hides."""
        shown = self.shown.astype(np.float32)
        return 1 - float(np.minimum(self.seen, self.shown).sum()) / max(float(shown.sum()), 1.0)


def make_example(
    photo: ByteArray, occluded: ByteArray, hidden: BoolArray, fit: Fit, model: FaceModel
) -> Example | None:
    """The example of a photo (H, W, 3) and its occluded copy, of which the fit was made. None where the mask
    hides next to nothing of the face.
    """
    skin = Skin.of(face_window(occluded, hidden, fit), fit, model, FINE)
    vertices = tuck_eyes(model.topology, np.asarray(fit.vertices, np.float64))
    laid = skin.lay(vertices)
    shade, seen = laid.shade, laid.seen
    if not (seen.trust > 0.5).any():
        return None
    scene = face_window(photo, np.zeros_like(hidden), fit).scene
    normals = vertex_normals(vertices, model.topology.faces)
    linear = srgb_to_linear(scene.picture).astype(np.float32)
    whole = unwrap(linear, scene.hidden, scene.camera, vertices, normals, model.topology.faces, skin.chart)
    if ((whole.trust > 0.5) & (seen.trust.ravel()[skin.chart.index] < 0.5)).mean() < LEAST:
        return None
    truth = seen_albedo(skin.chart, whole.colour, shade, whole.trust)
    prior = invent(model.albedo, seen, skin.ground, torch.Generator().manual_seed(0), 1)[0]
    completed = complete_albedo(seen, prior, skin.chart, skin.ground, skin.symmetric)
    return Example(
        seen=_byte(255 * halved(seen.trust)),
        shown=_byte(255 * halved(truth.trust)),
        truth=log_bytes(halved(truth.log)),
        linear=log_bytes(halved(skin.chart.pad(np.log(np.maximum(completed, DARK))))),
        shade=_byte(SHADES * halved(skin.chart.pad(skin.chart.image(shade)))),
    )


def halved(picture: FloatArray) -> FloatArray:
    """A map (T, T, ...) brought to SIZE texels a side."""
    if len(picture) == SIZE:
        return picture.astype(np.float32)
    return np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.float32)


def log_bytes(log: FloatArray) -> ByteArray:
    """Log albedo as stored."""
    return _byte(STEPS * (log - np.log(DARK)))


def from_log_bytes(stored: torch.Tensor) -> torch.Tensor:
    """Log albedo of what is stored, float32."""
    return stored.float() / STEPS + float(np.log(DARK))


def _byte(values: FloatArray) -> ByteArray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
