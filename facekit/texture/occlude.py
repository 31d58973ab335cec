"""Masks of things before a face, to learn from: worn ones, hands, blobs, rectangles, half faces."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.raster.visibility import silhouette
from facekit.records import BoolArray, Camera, FloatArray
from facekit.synthetic.blob import blob_cover, hand_cover
from facekit.synthetic.occluders import SOLID, occluder_surfaces

KINDS = ("glasses", "mask", "blob", "hand", "rectangle", "side")
WORN = {"mask": 0.35, "glasses": 0.25}  # how often; the others share the rest
SIDES = (0.25, 0.75)  # of the face's box: a rectangle's sides, as in the paper's training
CUT = (-0.25, 0.45)  # of the face's width: where a covered side begins, from the middle


def draw_kind(rng: np.random.Generator) -> str:
    """One of KINDS, those that people wear more often."""
    rest = (1 - sum(WORN.values())) / (len(KINDS) - len(WORN))
    return str(rng.choice(KINDS, p=[WORN.get(kind, rest) for kind in KINDS]))


def occlusion_mask(
    kind: str, model: FaceModel, vertices: FloatArray, camera: Camera, rng: np.random.Generator
) -> BoolArray:
    """The pixels (H, W) that something of a kind hides of the face with ``vertices`` (V, 3) m."""
    if kind in SOLID:
        parts = occluder_surfaces(model, np.asarray(vertices, np.float32), kind, rng)
        cover = np.any([silhouette(part.vertices, part.faces, camera) for part in parts], axis=0)
        return _grown(cover, 2)
    face = silhouette(vertices, model.topology.front, camera)
    if kind == "hand":
        return np.asarray(hand_cover(face, rng) > 0.1, bool)
    if kind == "blob":
        return np.asarray(blob_cover(face, rng) > 0.1, bool)
    return _rectangle(face, rng) if kind == "rectangle" else _side(face, vertices, camera, rng)


def _rectangle(face: BoolArray, rng: np.random.Generator) -> BoolArray:
    rows, columns = np.flatnonzero(face.any(1)), np.flatnonzero(face.any(0))
    hidden = np.zeros(face.shape, bool)
    if len(rows) == 0:
        return hidden
    spans = []
    for low, high in ((rows[0], rows[-1]), (columns[0], columns[-1])):
        length = rng.uniform(*SIDES) * (high - low)
        start = rng.uniform(low - 0.1 * (high - low), high - 0.6 * length)
        spans.append(slice(max(0, round(start)), max(0, round(start + length))))
    hidden[spans[0], spans[1]] = True
    return hidden


def _side(face: BoolArray, vertices: FloatArray, camera: Camera, rng: np.random.Generator) -> BoolArray:
    """All of the face beyond a line along the head's middle, on one side or the other."""
    rows, columns = np.nonzero(face)
    if len(rows) == 0:
        return face.copy()
    middle = np.array([[0.0, 0.05, 0.0], [0.0, -0.05, 0.0]]) + np.asarray(vertices).mean(0)
    top, bottom = project_points(camera, middle)[:, :2]
    along = (bottom - top) / max(float(np.linalg.norm(bottom - top)), 1e-6)
    across = np.array([-along[1], along[0]]) * rng.choice([-1.0, 1.0])
    away = (columns - columns.mean()) * across[0] + (rows - rows.mean()) * across[1]
    hidden = np.zeros(face.shape, bool)
    beyond = away > rng.uniform(*CUT) * np.ptp(away)
    hidden[rows[beyond], columns[beyond]] = True
    return _grown(hidden, 6)


def _grown(mask: BoolArray, reach: int) -> BoolArray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
