"""The photometric step finds the face a photo was drawn from, and what is hidden has no say."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import SIZE, drawn, landmark_fit, model

from facekit.fitting.landmark_fit import LandmarkFit
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.photometric import refine, widened
from facekit.fitting.rendering import Look
from facekit.stages.train_prior import surface_error


def errors(fit: LandmarkFit, truth: Look) -> tuple[float, float]:
    """mm over the face after alignment, and px of the inner landmarks."""
    face = model()
    points = landmark_model(face, "ibug68")
    gap = fit.view.project(points.points(fit.code)) - truth.view.project(points.points(truth.code))
    mm = surface_error(face, face.instance(fit.code), face.instance(truth.code))
    return mm, float(np.linalg.norm(gap[17:], axis=1).mean())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_drawn_face_is_found(seed: int) -> None:
    case = drawn()
    start = landmark_fit(case.truth, seed)
    found = refine(case.photo, None, model(), start)
    assert found is not None
    (before_mm, before_px), (after_mm, after_px) = errors(start, case.truth), errors(found, case.truth)
    assert after_mm < 0.6 * before_mm
    assert after_px < 0.6 * before_px
    assert found.joint is not None
    assert start.joint is not None
    assert np.trace(found.joint[7:, 7:]) < np.trace(start.joint[7:, 7:])
    np.testing.assert_array_equal(found.covariance, found.joint[7:, 7:])


def test_another_face_is_not_found() -> None:
    """The photo of another person does not lead to this one: what finds the face is in the pixels."""
    case = drawn()
    start = landmark_fit(case.truth, 1)
    found = refine(drawn(5).photo, None, model(), start)
    assert found is not None
    assert errors(found, case.truth)[0] > 0.8 * errors(start, case.truth)[0]


def test_the_truth_stays() -> None:
    case = drawn()
    start = landmark_fit(case.truth)
    exact = LandmarkFit(**{**vars(start), "view": case.truth.view, "code": case.truth.code})
    found = refine(case.photo, None, model(), exact)
    assert found is not None
    mm, px = errors(found, case.truth)
    assert mm < 0.25
    assert px < 0.4


def test_noise_does_not_overrule_the_landmarks() -> None:
    case = drawn()
    start = landmark_fit(case.truth)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    found = refine(noise, None, model(), start)
    assert found is not None
    assert np.sqrt(((found.code - start.code) ** 2).mean()) < 0.15  # standard deviations; the fit has 0.5


def test_hidden_pixels_have_no_say() -> None:
    case = drawn()
    start = landmark_fit(case.truth)
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[110:170, 60:200] = True
    rng = np.random.default_rng(0)
    other = case.photo.copy()
    other[hidden] = rng.integers(0, 256, (hidden.sum(), 3))
    one, two = (refine(p, hidden, model(), start) for p in (case.photo, other))
    assert one is not None
    assert two is not None
    assert one.code.tobytes() == two.code.tobytes()
    assert one.view.rotation.tobytes() == two.view.rotation.tobytes()
    seen = refine(other, None, model(), start)
    assert seen is not None
    assert seen.code.tobytes() != one.code.tobytes()


def test_codes_stay_in_their_bounds() -> None:
    case, face = drawn(), model()
    found = refine(case.photo, None, face, landmark_fit(case.truth))
    assert found is not None
    assert (found.code >= face.lower - 1e-9).all()
    assert (found.code <= face.upper + 1e-9).all()


def test_too_little_skin_is_left_alone() -> None:
    case = drawn()
    everything = np.ones((SIZE, SIZE), bool)
    assert refine(case.photo, everything, model(), landmark_fit(case.truth)) is None


def test_widened_keeps_what_is_known() -> None:
    start = landmark_fit(drawn().truth)
    wide = widened(start, len(start.code) + 3)
    assert wide.joint is not None
    assert start.joint is not None
    np.testing.assert_array_equal(wide.joint[:-3, :-3], start.joint)
    np.testing.assert_array_equal(wide.joint[-3:, -3:], np.eye(3))
    np.testing.assert_array_equal(wide.code, np.r_[start.code, 0, 0, 0])
