"""Pictures of faces with what each pixel shows, to train the segmenter with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.raster.fragments import rasterize_numpy
from facekit.records import BoolArray, ByteArray, Camera, FloatArray
from facekit.synthetic.scene import MATERIALS

FACE, OCCLUDER, BACKGROUND, UNKNOWN = 0, 1, 2, 255  # classes, in the order of the network's output
OF_FACE = ("skin", "eye", "mouth", "teeth")  # materials of the synthetic head


@dataclass(frozen=True)
class Example:
    """One face."""

    image: ByteArray  # (H, W, 3) uint8 sRGB
    labels: ByteArray  # (H, W) uint8, FACE, OCCLUDER, BACKGROUND or UNKNOWN
    landmarks: FloatArray  # (68, 2) float32 px
    bare: bool  # nothing is in front of the face, so that something may be drawn there


def face_area(model: FaceModel, vertices: FloatArray, camera: Camera) -> BoolArray:
    """(H, W) bool: where the face of the model lies in a picture, eyes and mouth included, ears and neck not.

    vertices (V, 3) m, head frame. Of a model without regions all of it.
    """
    width, height = (int(n) for n in camera.image_size)
    screen = project_points(camera, np.asarray(vertices, np.float64))[None].astype(np.float32)
    hit = rasterize_numpy(screen, model.topology.faces, (height, width)).pix_to_face[0]
    weight = model.topology.regions.get("face", np.ones(len(vertices), np.float32))
    inside = np.asarray(weight)[model.topology.faces].mean(axis=1) > 0.5
    inside |= model.topology.parts[model.topology.faces[:, 0]] > 0
    return np.asarray((hit >= 0) & inside[hit])


def synthetic_labels(area: BoolArray, region: ByteArray, landmarks: FloatArray) -> ByteArray:
    """The labels (H, W) of a synthetic photo without occluder.

    area (H, W) from ``face_area``; region (H, W) as SyntheticPhoto.region; landmarks (68, 2) px. The forehead
    counts as face up to the hair, and the ragged edge that triangles leave is smoothed.
    """
    chosen = [1 + MATERIALS.index(name) for name in OF_FACE]
    smooth = cv2.GaussianBlur(area.astype(np.float32), (0, 0), 0.01 * max(area.shape)) > 0.5
    points = np.asarray(landmarks, np.float64)[:, :2]
    down = points[8] - points[36:48].mean(axis=0)
    side = np.array([down[1], -down[0]]) / np.linalg.norm(down)
    row, column = np.mgrid[: area.shape[0], : area.shape[1]] + 0.5
    across = column * side[0] + row * side[1]
    height = -(column * down[0] + row * down[1]) / np.linalg.norm(down)
    brow = float((-points[17:27] @ down / np.linalg.norm(down)).mean())
    ends = np.sort(points[[0, 16]] @ side)
    forehead = (height > brow) & (across > ends[0]) & (across < ends[1])
    return np.where((smooth | forehead) & np.isin(region, chosen), FACE, BACKGROUND).astype(np.uint8)


def with_mask(labels: ByteArray, mask: BoolArray) -> ByteArray:
    """Labels with what lies under a mask (H, W) as the occluder."""
    return np.where(mask, OCCLUDER, labels).astype(np.uint8)


def flipped(example: Example) -> Example:
    """The mirror image."""
    from facekit.detection.schemes import MIRROR

    points = example.landmarks[MIRROR["ibug68"]].copy()
    points[:, 0] = example.image.shape[1] - points[:, 0]
    image, labels = example.image[:, ::-1].copy(), example.labels[:, ::-1].copy()
    return Example(image, labels, points, example.bare)


def to_arrays(forms: list[Example]) -> dict[str, NDArray[Any]]:
    """The forms of a photo as named arrays, as ``files.weights`` writes them."""
    arrays: dict[str, NDArray[Any]] = {}
    for index, form in enumerate(forms):
        parts = {"image": form.image, "labels": form.labels, "landmarks": form.landmarks}
        arrays |= {f"{index}.{name}": value for name, value in parts.items()}
        arrays[f"{index}.bare"] = np.array(form.bare, np.uint8)
    return arrays


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[Example]:
    """The forms of ``to_arrays``."""
    count = len(arrays) // 4
    return [
        Example(
            arrays[f"{i}.image"], arrays[f"{i}.labels"], arrays[f"{i}.landmarks"], bool(arrays[f"{i}.bare"])
        )
        for i in range(count)
    ]
