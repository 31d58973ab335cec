"""Training: the loss falls, a stopped run goes on as if it had not stopped, the best weights are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from invented import SIZES, avatar

from facekit.avatar.avatar_files import from_arrays, to_arrays
from facekit.avatar.batches import shape_of
from facekit.avatar.capture import Capture
from facekit.avatar.components import begin_at_components, components
from facekit.avatar.fitting import FitSettings
from facekit.avatar.losses import Weights
from facekit.avatar.models import MODELS, Avatar
from facekit.avatar.subject import subject_of
from facekit.avatar.training import AvatarTask, Objective
from facekit.errors import UsageError, WrongKindError
from facekit.stages import train_avatar as stage
from facekit.train.loop import Settings, train


def task(sheet: Capture, kind: str = "lip-flow", signal: str = "kpt", **objective: bool) -> AvatarTask:
    made = Objective(Weights(entropy=0.01 if signal == "kpt" else 0.0), **objective)
    return AvatarTask(avatar(kind, signal), sheet, 8, made, seed=0)


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stage.PRESETS, "tiny", SIZES)
    monkeypatch.setattr(stage, "search", lambda *_: FitSettings())


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "dam-reg"])
def test_the_loss_falls(sheet: Capture, kind: str) -> None:
    made = task(sheet, kind, "hmc" if kind == "lip-kl" else "kpt")
    before = made.check(0)
    train(made, Settings(20, 0, rate=1e-2, warmup=1))
    assert made.check(20) < 0.93 * before


def test_stopped_and_resumed(sheet: Capture) -> None:
    settings = Settings(6, 3, rate=1e-3, warmup=1, every=3)
    kept: list[dict[str, np.ndarray]] = []
    whole = train(task(sheet), settings, save=kept.append)
    resumed = train(task(sheet), settings, resume=kept[0])
    assert int(kept[0]["step"]) == 3
    assert all(np.array_equal(whole.state[name], resumed.state[name]) for name in whole.state)


def test_the_cycle_and_the_samples_of_the_prior_are_decoded(sheet: Capture) -> None:
    """Through the cycle the flow learns from the reconstruction; without, from the likelihood alone."""
    slopes = []
    for options in ({}, {"cycle": False}, {"decode_prior": True}):
        made = task(sheet, **options)
        made.avatar.requires_grad_(True).zero_grad()
        batch = made.batch(0.0, torch.Generator().manual_seed(1))
        made.losses(batch, 0.0)["image"].backward()
        assert made.avatar.flow is not None
        assert made.avatar.head is not None
        through = [value.grad for value in made.avatar.flow.parameters()]
        slopes.append(
            (
                any(slope is not None and slope.abs().max() > 0 for slope in through),
                made.avatar.head.mean.weight.grad is not None,
            )
        )
    assert slopes == [(True, False), (False, False), (True, True)]


def test_the_best_weights_are_kept(sheet: Capture) -> None:
    made = task(sheet, "dam")
    made.check(1)
    best = {name: value.clone() for name, value in made.kept.best.state_dict().items()}
    with torch.no_grad():
        for value in made.avatar.parameters():
            value += 0.5
    made.check(2)
    assert all(torch.equal(value, best[name]) for name, value in made.kept.best.state_dict().items())
    assert made.waited(2) == 1


def test_a_run_without_progress_ends(sheet: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    plan = stage.Plan("dam", "kpt", "tiny", 0, 25, 4, 0.0, Weights())
    trained = stage.train_avatar(sheet, plan)
    assert trained.finished
    assert trained.best_step < trained.step < 12
    longer = stage.train_avatar(sheet, replace(plan, rate=1e-2, steps=8))
    assert longer.step == 8
    assert longer.held_out < trained.held_out


def test_the_regressor_leaves_the_avatar_as_it_is(sheet: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    plan = stage.Plan("dam-reg", "kpt", "tiny", 0, 4, 8, 1e-2, stage.weights_of("dam-reg", "kpt"))
    with pytest.raises(UsageError, match="--base"):
        stage.train_avatar(sheet, plan)
    base = from_arrays(*to_arrays(avatar("dam"), subject_of(sheet)))[0]
    trained = stage.train_avatar(sheet, plan, base=base)
    made, _ = from_arrays(trained.arrays, trained.settings)
    for part in ("encoder", "decoder", "colours"):
        pairs = zip(getattr(made, part).parameters(), getattr(base, part).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert made.look is not None


@pytest.mark.parametrize(("kind", "signal"), [("lip-flow", "hmc"), ("dam-flow", "kpt")])
def test_written_and_read(sheet: Capture, kind: str, signal: str) -> None:
    made, subject = avatar(kind, signal), subject_of(sheet)
    arrays, settings = to_arrays(made, subject)
    back, person = from_arrays(arrays, settings)
    assert (back.kind, back.signal, back.sizes, back.shape) == (kind, signal, made.sizes, made.shape)
    for name, value in made.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], value, rtol=2e-3, atol=1e-4)
    assert person.name == "sheet"
    assert person.keypoints is not None
    assert np.array_equal(person.mesh.faces, sheet.mesh.faces)
    with pytest.raises(WrongKindError, match="no avatar"):
        from_arrays(arrays, settings | {"kind": "pose"})
    del arrays["networks.decoder.mesh.weight"]
    with pytest.raises(WrongKindError, match="do not fit"):
        from_arrays(arrays, settings)


def test_captures_that_lack_something(sheet: Capture) -> None:
    plan = stage.Plan("lip-flow", "hmc", "tiny", 0, 4, 8, 1e-2, Weights())
    for lacking, word in (
        (replace(sheet, hmc=None), "--signal"),
        (replace(sheet, views=None), "views"),
        (replace(sheet, held_out=np.zeros(len(sheet), bool)), "held out"),
    ):
        with pytest.raises(UsageError, match=word):
            stage.refuse(lacking, plan, None)
    with pytest.raises(UsageError, match="no other model"):
        stage.refuse(sheet, plan, avatar("dam"))


def test_keypoints_of_known_noise_get_it_anew(sheet: Capture) -> None:
    """Two steps see one frame with other errors; points without noise stay as they are."""
    assert sheet.keypoints is not None
    for noise in (0.0, 0.01):
        made = task(replace(sheet, keypoints=replace(sheet.keypoints, noise=noise)))
        frames = made.frames[:8]
        batch = made.gather(frames, np.zeros(8, np.int64))
        seen = [made._augmented(batch, frames, torch.Generator().manual_seed(k)) for k in range(2)]
        errors = [torch.nan_to_num(one - batch["signal"]) for one in seen]
        assert abs(errors[0].std().item() - noise) <= 0.3 * noise
        assert torch.equal(*errors) == (noise == 0.0)


def test_the_mesh_layers_begin_at_the_components(sheet: Capture) -> None:
    """One number says all of the sheet's shape: the first weights know it, random ones not."""
    made = avatar("dam")
    assert made.encoder is not None
    flat = (torch.from_numpy(sheet.meshes[:24]).flatten(1) - made.vertex_mean) / made.vertex_scale
    directions, deviations = components(flat - flat.mean(0), 4)
    assert directions.shape == (1, 147)
    torch.testing.assert_close(directions @ directions.T, torch.eye(1), rtol=0, atol=1e-5)
    left = flat - flat.mean(0) - (flat - flat.mean(0)) @ directions.T @ directions
    assert left.abs().max() < 1e-3
    begin_at_components(made, torch.from_numpy(sheet.meshes[:24]))
    seen = made.encoder.mesh(flat)[:, :2]
    torch.testing.assert_close(seen[:, 0], -seen[:, 1], rtol=0, atol=1e-4)
    torch.testing.assert_close(seen[:, 0].std(correction=0), torch.tensor(1.0), rtol=0, atol=1e-3)
    one = torch.zeros(1, SIZES.features)
    one[0, 0] = 1.0
    torch.testing.assert_close(
        made.decoder.mesh(one), (directions * deviations).view(1, -1), rtol=0, atol=1e-4
    )
    made.texture_mean.zero_()
    with torch.no_grad():
        whole = made.posterior(torch.from_numpy(sheet.meshes[:24]), torch.rand(24, 3, *[SIZES.texels] * 2))
        again = (made.decode_mesh(whole.mean).flatten(1) - made.vertex_mean) / made.vertex_scale
    torch.testing.assert_close(again, flat, rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", ["lip-flow", "dam-enc"])
def test_the_prior_begins_at_a_regression(sheet: Capture, kind: str) -> None:
    """Before any step P's mean says what Q says (what the mesh says without Q), within its own deviation."""
    sizes, generator = replace(SIZES, components=True), torch.Generator().manual_seed(0)
    made = Avatar(kind, "kpt", sizes, shape_of(sheet), generator)
    AvatarTask(made, sheet, 8, Objective(Weights()), seed=0)
    made.eval()
    points, frames = sheet.keypoints, sheet.frames("training")
    assert points is not None
    with torch.no_grad():
        prior = made.prior(torch.from_numpy(points.points[frames]), len(frames))
        found = made.decode_mesh(made.from_prior(prior.start.mean, prior))
    truth = torch.from_numpy(sheet.meshes[frames])
    apart, mean = (found - truth).square().mean(), (truth - truth.mean(0)).square().mean()
    assert apart < 0.3 * mean
