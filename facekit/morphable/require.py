"""Refuse to mix records of one face model with another."""

from __future__ import annotations

from facekit.errors import WrongKindError
from facekit.morphable.model import FaceModel
from facekit.records import Ensemble, Fit


def require_model(record: Fit | Ensemble, model: FaceModel) -> None:
    """Raise WrongKindError unless the record was made with this very model (name and SHA-256 of its
    arrays).
    """
    if record.model_sha256 == model.digest:
        return
    if record.model != model.name:
        raise WrongKindError(
            f"this {record.KIND} was made with the face model {record.model}, not {model.name}: "
            f"give the model it was made with, or make it again"
        )
    raise WrongKindError(
        f"this {record.KIND} was made with another version of the face model {model.name} "
        f"({record.model_sha256[:12]}, now {model.digest[:12]}): make it again"
    )
