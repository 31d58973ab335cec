"""Photos of invented people, with the truth about each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from facekit.errors import UsageError
from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray
from facekit.segmentation.examples import FACE, face_area, synthetic_labels
from facekit.synthetic.face import FaceOptions, SyntheticFace, sample_face
from facekit.synthetic.occluders import KINDS
from facekit.synthetic.photo import PhotoOptions, SyntheticPhoto, render_photo

if TYPE_CHECKING:
    import torch

ANY = "any"  # an occluder of a random kind in each photo


@dataclass(frozen=True)
class Sample:
    """One photo of one person."""

    seed: int  # of this sample alone
    face: SyntheticFace
    photo: SyntheticPhoto
    occluder: str | None


def synthesize(
    model: FaceModel,
    generator: torch.Generator,
    n: int,
    options: PhotoOptions | None = None,
    face_options: FaceOptions | None = None,
) -> Iterator[Sample]:
    """n photos, each of another person. A sample depends on its own seed only, so it can be made again alone.

    ``options.occluder`` may also be "any". Raises UsageError for a model without a texture chart or without
    68 landmarks.
    """
    import torch

    check_model(model)
    options = options or PhotoOptions()
    for seed in torch.randint(0, 2**62, (n,), generator=generator, dtype=torch.int64).tolist():
        own = torch.Generator().manual_seed(seed)
        kind = options.occluder
        if kind == ANY:
            kind = KINDS[int(torch.randint(len(KINDS), (1,), generator=own))]
        face = sample_face(model, own, face_options)
        yield Sample(seed, face, render_photo(model, face, own, replace(options, occluder=kind)), kind)


def check_model(model: FaceModel) -> None:
    """UsageError where people cannot be painted on a model."""
    if not len(model.topology.uv):
        raise UsageError(f"the face model {model.name} has no texture chart; use --model default")
    if "ibug68" not in model.topology.embeddings:
        raise UsageError(f"the face model {model.name} has no 68 landmarks; use --model default")


def face_shown(model: FaceModel, photo: SyntheticPhoto) -> BoolArray:
    """(H, W) bool: the pixels of the photo without occluder that show the face, eyes and mouth included."""
    points = model.topology.embeddings["ibug68"].points(photo.vertices.astype(np.float64))
    marks = project_points(photo.camera, points)[:, :2]
    area = face_area(model, photo.vertices, photo.camera)
    return np.asarray(synthetic_labels(area, photo.region, marks) == FACE)


def truth(model: FaceModel, sample: Sample) -> dict[str, np.ndarray[Any, Any]]:
    """What is known about a sample, as named arrays.

    vertices (V, 3) float32 m, head frame; faces (F, 3) int32; code (K,) float32; K (3, 3), R (3, 3), t (3,)
    float64, OpenCV; image_size (2,) int32; landmarks68 (68, 3) float32 m; landmarks68_2d (68, 2) float32 px;
    expression_names, expression (E,) ARKit weights; model (name@sha256), seed and occluder as text.
    """
    camera = sample.photo.camera
    points = model.topology.embeddings["ibug68"].points(sample.photo.vertices.astype(np.float64))
    block = model.block("expression")
    weights = sample.face.code[block.slice] * model.expression_scale[: block.size]
    return {
        "vertices": sample.photo.vertices.astype(np.float32),
        "faces": model.topology.faces.astype(np.int32),
        "code": sample.face.code.astype(np.float32),
        "K": camera.K,
        "R": camera.R,
        "t": camera.t,
        "image_size": camera.image_size,
        "landmarks68": points.astype(np.float32),
        "landmarks68_2d": project_points(camera, points)[:, :2].astype(np.float32),
        "expression_names": np.array(model.expression_names, np.str_),
        "expression": weights.astype(np.float32),
        "model": np.array(f"{model.name}@{model.digest[:12]}"),
        "seed": np.array(sample.seed, np.int64),
        "occluder": np.array(sample.occluder or ""),
    }
