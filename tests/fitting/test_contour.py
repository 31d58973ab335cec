"""Jaw landmarks stand on the silhouette, and fits to contours in the picture are better for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facekit.files.models import load_model
from facekit.fitting.contour import JAW, Paths, _find_paths, contour_paths, tangents
from facekit.fitting.landmark_fit import LandmarkFit, fit_landmarks, focal_prior
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.observe import MESH, observe
from facekit.fitting.view import FRONTAL, View
from facekit.geometry.mesh import edges
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.morphable.model import FaceModel
from facekit.records import Landmarks

CENTRE = np.array([256.0, 256.0])
SIZE = np.array([512, 512], np.int32)
RIGHT, LEFT = np.arange(6), np.arange(11, 17)  # of the subject, from the ear to the corner of the jaw


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model("default")


@pytest.fixture(scope="module")
def paths(model: FaceModel) -> Paths:
    return contour_paths(model)


def turned(degrees: float) -> View:
    """The camera on the subject's left for positive angles."""
    turn = axis_angle_to_matrix(np.array([0.0, -np.radians(degrees), 0.0]))
    return View(FRONTAL @ turn, CENTRE, 1500.0, 1300.0, CENTRE)


def contour(model: FaceModel, code: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """68 landmarks (68, 2) px as an annotator sets them, and the projected jaw line without sliding.

    On the far side of a turned head each is moved level to the edge of the face in the picture, found from
    the edges of the whole mesh without the paths under test.
    """
    fixed = view.project(landmark_model(model, "ibug68").points(code))
    moved, pixels = fixed.copy(), view.project(model.instance(code))
    pairs = edges(model.topology.faces)
    cheeks = (model.topology.regions["face"] > 0.5) & (model.topology.regions["nose"] < 0.1)
    one, other = pixels[pairs[cheeks[pairs].all(1)].T]
    far, sign = (RIGHT, -1.0) if view.angles[0] > 0 else (LEFT, 1.0)
    for i in far:
        before, behind = one[:, 1] - fixed[i, 1], other[:, 1] - fixed[i, 1]
        cut = (before > 0) != (behind > 0)
        share = before[cut] / (before[cut] - behind[cut])
        rim = (sign * (one[cut, 0] + share * (other[cut, 0] - one[cut, 0]))).max()
        moved[i, 0] = sign * max(rim, sign * fixed[i, 0])
    return moved, fixed


def record(points: np.ndarray, detector: str) -> Landmarks:
    zero = np.zeros(68, np.float32)
    box = np.concatenate([points.min(0), points.max(0)]).astype(np.float32)
    return Landmarks(
        "ibug68", points.astype(np.float32), zero, zero + 1, zero > 1, 1.0, box, np.eye(3), SIZE, detector
    )


def fitted(model: FaceModel, points: np.ndarray, detector: str) -> LandmarkFit:
    return fit_landmarks(observe(record(points, detector), model), focal_prior(SIZE), CENTRE)


def someone(model: FaceModel, seed: int) -> np.ndarray:
    """A random face with a few expressions."""
    rng = np.random.default_rng(seed)
    code, expression = rng.normal(size=model.size), model.block("expression").slice
    code[expression] = np.abs(code[expression]) * (rng.random(expression.stop - expression.start) < 0.15)
    return model.clip(code)


def gap(model: FaceModel, fit: LandmarkFit, truth: np.ndarray, view: View) -> tuple[float, float]:
    """Mean distance in mm over the face from the front, as the heads lie, and degrees between the views."""
    face = model.topology.regions["narrow_face"] > 0.5
    one, other = (model.instance(code)[face] for code in (fit.code, truth))
    shape = 1e3 * np.linalg.norm((one - one.mean(0)) - (other - other.mean(0)), axis=1).mean()
    angle = np.arccos(np.clip((np.trace(fit.view.rotation @ view.rotation.T) - 1) / 2, -1, 1))
    return float(shape), float(np.degrees(angle))


def test_from_the_front_the_jaw_is_where_the_model_says(model: FaceModel, paths: Paths) -> None:
    fixed = landmark_model(model, "ibug68").mean[JAW]
    assert np.linalg.norm(paths.model(turned(0)).mean - fixed, axis=1)[2:15].max() < 2e-3


def test_points_of_a_path_lie_on_the_surface_and_lead_to_the_front(paths: Paths) -> None:
    places = paths.places.mean.reshape(17, -1, 3)
    assert np.linalg.norm(np.diff(places, axis=1), axis=2).max() < 0.025
    assert (places[:, -1, 2] > places[:, 0, 2]).all()


@pytest.mark.parametrize("yaw", [-60, -45, -30, 30, 45, 60])
def test_the_far_side_stands_on_the_silhouette_and_the_near_side_on_the_jaw(
    model: FaceModel, paths: Paths, yaw: int
) -> None:
    view, none = turned(yaw), np.zeros(model.size)
    edge, fixed = contour(model, none, view)
    here = paths.model(view)
    pixels = view.project(here.mean)
    far, near = (RIGHT, LEFT) if yaw > 0 else (LEFT, RIGHT)
    near_gap = np.linalg.norm(pixels[near] - fixed[near], axis=1)
    assert near_gap.max() < 1.0
    assert np.abs(edge[far] - fixed[far]).max() > 10  # px: the jaw line itself lies far inside
    order = far[np.argsort(edge[far, 1])]
    rim = np.interp(pixels[far[1:-1], 1], edge[order, 1], edge[order, 0])
    assert np.abs(pixels[far[1:-1], 0] - rim).max() < 4.0  # 2.7 mm


def test_places_move_steadily_with_the_view(paths: Paths) -> None:
    """In the picture; on the surface a point may run where the cheek is flat along the line of sight."""
    last = None
    for yaw in np.arange(-60, 60.5, 1.0):
        view = turned(yaw)
        here = view.project(paths.model(view).mean)
        assert last is None or np.linalg.norm(here - last, axis=1).max() < 15.0  # 1 cm
        last = here


def test_modes_are_those_of_the_places(model: FaceModel, paths: Paths) -> None:
    """The face deformed, then cut at the same places, is the mean plus modes times code."""
    places = paths.places
    code = someone(model, 3)
    moved = places.points(code) - places.mean
    whole = model.instance(code) - model.mean
    assert np.linalg.norm(moved, axis=1).max() <= np.linalg.norm(whole, axis=1).max() + 1e-9
    jaw = landmark_model(model, "ibug68")
    np.testing.assert_allclose(moved.reshape(17, -1, 3)[:, 0], jaw.deformation(code)[JAW], atol=1e-9)


def test_shape_and_view_are_found_better_than_with_fixed_points(model: FaceModel) -> None:
    sliding, fixed = [], []
    for seed in range(6):
        for yaw in (-60, -40, 40, 60):
            truth, view = someone(model, seed), turned(yaw)
            noise = np.random.default_rng(seed).normal(0, 1.5, (68, 2))
            points = contour(model, truth, view)[0] + noise
            for detector, rows in (("imported", sliding), (MESH, fixed)):
                rows.append(gap(model, fitted(model, points, detector), truth, view))
    better, worse = np.mean(sliding, axis=0), np.mean(fixed, axis=0)
    assert better[0] < 0.95 * worse[0]
    assert better[1] < 0.6 * worse[1]


def test_points_that_do_not_slide_are_not_found_better(model: FaceModel) -> None:
    """The other way round it must fail: 3-D jaw lines are no contours."""
    sliding, fixed = [], []
    for seed in range(6):
        truth, view = someone(model, seed), turned(40 if seed % 2 else -40)
        points = contour(model, truth, view)[1]
        for detector, rows in (("imported", sliding), (MESH, fixed)):
            rows.append(gap(model, fitted(model, points, detector), truth, view))
    assert np.mean(sliding, axis=0)[1] > 1.5 * np.mean(fixed, axis=0)[1]


def test_hidden_jaw_points_are_left_out(model: FaceModel) -> None:
    view, truth = turned(30), someone(model, 1)
    marks = record(contour(model, truth, view)[0], "imported")
    hidden = marks.hidden.copy()
    hidden[:9] = True
    spoiled = marks.points.copy()
    spoiled[:9] += 300
    fit, other = (
        fit_landmarks(observe(replace(marks, hidden=hidden, points=p), model), focal_prior(SIZE), CENTRE)
        for p in (marks.points, spoiled)
    )
    np.testing.assert_array_equal(fit.code, other.code)
    assert len(fit.residual) == 59


def test_a_model_without_a_face_before_its_jaw_keeps_the_jaw_line(model: FaceModel) -> None:
    bare = replace(model, topology=replace(model.topology, parts=np.ones_like(model.topology.parts)))
    still, fixed = _find_paths(bare).model(turned(40)), landmark_model(model, "ibug68").mean[JAW]
    np.testing.assert_allclose(still.mean, fixed)


def test_tangents_follow_the_line() -> None:
    t = np.linspace(0, np.pi, 17)
    line = np.stack([np.cos(t), np.sin(t)], axis=1)
    np.testing.assert_allclose(tangents(line)[1:-1], np.stack([-np.sin(t), np.cos(t)], 1)[1:-1], atol=1e-9)
