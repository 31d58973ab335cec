"""Things in front of a face, put into its photo: pixels outside the mask stay those of the photo without
them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from facekit.errors import UsageError
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import PARTS
from facekit.records import BoolArray, FloatArray
from facekit.synthetic.blob import blob_colour, blob_cover, sample_pattern
from facekit.synthetic.cloth import scarf
from facekit.synthetic.cup import face_mask
from facekit.synthetic.drawn import Drawn, Setting, over
from facekit.synthetic.glasses import glasses
from facekit.synthetic.hand import hand
from facekit.synthetic.scene import Surface
from facekit.synthetic.strands import strands
from facekit.synthetic.things import cup, microphone, phone

SOLID = ("glasses", "mask")  # built as surfaces, the others are drawn
DRAWN: dict[str, Callable[[Setting, np.random.Generator], Drawn]] = {
    "hand": hand,
    "hair": strands,
    "scarf": scarf,
    "phone": phone,
    "cup": cup,
    "microphone": microphone,
}
KINDS = (*SOLID, "blob", *DRAWN)
FEWEST = 0.03  # of the face that something drawn must hide, or it is drawn again
TRIES = 20


def check_kind(kind: str) -> None:
    """UsageError for an unknown occluder."""
    if kind not in KINDS:
        raise UsageError(f"unknown occluder {kind!r}: choose one of {', '.join(KINDS)}")


def occluder_surfaces(
    model: FaceModel, vertices: FloatArray, kind: str, rng: np.random.Generator
) -> list[Surface]:
    """Surfaces of a solid occluder on a face with ``vertices`` (V, 3) m, head frame."""
    vertices = vertices.astype(np.float64)
    landmarks = model.topology.embeddings["ibug68"].points(vertices)
    skin = vertices[model.topology.parts == PARTS.index("skin")]
    return (glasses if kind == "glasses" else face_mask)(landmarks, skin, rng)


def draw_occluder(
    linear: FloatArray, face: BoolArray, landmarks: FloatArray, kind: str, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """A flat occluder over linear RGB (H, W, 3), for face pixels (H, W) and landmarks (68, 2) px: the new
    picture and its opacity (H, W) float32.
    """
    if kind == "blob":
        cover, pattern = blob_cover(face, rng), sample_pattern(rng)
        brightness = float(linear[face].mean()) if face.any() else 0.3
        drawn = Drawn(cover, blob_colour(cover, pattern, brightness, rng))
    else:
        setting = Setting.of(linear, landmarks, rng)
        for _ in range(TRIES):
            drawn = DRAWN[kind](setting, rng)
            if not face.any() or (drawn.cover[face] > 0.5).mean() >= FEWEST:
                break
    return over(linear, drawn), drawn.cover


def grow(cover: FloatArray, blur: float) -> BoolArray:
    """The mask (H, W) of an opacity: every pixel that the occluder touches, blur of the lens included."""
    reach = 1 + int(np.ceil(2.0 * blur))
    return cv2.dilate((cover > 0.004).astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
