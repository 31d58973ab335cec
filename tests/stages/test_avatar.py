"""Driving and evaluating avatars: what drives, where fits begin, tables and pictures."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "avatar"))

from invented import avatar, capture

from facekit.avatar import scoring
from facekit.avatar.capture import Capture
from facekit.avatar.fitting import FitSettings
from facekit.avatar.search import prior_of
from facekit.avatar.subject import subject_of
from facekit.avatar.targets import make_target
from facekit.errors import UsageError, WrongKindError
from facekit.stages import drive_avatar as drive
from facekit.stages import evaluate_avatar as evaluate
from facekit.stages.avatar_pictures import comparison, latent_picture, sample_picture
from facekit.stages.avatar_tables import tables

QUICK = FitSettings(steps=3)


@pytest.fixture(scope="module")
def sheet() -> Capture:
    return capture()


def test_keypoints_drive_by_their_names(sheet: Capture) -> None:
    """Points in another order, with others between them, and one missing, move the face as the capture's."""
    made, subject = avatar(), subject_of(sheet)
    assert sheet.keypoints is not None
    points, index = np.array(sheet.keypoints.points[:5]), sheet.keypoints.index
    order = np.array([3, 0, 1, 2, 7, 6, 5])  # 4 is missing
    other = np.concatenate([points[:, order], np.full((5, 1, 2), 0.5, np.float32)], 1)
    hidden = points.copy()
    hidden[:, 4] = np.nan
    none = np.zeros(0, np.int32)
    expected = drive.from_points(made, subject, hidden, none, 30.0)
    named = drive.from_points(made, subject, other, np.append(index[order], 99), 30.0)
    one, two = (drive.drive_avatar(made, subject, source, QUICK, "clip") for source in (expected, named))
    np.testing.assert_array_equal(one.motion.latents, two.motion.latents)
    whole = drive.drive_avatar(
        made, subject, drive.from_points(made, subject, points, none, 30.0), QUICK, "clip"
    )
    assert np.abs(whole.motion.latents - one.motion.latents).max() > 1e-6


@pytest.mark.parametrize(("kind", "signal", "by"), [("lip-flow", "hmc", "hmc"), ("dam", "kpt", "frontal")])
def test_a_capture_drives(
    sheet: Capture, kind: str, signal: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "CHUNK", 3)
    made, subject = avatar(kind, signal), subject_of(sheet)
    ticks: list[int] = []
    source = drive.from_capture(made, sheet, by, 25.0, pose=by == "hmc")
    driven = drive.drive_avatar(made, subject, source, QUICK, "clip", lambda: ticks.append(1))
    motion = driven.motion
    assert len(ticks) == len(motion.latents) == 8
    assert (motion.fps, motion.subject, motion.vertices.shape) == (25.0, "sheet", (8, 49, 3))
    assert (driven.headset is not None) == (by == "hmc")
    pictures = list(drive.pictures(made, subject, driven))
    assert pictures[0].shape == (drive.SIDE, 3 * drive.SIDE, 3)
    assert all(picture[:, drive.SIDE :].max() > 100 for picture in pictures)
    assert drive.still(pictures).shape == (4 * drive.SIDE, 6 * drive.SIDE, 3)


def test_a_fit_begins_where_it_agrees_better(sheet: Capture) -> None:
    made = avatar()
    prior = prior_of(made, sheet, np.arange(4))
    target = make_target("kpt", made, sheet, np.arange(4))
    mean = made.from_prior(prior.start.mean, prior)
    far = mean[:1] + 50
    torch.testing.assert_close(drive.begin(made, prior, target, far, False), mean)
    good = drive.fit(made, prior, target, FitSettings(rate=0.1, steps=40, likelihood=False)).z[1:2]
    chosen = drive.begin(made, prior, target, good, False)
    torch.testing.assert_close(chosen[1:2], good)


