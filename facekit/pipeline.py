"""The whole flow, as a person would call it from Python: photo and mask in, complete faces out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facekit.completion.approach import USUAL, Approach
from facekit.records import BoolArray, ByteArray, Completion, Ensemble, Fit, Landmarks
from facekit.texture.options import TextureOptions

if TYPE_CHECKING:
    import torch

    from facekit.morphable.model import FaceModel
    from facekit.segmentation.network import Segmenter
    from facekit.stages.segment import Proposal


@dataclass(frozen=True)
class Known:
    """Records that exist already; the stages of the others are run."""

    landmarks: Landmarks | None = None
    fit: Fit | None = None
    ensemble: Ensemble | None = None  # with the fit it was made from


NOTHING = Known()


@dataclass(frozen=True)
class Found:
    """What hides a face of which no mask was given."""

    proposal: Proposal
    fit: Fit  # with the mask of the proposal; the one that was known


def look_for_hidden(
    photo: ByteArray, known: Known = NOTHING, network: Segmenter | None = None
) -> tuple[Proposal, Landmarks]:
    """What the segmenter takes for hidden of the face in a photo (H, W, 3) uint8 sRGB, and the landmarks of
    the face, found again without that. Raises as ``find_hidden``.
    """
    from facekit.stages.detect import detect
    from facekit.stages.segment import moved_much, propose

    landmarks = known.landmarks or detect(photo)[0]
    proposal = propose(photo, landmarks, network)
    if proposal.hidden.any():
        landmarks = _marks_with(photo, proposal.hidden, known)
        if moved_much(proposal, landmarks):  # the segmenter looked at the wrong place
            proposal = propose(photo, landmarks, network)
    return proposal, landmarks


def find_hidden(photo: ByteArray, model: FaceModel, known: Known = NOTHING) -> Found:
    """What is before the face in a photo (H, W, 3) uint8 sRGB: the segmenter proposes a mask, a fit to what
    that leaves corrects it, and where it changed is made once more.

    Raises ModelUnavailableError where there is no segmenter; NoFaceError.
    """
    from facekit.stages.detect import redetect
    from facekit.stages.fit import fit_photo
    from facekit.stages.segment import correct, propose

    if known.fit is not None:
        proposal = propose(photo, known.fit.landmarks)
        return Found(correct(photo, proposal, known.fit, model), known.fit)
    proposal, landmarks = look_for_hidden(photo, known)
    fit = fit_photo(photo, landmarks, model, proposal.hidden, look_again=redetect)
    again = correct(photo, proposal, fit, model)
    if again is not proposal:
        landmarks = _marks_with(photo, again.hidden, known)
        fit = fit_photo(photo, landmarks, model, again.hidden, look_again=redetect)
    return Found(again, fit)


def _marks_with(photo: ByteArray, hidden: BoolArray, known: Known) -> Landmarks:
    from facekit.stages.detect import adopt, detect_masked

    return detect_masked(photo, hidden) if known.landmarks is None else adopt(known.landmarks, hidden)


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
    used as it is; the stages that are missing are run. A fit without an ensemble is refined in the rounds of
    the approach after the first.
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
        for _ in range(approach.rounds - 1):
            fit = refit(photo, hidden, fit, model, approach.texture)
        ensemble = diversify(fit, model, n, generator, approach)
    pictured = complete(photo, hidden, fit, ensemble, model, generator, texture_size, approach.texture)
    return fit, ensemble, pictured


def refit(
    photo: ByteArray, hidden: BoolArray, fit: Fit, model: FaceModel, options: TextureOptions | None = None
) -> Fit:
    """The fit once more, to the landmarks found again on the photo completed with it (3DFaceFill, iterative
    refinement): no occluder pulls at them there. What is hidden still does not count.

    The same fit comes back where nothing of the face is hidden.
    """
    import torch

    from facekit.stages.complete import complete
    from facekit.stages.detect import redetect
    from facekit.stages.fit import fit_photo
    from facekit.texture.patch import paste

    if not fit.landmarks.hidden.any():
        return fit
    generator, small = torch.Generator().manual_seed(0), 256  # texels: the picture is all that is wanted
    options = options or TextureOptions()
    drawn = paste(photo, complete(photo, hidden, fit, alone(fit), model, generator, small, options), 0)
    return fit_photo(photo, redetect(drawn, fit.landmarks, hidden), model, hidden)


def alone(fit: Fit) -> Ensemble:
    """The fit's own shape as an ensemble of one."""
    return Ensemble(
        model=fit.model,
        model_sha256=fit.model_sha256,
        method="fit",
        codes=np.zeros((1, 1), np.float32),
        vertices=fit.vertices[None],
        faces=fit.faces,
        landmarks68=fit.landmarks68[None],
        hidden=~fit.visible,
        quality=np.ones(1, np.float32),
        stats="{}",
    )
