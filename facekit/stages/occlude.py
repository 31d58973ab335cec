"""occlude: something drawn before the face of a whole photo, so that there is a truth to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facekit.errors import NumericalError, UsageError
from facekit.raster.shade import linear_to_srgb, srgb_to_linear
from facekit.records import BoolArray, ByteArray, FloatArray
from facekit.segmentation.compose import OCCLUDERS
from facekit.synthetic.chance import numpy_generator
from facekit.synthetic.drawn import Setting, over
from facekit.synthetic.layout import Layout
from facekit.synthetic.occluders import grow

if TYPE_CHECKING:
    import torch

KINDS = tuple(OCCLUDERS)
ANY = "any"
LEAST, MOST = 0.1, 0.7  # of the face, what is hidden
TRIES = 40
FACE = ((-0.6, -0.4), (0.6, -0.4), (0.55, 0.5), (0.25, 1.05), (-0.25, 1.05), (-0.55, 0.5))


def occlude(
    photo: ByteArray, landmarks68: FloatArray, kind: str, generator: torch.Generator
) -> tuple[ByteArray, BoolArray, str]:
    """A photo (H, W, 3) with something before the face of landmarks (68, 2) px, what it hides (H, W), and
    what it is.

    ``kind`` is one of KINDS or "any". Pixels that are not hidden stay those of the photo. Raises UsageError
    for another kind, NumericalError where nothing would hide the face.
    """
    if kind not in (*KINDS, ANY):
        raise UsageError(f"there is no occluder {kind}; choose from {', '.join((*KINDS, ANY))}")
    rng = numpy_generator(generator)
    linear = srgb_to_linear(photo.astype(np.float32) / 255)
    face = Layout.of(landmarks68, photo.shape).fill(np.array(FACE)) > 0.5
    for _ in range(TRIES):
        chosen = str(rng.choice(KINDS)) if kind == ANY else kind
        setting = Setting.of(linear, landmarks68, rng)
        drawn = OCCLUDERS[chosen](setting, rng)
        hidden = grow(drawn.cover, 0.0)
        if LEAST <= (hidden & face).sum() / max(int(face.sum()), 1) <= MOST:
            covered = np.rint(255 * linear_to_srgb(np.clip(over(linear, drawn), 0, 1))).astype(np.uint8)
            return np.where(hidden[..., None], covered, photo), hidden, chosen
    raise NumericalError(f"no {kind} could be drawn so that it hides a part of the face; give another seed")
