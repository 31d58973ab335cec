"""The whole flow, as a person would call it from Python: photo and mask in, complete faces out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit.completion.names import DEFAULT_METHOD
from facekit.records import BoolArray, ByteArray, Completion, Ensemble, Fit, Landmarks

if TYPE_CHECKING:
    import torch

    from facekit.completion.mesh_vae import MeshVAE
    from facekit.morphable.model import FaceModel


def complete_face(
    photo: ByteArray,
    hidden: BoolArray,
    model: FaceModel,
    n: int,
    generator: torch.Generator,
    *,
    landmarks: Landmarks | None = None,
    fit: Fit | None = None,
    ensemble: Ensemble | None = None,
    method: str = DEFAULT_METHOD,
    network: MeshVAE | None = None,
    texture_size: int = 512,
) -> tuple[Fit, Ensemble, Completion]:
    """Complete the face under the mask n times.

    photo (H, W, 3) uint8 sRGB; hidden (H, W) bool, true where something covers the face. Records that exist
    already are used as they are; the stages that are missing are run. ``network`` is for the methods with
    vae.
    """
    from facekit.stages.complete import complete
    from facekit.stages.detect import detect_masked, redetect
    from facekit.stages.diversify import diversify
    from facekit.stages.fit import fit_photo

    if ensemble is None or fit is None:
        if fit is None:
            if landmarks is None:
                landmarks = detect_masked(photo, hidden)
            fit = fit_photo(photo, landmarks, model, hidden, look_again=redetect)
        ensemble = diversify(fit, model, n, generator, method, network=network)
    return fit, ensemble, complete(photo, hidden, fit, ensemble, model, generator, texture_size)
