"""How well a network finds occluders, on pictures that it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from facekit.metrics.segmentation import Overlap
from facekit.records import ByteArray
from facekit.segmentation.compose import (
    OCCLUDERS,
    SHARES,
    camera,
    cut,
    occlude,
    sample_placement,
)
from facekit.segmentation.examples import FACE, OCCLUDER, UNKNOWN, Example
from facekit.segmentation.network import Segmenter
from facekit.segmentation.training import as_input
from facekit.synthetic.chance import one_of
from facekit.synthetic.drawn import Setting


@dataclass(frozen=True)
class Scores:
    """Over all pictures together."""

    pictures: int
    occluder: float  # intersection over union of the occluder, of pictures that have one
    face: float  # of the face
    false: float  # share of the face that is taken for an occluder where nothing is


def score(network: Segmenter, faces: Sequence[Sequence[Example]], seed: int) -> Scores:
    """Score on faces with and without something before them, half of them bare."""
    network.eval()
    occluder, face, false = Overlap(), Overlap(), Overlap()
    count = 0
    for index, forms in enumerate(faces):
        for form in forms:
            rng = np.random.default_rng([seed, index, count])
            image, labels = trial(form, network.side, rng)
            found, known = classes(network, image), labels != UNKNOWN
            if (labels == OCCLUDER).any():
                occluder.add((found == OCCLUDER)[known], (labels == OCCLUDER)[known])
            else:
                false.add((found == OCCLUDER) & (labels == FACE), labels == FACE)
            face.add((found == FACE)[known], (labels == FACE)[known])
            count += 1
    return Scores(count, occluder.iou, face.iou, false.recall)


def trial(form: Example, side: int, rng: np.random.Generator) -> tuple[ByteArray, ByteArray]:
    """A picture as in training, without what is only there to make learning hard; bare every other time."""
    image, labels, landmarks = cut(form, sample_placement(form.landmarks, rng), side)
    linear = (image.astype(np.float32) / 255) ** 2
    kind = one_of(rng, {k: v for k, v in SHARES.items() if k != "none"})
    if form.bare and rng.random() < 0.5:
        setting = Setting.of(linear, landmarks, rng)
        linear, labels = occlude(linear, labels, OCCLUDERS[kind](setting, rng), rng)
    return camera(np.sqrt(np.clip(linear, 0, 1)), rng), labels


def classes(network: Segmenter, image: ByteArray) -> ByteArray:
    """The likeliest class (S, S) uint8 of each pixel of an aligned crop (S, S, 3)."""
    with torch.inference_mode():
        likeliest: ByteArray = network(as_input([image])).argmax(1)[0].numpy().astype(np.uint8)
    return likeliest
