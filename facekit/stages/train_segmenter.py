"""train-prior segmenter: faces with labelled pixels to a network that tells face and occluder apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.networks.blocks import parameter_count
from facekit.records import BoolArray, ByteArray, FloatArray
from facekit.segmentation.examples import (
    BACKGROUND,
    FACE,
    Example,
    face_area,
    synthetic_labels,
    with_mask,
)
from facekit.segmentation.network import Segmenter, segmenter, to_arrays
from facekit.segmentation.scores import Scores, score
from facekit.segmentation.training import SegmenterTask, kept
from facekit.synthetic.face import sample_face
from facekit.synthetic.photo import PhotoOptions, render_photo
from facekit.train.distributed import Group
from facekit.train.loop import Settings, train

Arrays = dict[str, NDArray[Any]]
Forms = list[Example]  # a photo, and the same one with something before it

STEPS = {"tiny": 20, "small": 6000, "paper": 50_000}
BATCH = {"tiny": 2, "small": 16, "paper": 16}
RATE = {"tiny": 3e-3, "small": 2e-3, "paper": 1e-4}
AGAIN = 0.5  # of the rate, for a training that starts from trained weights
SOLID = (None, "glasses", None, "mask")  # before the synthetic faces, in turn; other things are drawn on
FIRST = 10_000_019  # so that the faces are not those of train-prior landmarks
PHOTO_SIDE = 384  # px of the synthetic photos
HELD_OUT = 20  # one face in so many is kept for the test


@dataclass(frozen=True)
class Plan:
    """What to train and for how long."""

    preset: str
    seed: int
    steps: int
    batch: int
    rate: float
    start: str = ""  # digest of the weights that it starts from; empty for random ones
    every: int = 50  # steps between checkpoints
    bfloat16: bool = False  # products in half precision


@dataclass(frozen=True)
class TrainedSegmenter:
    """A network as ``files.weights`` writes it."""

    arrays: Arrays
    settings: dict[str, str]
    step: int
    losses: dict[str, float]  # of the last step
    finished: bool
    parameters: int
    faces: int
    scores: Scores | None  # on the faces that were held out, once finished


def synthetic_forms(model: FaceModel, seed: int, index: int) -> Forms:
    """Face ``index`` of a reproducible series, bare and, every second one, with glasses or a mask too."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + FIRST + index)
    face = sample_face(model, generator)
    kind = SOLID[index % len(SOLID)]
    photo = render_photo(model, face, generator, PhotoOptions(size=PHOTO_SIDE, occluder=kind))
    area = face_area(model, photo.vertices, photo.camera)
    points = model.topology.embeddings["ibug68"].points(photo.vertices.astype(np.float64))
    marks = project_points(photo.camera, points)[:, :2].astype(np.float32)
    labels = synthetic_labels(area, photo.region, marks)
    forms = [kept(Example(photo.image, labels, marks, True))]
    if photo.occluded is not None and photo.mask is not None:
        forms.append(kept(Example(photo.occluded, with_mask(labels, photo.mask), marks, False)))
    return forms


def labelled_form(
    image: ByteArray, face: BoolArray, occluder: BoolArray | None, landmarks: FloatArray
) -> Example:
    """A labelled photo as an example: image (H, W, 3) uint8; face, occluder (H, W); landmarks (68, 2) px."""
    labels = np.where(face, FACE, BACKGROUND).astype(np.uint8)
    bare = occluder is None or not occluder.any()
    marks = np.asarray(landmarks, np.float32)
    return kept(Example(image, labels if occluder is None else with_mask(labels, occluder), marks, bare))


def split(faces: Sequence[Forms]) -> tuple[list[Forms], list[Forms]]:
    """The faces to learn from, and those for the test: the last of every HELD_OUT. Raises UsageError where
    there are too few.
    """
    if len(faces) < 2:
        raise UsageError("one face is not enough to learn from and to test with; give more")
    each = min(HELD_OUT, len(faces))
    rest = [forms for i, forms in enumerate(faces) if i % each == each - 1]
    return [forms for i, forms in enumerate(faces) if i % each != each - 1], rest


def train_segmenter(
    faces: Sequence[Forms],
    plan: Plan,
    group: Group | None = None,
    *,
    start: Segmenter | None = None,
    resume: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> TrainedSegmenter:
    """Train on most of ``faces`` and score on the rest, from random weights or from those of ``start``. See
    ``train.loop.train`` for resume, save, report. Raises UsageError where ``start`` is of another size.
    """
    learned, rest = split(faces)
    network = segmenter(plan.preset, torch.Generator().manual_seed(plan.seed))
    if start is not None:
        if start.widths != network.widths:
            raise UsageError(f"the weights to start from are not of the preset {plan.preset}; choose theirs")
        network.load_state_dict(start.state_dict())
    task = SegmenterTask(network, learned, plan.batch, growing=start is None, bfloat16=plan.bfloat16)
    settings = Settings(plan.steps, plan.seed, rate=plan.rate, every=plan.every)
    outcome = train(task, settings, group or Group(), resume=resume, save=save, report=report)
    network = network.cpu()
    scores = score(network, rest, plan.seed) if outcome.finished else None
    arrays, told = to_arrays(network)
    count, size = parameter_count(network), len(learned)
    return TrainedSegmenter(arrays, told, outcome.step, outcome.losses, outcome.finished, count, size, scores)


def digest_of(network: Segmenter) -> str:
    """SHA-256 of the weights, hexadecimal."""
    digest = hashlib.sha256()
    for name, array in sorted(to_arrays(network)[0].items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def segmenter_card(command: str, trained: TrainedSegmenter, source: str) -> str:
    """The card that stands beside the weights: how they were made, from what, and how good they are."""
    scores = trained.scores
    told = "not measured"
    if scores is not None:
        told = f"{scores.occluder:.3f} for the occluder and {scores.face:.3f} for the face"
        told += f"; {100 * scores.false:.1f} % of a bare face is taken for an occluder"
        told += f" ({scores.pictures} pictures)"
    return f"""# Face segmenter

Tells which pixels of a photo show the face, something before it, or neither (`facekit detect
--occlusion-mask`, `facekit complete` without `--occlusion`). The network of 3DFaceFill, supplement, Table 7,
with {trained.parameters / 1e6:.2f} million parameters (the paper's has 7.18), stored in half precision.

* Made by `{command}`.
* Data: {source}; before them hands, hair, scarves, masks, glasses, phones, cups, microphones and patches are
  drawn.
* {trained.step} steps on {trained.faces} faces.
* Intersection over union on faces not learned from: {told}.
* Licence: MIT, as facekit.
"""
