"""Things in front of a face, put into its photo: pixels outside the mask stay those of the photo without
them."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.errors import UsageError
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import PARTS
from facekit.records import BoolArray, FloatArray
from facekit.synthetic.blob import blob_colour, blob_cover, hand_cover, sample_pattern
from facekit.synthetic.cup import face_mask
from facekit.synthetic.glasses import glasses
from facekit.synthetic.scene import Surface

KINDS = ("glasses", "mask", "blob", "hand")
SOLID = ("glasses", "mask")  # built as surfaces, the others are drawn


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
    linear: FloatArray, face: BoolArray, kind: str, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """A flat occluder over linear RGB (H, W, 3): the new picture and its opacity (H, W) float32."""
    if kind == "hand":
        cover, pattern = hand_cover(face, rng), "skin"
    else:
        cover, pattern = blob_cover(face, rng), sample_pattern(rng)
    brightness = float(linear[face].mean()) if face.any() else 0.3
    colour = blob_colour(cover, pattern, brightness, rng)
    mixed = linear * (1 - cover[..., None]) + colour * cover[..., None]
    return np.asarray(mixed, np.float32), cover


def grow(cover: FloatArray, blur: float) -> BoolArray:
    """The mask (H, W) of an opacity: every pixel that the occluder touches, blur of the lens included."""
    reach = 1 + int(np.ceil(2.0 * blur))
    return cv2.dilate((cover > 0.004).astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
