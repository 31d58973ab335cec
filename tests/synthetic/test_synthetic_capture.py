"""Captures of invented people: geometry that agrees with itself, wrinkles, gaze, gloss, and repeatable
bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facekit.avatar.capture import (
    Capture,
    hmc_batch,
    part,
    project_keypoints,
    unpack,
    view_batch,
)
from facekit.avatar.capture_augment import augment_hmc, disturb_keypoints
from facekit.avatar.capture_texture import chart_of_mesh, view_texture
from facekit.avatar.keypoints import keypoints_of
from facekit.errors import UsageError
from facekit.files.capture import new_capture, read_capture
from facekit.geometry.camera import centre, project_points
from facekit.morphable.model import FaceModel
from facekit.raster.fragments import rasterize_numpy
from facekit.stages.synthesize_capture import CaptureOptions, Shooting, film, plan_capture
from facekit.synthetic.capture import Subject, light_frame, pose_mesh, see
from facekit.synthetic.performance import perform
from facekit.synthetic.wrinkles import draw_wrinkles

OPTIONS = CaptureOptions(9, 3, 3, 24, (40, 48), (16, 20))


def shoot(model: FaceModel, folder: Path, seed: int = 3, options: CaptureOptions = OPTIONS) -> Shooting:
    plan = plan_capture(model, torch.Generator().manual_seed(seed), options)
    with new_capture(folder, plan.like) as made:
        assert list(film(plan, made)) == list(range(options.frames + options.held_out))
    return plan


@pytest.fixture(scope="module")
def made(model: FaceModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Capture, Shooting]:
    folder = tmp_path_factory.mktemp("capture") / "c"
    plan = shoot(model, folder)
    return read_capture(folder), plan


@pytest.fixture(scope="module")
def capture(made: tuple[Capture, Shooting]) -> Capture:
    return made[0]


@pytest.fixture(scope="module")
def subject(made: tuple[Capture, Shooting]) -> Subject:
    return made[1].subject


def test_cameras_project_the_mesh_onto_the_masks(capture: Capture) -> None:
    """All of the mesh that a mask shows is where K R t put it; a camera turned by a degree does not fit."""
    assert capture.views is not None
    size = capture.views.size
    for n, m in ((0, 0), (4, 1), (11, 2)):
        mask = unpack(capture.views.masks[n, m], size[1])
        camera = capture.view_camera(n, m)

        def share(shift: float, n: int = n, camera=camera, mask=mask) -> float:
            moved = replace(camera, t=camera.t + np.array([shift, 0, 0]))
            screen = project_points(moved, capture.meshes[n]).astype(np.float32)
            drawn = rasterize_numpy(screen[None], capture.mesh.faces, size).pix_to_face[0] >= 0
            return float((drawn & mask).sum() / (drawn | mask).sum())

        assert 0.2 < mask.mean() < 0.9
        assert share(0.0) > 0.95
        assert share(0.02) < share(0.0) - 0.02


def test_batches_are_the_cameras(capture: Capture) -> None:
    """Batches in float32 agree with the cameras of single frames; view vectors point to the cameras."""
    frames, cameras = np.array([2, 10, 7]), np.array([0, 2, 1])
    batch = view_batch(capture, frames, cameras)
    assert batch.images.shape == (3, 40, 48, 3)
    assert batch.masks.shape == (3, 40, 48)
    for i, (n, m) in enumerate(zip(frames, cameras, strict=True)):
        camera = capture.view_camera(int(n), int(m))
        np.testing.assert_allclose(batch.R[i], camera.R, atol=1e-6)
        np.testing.assert_allclose(batch.t[i], camera.t, atol=1e-6)
        place = centre(camera)
        np.testing.assert_allclose(batch.towards[i], place / np.linalg.norm(place), atol=1e-6)
    worn = hmc_batch(capture, frames)
    assert worn.images.shape == (3, 3, 16, 20)
    for i, n in enumerate(frames):
        np.testing.assert_allclose(worn.t[i, 1], capture.hmc_camera(int(n), 1).t, atol=1e-6)


def test_headset_moves_what_it_sees(capture: Capture) -> None:
    """The pose stored with each frame is the one its pictures were taken with."""
    assert capture.hmc is not None
    hits = []
    for n in range(len(capture)):
        mask = unpack(capture.hmc.masks[n, 0], 20)
        screen = project_points(capture.hmc_camera(n, 0), capture.meshes[n]).astype(np.float32)
        drawn = rasterize_numpy(screen[None], capture.mesh.faces, (16, 20)).pix_to_face[0] >= 0
        hits.append((drawn & mask).sum() / (drawn | mask).sum())
    assert min(hits) > 0.9
    assert np.ptp(capture.hmc.pose[:, :, 3], axis=0).max() > 1e-4
    assert (capture.hmc.images[0][~unpack(capture.hmc.masks[0], 20)] == 0).all()


def test_keypoints_are_projected_points(capture: Capture, model: FaceModel) -> None:
    points = capture.keypoints
    assert points is not None
    clean = project_keypoints(points, capture.meshes)
    errors = points.points - clean
    assert abs(errors.std() - points.noise) < 0.1 * points.noise
    assert (points.points > 0.05).all()
    assert (points.points < 0.95).all()
    embedded = model.topology.embeddings["mediapipe478"].points(capture.meshes[5].astype(np.float64))
    pixels = project_points(points.camera, embedded[points.index])[:, :2]
    np.testing.assert_allclose(clean[5], pixels / points.camera.image_size, atol=1e-5)
    assert points.index.max() < 468  # no irises
    assert len(set(points.index.tolist())) == len(points.index)


def test_same_seed_same_bytes(model: FaceModel, made: tuple[Capture, Shooting], tmp_path: Path) -> None:
    few = replace(OPTIONS, frames=3, held_out=0)
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        shoot(model, tmp_path / name, seed, few)
    same = [p.name for p in (tmp_path / "one").iterdir()]
    for name in same:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one/views.npy").read_bytes() != (tmp_path / "other/views.npy").read_bytes()


def test_held_out_segments_are_others(model: FaceModel) -> None:
    done = perform(model.expression_names, 240, 48, np.random.default_rng(0))
    assert done.held_out.sum() == 48
    assert not set(done.segment[done.held_out]) & set(done.segment[~done.held_out])
    assert 0 <= done.weights.min() <= done.weights.max() <= 1
    step = np.abs(np.diff(done.weights, axis=0))[np.diff(done.segment) == 0]
    mouth = [i for i, name in enumerate(model.expression_names) if name.startswith(("jaw", "mouth"))]
    assert step[:, mouth].max() < 0.75  # smooth: no jump from pose to pose
    for few in (3, 7, 40):
        assert len(perform(model.expression_names, few, few, np.random.default_rng(0)).segment) == 2 * few


def test_wrinkles_wake_with_their_shapes(model: FaceModel, subject: Subject) -> None:
    """Raised brows change the forehead's shading beyond what the moving mesh does; rest wakes little."""
    names = model.expression_names
    still, raised = np.zeros(len(names), np.float32), np.zeros(len(names), np.float32)
    for name in ("browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R"):
        raised[names.index(name)] = 1
    grooves = subject.grooves
    assert max(groove.activation(still) for groove in grooves) <= 0.3
    assert sum(groove.activation(raised) > 0.9 for groove in grooves) == 2  # left and right forehead
    assert all(np.isfinite(groove.slope).all() for groove in grooves)
    other = draw_wrinkles(np.zeros((4, 3), np.float32), names, np.random.default_rng(0))
    assert len(other) == len(grooves)