def test_what_cannot_drive(sheet: Capture) -> None:
    subject, points = subject_of(sheet), np.full((3, 5, 2), 0.5, np.float32)
    none = np.zeros(0, np.int32)
    with pytest.raises(UsageError, match="headset"):
        drive.from_points(avatar("lip-flow", "hmc"), subject, points, none, 30.0)
    with pytest.raises(WrongKindError, match="index"):
        drive.from_points(avatar(), subject, points, none, 30.0)
    with pytest.raises(WrongKindError, match="index"):
        drive.from_points(avatar(), subject, points, np.arange(400, 405), 30.0)
    with pytest.raises(UsageError, match="no hmc"):
        drive.from_capture(avatar("lip-flow", "hmc"), replace(sheet, hmc=None), "hmc", 30.0)
    with pytest.raises(WrongKindError, match="another mesh"):
        drive.from_capture(avatar(), replace(sheet, meshes=sheet.meshes[:, :-1]), "kpt", 30.0)


def test_scores_of_the_truth_and_of_another_face(sheet: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    made = avatar("dam")
    test = scoring.make_test(made, sheet, 4)
    assert test.cameras == (1, 0, 2)
    assert not set(test.frames) & set(sheet.frames("training"))
    z = torch.zeros(len(test.frames), made.sizes.latent)
    before = scoring.measure(made, test, z)
    monkeypatch.setattr(made, "decode_mesh", lambda _: torch.from_numpy(sheet.meshes[test.frames]))
    after = scoring.measure(made, test, z)
    assert (after["geom"], after["mm"]) == (0.0, 0.0)
    assert before["geom"] > 0
    monkeypatch.setattr(scoring, "shown", lambda a, t, z, m: true_views(t, m))
    assert scoring.measure(made, test, z)["psnr"] > 100


def true_views(test: scoring.Test, camera: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    seen = scoring.view_batch(test.capture, test.frames, np.full(len(test.frames), camera))
    images = (255 * seen.images).astype(np.uint8)
    return images, images, seen.masks


def test_all_tasks_and_their_tables(sheet: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "search", lambda *_, **__: QUICK)
    plan, results = evaluate.Plan(frames=2, steps=2), []
    for kind, signal in (("dam", "kpt"), ("lip-flow", "hmc"), ("lip-flow", "kpt")):
        made = avatar(kind, signal)
        test = scoring.make_test(made, sheet, 2)
        generator = torch.Generator().manual_seed(0)
        results.append(evaluate.evaluate_avatar(made, {}, test, plan, generator, lambda _: None))
    scores = [set(result["scores"]) for result in results]
    both = {"frontal", "frontal w/o LL", "masked", "masked w/o LL", "encoder"}
    assert scores[0] == both | {"kpt", "kpt w/o LL", "hmc", "hmc w/o LL", "headset", "headset w/o LL"}
    random = {"prior", "random start", "random start w/o LL"}
    assert scores[2] == both | random | {"kpt", "kpt w/o LL"}
    made = {table.name: table for table in tables([*results, results[2]])}
    assert [row[0] for row in made["kpt"].rows] == ["DAM", "LiP-Flow-KPT"]
    assert [row[0] for row in made["headset"].rows] == ["DAM", "LiP-Flow-HMC"]
    assert made["kpt"].rows[1][1] == pytest.approx(results[2]["scores"]["kpt"]["psnr"])
    assert len(made["ablation"].rows) == 8


def test_pictures(sheet: Capture) -> None:
    made, generator = avatar(), torch.Generator().manual_seed(0)
    test = scoring.make_test(made, sheet, 3)
    picture, variances = latent_picture(made, test, generator)
    assert picture.std() > 5
    assert variances.shape == (2, 3)
    assert not np.allclose(variances[0], variances[1])
    assert sample_picture(avatar("dam-flow"), test, generator).shape == (20, 160, 3)
    rows = comparison({"one": (made, QUICK), "two": (avatar("dam"), QUICK)}, test)
    assert rows.shape == (3 * 38, 60, 3)
