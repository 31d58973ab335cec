"""What a fit's covariance says of how far it can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facekit.completion.certainty import equivalent_noise
from facekit.completion.evidence import evidence
from facekit.morphable.model import FaceModel
from facekit.records import Fit

SIGMA = 2e-3


def fitted(model: FaceModel, fit: Fit, copies: int) -> tuple[Fit, np.ndarray]:
    """A fit to all visible vertices seen with noise SIGMA, with no prior; ``copies`` neighbours err together,
    so that one in ``copies`` vertices counts.
    """
    sight = evidence(fit.visible, model)
    modes = (model.basis[:, sight > 0] * sight[sight > 0, None]).reshape(model.size, -1).astype(np.float64)
    covariance = SIGMA**2 * copies * np.linalg.pinv(modes @ modes.T, rcond=1e-8, hermitian=True)
    return replace(fit, covariance=covariance.astype(np.float32)), sight


@pytest.mark.parametrize("copies", [1, 25])
def test_independent_noise_is_found_again_and_common_noise_counts_as_more(
    model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]], copies: int
) -> None:
    fit, sight = fitted(model, cases["mouth"][0], copies)
    assert equivalent_noise(fit, model, sight) == pytest.approx(SIGMA * copies**0.5, rel=0.03)


def test_errors_of_place_turn_and_size_do_not_count(
    model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]
) -> None:
    fit = cases["mouth"][0]
    sight = evidence(fit.visible, model)
    grown = model.code(fit.vertices * 1.05) - model.code(fit.vertices)
    only = replace(fit, covariance=np.outer(grown, grown).astype(np.float32))
    error = np.tensordot(grown, model.basis, 1)[sight > 0] * sight[sight > 0, None]
    assert np.linalg.norm(error) > 0.02
    assert equivalent_noise(only, model, sight) < 0.3 * np.linalg.norm(error)


def test_a_fit_that_says_nothing_of_its_errors_is_taken_at_its_word(
    model: FaceModel, cases: dict[str, tuple[Fit, np.ndarray]]
) -> None:
    fit = cases["mouth"][0]
    sight = evidence(fit.visible, model)
    assert equivalent_noise(fit, model, sight) > 0
    for silent in (
        replace(fit, covariance=np.zeros_like(fit.covariance)),
        replace(fit, covariance=np.eye(3, dtype=np.float32)),
        replace(fit, model_sha256="0" * 64),
    ):
        assert equivalent_noise(silent, model, sight) == 0
    assert equivalent_noise(fit, model, 0 * sight) == 0