def test_gaze_turns_rigid_balls(model: FaceModel, subject: Subject) -> None:
    names = model.expression_names
    weights = np.zeros(len(names), np.float32)
    weights[names.index("eyeLookOut_L")] = 0.6
    rows = np.flatnonzero(model.topology.part("left_eye"))
    ball = subject.neutral[rows]
    middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
    before, after = pose_mesh(subject, 0 * weights)[rows], pose_mesh(subject, weights)[rows]
    front = np.argmax(ball[:, 2])
    assert 0.003 < (after - before)[front, 0] < 0.009  # to the subject's left, m
    radius = np.linalg.norm(after - middle, axis=1) / np.linalg.norm(ball - middle, axis=1)
    assert radius.max() < 1.0001
    assert np.median(radius) > 0.999


def test_gloss_depends_on_the_view(made: tuple[Capture, Shooting]) -> None:
    """Matt light is the same for all cameras; what a camera sees is that and highlights of its own."""
    capture, plan = made
    still = np.zeros(plan.performance.weights.shape[1], np.float32)
    lit = light_frame(plan.subject, capture.meshes[0], still, 0.0, plan.dome, np.eye(3, 4))
    one, other = (see(plan.subject, lit, capture.view_camera(0, m)) for m in (0, 2))
    assert (one.colour >= lit.matt - 1e-6).all()
    both = (one.trust > 0.5) & (other.trust > 0.5)
    assert np.abs(one.colour - other.colour)[both].max() > 0.05
    assert both.mean() > 0.1


def test_textures_of_views(capture: Capture) -> None:
    """A view unwrapped agrees with the mean texture where it is seen, but for its colours and gloss."""
    chart = chart_of_mesh(capture)
    texture, trust = view_texture(capture, 6, 0, chart)
    seen = trust > 0.7
    assert texture.shape == (24, 24, 3)
    assert seen.mean() > 0.1
    gap = np.abs(texture.astype(float) - capture.textures[6])[seen].mean()
    assert gap < 12
    other = np.abs(texture[::-1].astype(float) - capture.textures[6])[seen].mean()
    assert other > 2 * gap


def test_part_of_a_capture(capture: Capture) -> None:
    few = part(capture, capture.frames("held-out"))
    assert len(few) == 3
    assert few.held_out.all()
    assert few.views is not None
    assert few.views.images.shape[0] == 3
    with pytest.raises(ValueError, match="unknown part"):
        capture.frames("test")
    with pytest.raises(ValueError, match="has no views"):
        view_batch(replace(capture, views=None), np.array([0]), np.array([0]))


def test_variation_of_signals(capture: Capture) -> None:
    rng, batch = np.random.default_rng(0), hmc_batch(capture, np.arange(6))
    assert augment_hmc(batch.images, batch.masks, rng, 0) is batch.images
    changed = augment_hmc(batch.images, batch.masks, rng)
    assert changed.dtype == np.float32
    assert 0 <= changed.min() <= changed.max() <= 1
    assert changed[~batch.masks].std() > 0.05  # a background where there was none
    same = np.corrcoef(changed[batch.masks], batch.images[batch.masks])[0, 1]
    assert 0.6 < same < 0.9999
    points = np.full((400, 30, 2), 0.5, np.float32)
    moved = disturb_keypoints(points, rng, 0.01, 0.2)
    assert abs(np.isnan(moved[..., 0]).mean() - 0.2) < 0.02
    assert abs(np.nanstd(moved) - 0.01) < 0.0005


def test_models_that_cannot_be_captured(model: FaceModel) -> None:
    bare = replace(model.topology, embeddings={})
    with pytest.raises(UsageError, match="--model default"):
        keypoints_of(bare, None, 3)  # type: ignore[arg-type]
