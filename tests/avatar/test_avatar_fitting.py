"""Fits: latents are found again, the prior counts where observations do not, the headset's pose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from invented import avatar

from facekit.avatar.capture import Capture
from facekit.avatar.fitting import FitSettings, PointsTarget, fit, moved
from facekit.avatar.render import Cameras, Renderer
from facekit.avatar.search import prior_of, search
from facekit.avatar.targets import frontal_camera, make_target
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.priors.latent_fit import adam

FRAMES = np.arange(24, 30)


def test_adam_finds_the_minimum_of_each_item_and_stops() -> None:
    goal = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    seen: list[int] = []

    def objective(z: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        seen.append(len(items))
        return (z - goal[items]).square().sum(1)

    found = adam(objective, goal + torch.tensor([[0.0], [0.5], [1.0], [2.0]]), 300, 0.05, patience=10)
    assert found.value.max() < 1e-3
    assert seen[0] == 4
    assert seen[-1] < 4
    alone = adam(lambda z, _: objective(z, torch.tensor([2])), goal[2:3] + 1.0, 300, 0.05, patience=10)
    torch.testing.assert_close(alone.z, found.z[2:3])


def test_adam_keeps_the_best() -> None:
    found = adam(lambda z, _: z.square().sum(1), torch.full((1, 1), 0.01), 5, 1.0)
    assert found.z.item() == pytest.approx(0.01)


@pytest.mark.parametrize("name", ["kpt", "hmc", "frontal", "masked"])
def test_every_target_is_met_better_than_at_the_start(sheet: Capture, name: str) -> None:
    made = avatar("lip-flow", "hmc")
    target, prior = make_target(name, made, sheet, FRAMES), prior_of(made, sheet, FRAMES)
    settings = FitSettings(rate=0.01, steps=15, likelihood=False)
    before = target.misfit(made, made.from_prior(prior.start.mean, prior), torch.arange(6), None)
    assert (fit(made, prior, target, settings).value < before).all()


def test_without_evidence_the_prior_decides(sheet: Capture) -> None:
    """All points missing: a fit that begins elsewhere comes back to the prior's mean; without L_L not."""
    made = avatar()
    prior = prior_of(made, sheet, FRAMES)
    assert sheet.keypoints is not None
    target = PointsTarget(torch.full((6, 8, 2), torch.nan), sheet.keypoints, 0.01)
    mean = made.from_prior(prior.start.mean, prior)
    start = made.from_prior(prior.start.mean + 0.3, prior)
    settings = FitSettings(rate=0.02, steps=300, patience=50, weight=1.0)
    found = fit(made, prior, target, settings, start=start).z
    assert (found - mean).abs().max() < 0.1 * (start - mean).abs().max()
    free = fit(made, prior, target, FitSettings(likelihood=False, steps=5), start=start).z
    torch.testing.assert_close(free, start)


def test_keypoints_of_a_mesh_are_those_of_the_capture(sheet: Capture) -> None:
    """And those of a decoded mesh are found without decoding the rest of it."""
    made = avatar()
    target = make_target("kpt", made, sheet, FRAMES)
    assert isinstance(target, PointsTarget)
    meshes = torch.from_numpy(sheet.meshes[FRAMES])
    places = (meshes[:, target.corners] * target.bary[..., None]).sum(2)
    torch.testing.assert_close(target.project(places), target.points, rtol=0, atol=1e-4)
    z = torch.randn(6, made.sizes.latent, generator=torch.Generator().manual_seed(0))
    for one in (made, avatar(seed=1)):
        decoded = (one.decode_mesh(z)[:, target.corners] * target.bary[..., None]).sum(2)
        torch.testing.assert_close(target.places(one, z), decoded, rtol=1e-4, atol=1e-6)


def test_the_headset_pose_is_found(sheet: Capture) -> None:
    """Pictures of what the avatar itself decodes, by cameras that moved a little."""
    made = avatar("lip-flow", "hmc")
    prior = prior_of(made, sheet, FRAMES)
    target = make_target("hmc", made, sheet, FRAMES, posed=False)
    mesh, cameras = sheet.mesh, target.cameras
    sat = torch.tensor([0.03, -0.02, 0.02, 0.002, -0.001, 0.001]).expand(6, 6)
    true, z = moved(cameras, sat), made.from_prior(prior.start.mean, prior)
    flat = Cameras(*(value.flatten(0, 1) for value in (true.K, true.R, true.t)))
    vertices, textures = made.decode(z.repeat_interleave(3, 0), flat.towards())
    draw = Renderer(mesh.faces, mesh.uv, mesh.uv_faces)
    from facekit.avatar.render import grey

    pictures, shown = draw(vertices, textures, flat, (12, 16))
    target.images, target.masks = grey(pictures).view(6, 3, 12, 16), shown.view(6, 3, 12, 16)
    found = fit(made, prior, target, FitSettings(steps=60, patience=30), pose=True)
    assert found.pose is not None
    start = target.misfit(made, z, torch.arange(6), torch.zeros(6, 6))
    left = target.misfit(made, found.z, torch.arange(6), found.pose)
    assert left.mean() < 0.5 * start.mean()


def test_moved_cameras_see_the_moved_head() -> None:
    generator = torch.Generator().manual_seed(0)
    pose, points = 0.1 * torch.randn(2, 6, generator=generator), torch.randn(2, 5, 3, generator=generator)
    turn = axis_angle_to_matrix(torch.randn(2, 3, 3, generator=generator))
    K = torch.eye(3).expand(2, 3, 3, 3)
    cameras = Cameras(K, turn, torch.tensor([0.0, 0.0, 9.0]).expand(2, 3, 3))
    after = points @ axis_angle_to_matrix(pose[:, :3]).transpose(1, 2) + pose[:, None, 3:]
    for which in range(3):
        one, other = (
            Cameras(c.K[:, which], c.R[:, which], c.t[:, which]) for c in (moved(cameras, pose), cameras)
        )
        torch.testing.assert_close(one.project(points), other.project(after), rtol=1e-4, atol=1e-4)


def test_search_takes_the_settings_that_come_nearest(sheet: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from facekit.avatar import search as module

    scores = iter([3.0, 2.0, 5.0, 4.0, 1.0, 6.0, 9.0, 8.0, 7.0])
    monkeypatch.setattr(module, "wrong", lambda *_: next(scores))
    found = search(avatar(), sheet, "kpt", given=FitSettings(steps=1))
    assert (found.rate, found.weight) == (0.1, 0.1)


def test_the_camera_in_front(sheet: Capture) -> None:
    assert frontal_camera(sheet) == 1
