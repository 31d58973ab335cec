"""The whole flow, as a person would call it from Python: photo and mask in, complete faces out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facekit.completion.approach import USUAL, Approach
from facekit.records import BoolArray, ByteArray, Completion, Ensemble, Fit, Landmarks

if TYPE_CHECKING:
    import torch

    from facekit.morphable.model import FaceModel


@dataclass(frozen=True)
class Known:
    """Records that exist already; the stages of the others are run."""

    landmarks: Landmarks | None = None
    fit: Fit | None = None
    ensemble: Ensemble | None = None  # with the fit it was made from


NOTHING = Known()


def complete_face(
    photo: ByteArray,
    hidden: BoolArray,
    model: FaceModel,
    n: int,
    generator: torch.Generator,
    approach: Approach = USUAL,
    known: Known = NOTHING,
    texture_size: int = 512,
) -> tuple[Fit, Ensemble, Completion]:
    """Complete the face under the mask n times.

    photo (H, W, 3) uint8 sRGB; hidden (H, W) bool, true where something covers the face. What is known is
    used as it is; the stages that are missing are run.
    """
    from facekit.stages.complete import complete
    from facekit.stages.detect import detect_masked, redetect
    from facekit.stages.diversify import diversify
    from facekit.stages.fit import fit_photo

    fit, ensemble = known.fit, known.ensemble
    if ensemble is None or fit is None:
        if fit is None:
            landmarks = known.landmarks or detect_masked(photo, hidden)
            fit = fit_photo(photo, landmarks, model, hidden, look_again=redetect)
        ensemble = diversify(fit, model, n, generator, approach)
    pictured = complete(photo, hidden, fit, ensemble, model, generator, texture_size, approach.texture)
    return fit, ensemble, pictured
