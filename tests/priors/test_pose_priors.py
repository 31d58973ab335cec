"""The three priors: latents and back, losses against plain references, weights to arrays and back, resume."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from moves import PLAIN
from untrained import KINDS, make

from facekit.errors import WrongKindError
from facekit.priors.pose_files import from_arrays, to_arrays
from facekit.priors.pose_frames import Frames
from facekit.priors.pose_prior import PRESETS, FlagPrior, PosePrior, VaePrior, pose_prior
from facekit.priors.pose_space import PoseSpace, signal_of
from facekit.priors.pose_training import KL, NEAR, NOISE, TRACKER, VAGUE, FlagTask, pose_task
from facekit.priors.region import gumbel_noise, one_hot
from facekit.train.loop import Settings, train


def flag(space: PoseSpace) -> FlagPrior:
    prior = make("flag", space)
    assert isinstance(prior, FlagPrior)
    return prior


@pytest.mark.parametrize("prior", ["flag", "realnvp"], indirect=True)
def test_flows_encode_what_they_decode(prior: PosePrior, frames: Frames) -> None:
    task = pose_task(prior, frames, 8)
    seen = task.see(task.batch(0.5, torch.Generator().manual_seed(0)))
    z = prior.encode(seen.x, seen.c)
    torch.testing.assert_close(prior.decode(z, seen.c), seen.x, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("prior", KINDS, indirect=True)
def test_weights_to_arrays_and_back(prior: PosePrior, frames: Frames) -> None:
    arrays, settings = to_arrays(prior, PRESETS["tiny"])
    again = from_arrays(arrays, settings)
    assert type(again) is type(prior)
    assert again.space.skeleton.same_as(PLAIN)
    task = pose_task(prior, frames, 8)
    seen = task.see(task.batch(0.5, torch.Generator().manual_seed(0)))
    for one, other in zip(prior.start(seen.c), again.start(seen.c), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=5e-3)
    mean, _ = prior.start(seen.c)
    torch.testing.assert_close(prior.decode(mean, seen.c), again.decode(mean, seen.c), rtol=0, atol=3e-2)


def test_other_weights_are_refused(space: PoseSpace) -> None:
    arrays, settings = to_arrays(make("vae", space), PRESETS["tiny"])
    with pytest.raises(WrongKindError, match="no prior over poses"):
        from_arrays({}, {"kind": "mesh-vae"})
    with pytest.raises(WrongKindError, match="do not fit"):
        from_arrays(arrays, settings | {"model": "flag"})


def test_only_flag_starts_elsewhere_than_at_zero(space: PoseSpace, frames: Frames) -> None:
    c = torch.randn(4, 31, generator=torch.Generator().manual_seed(0))
    for kind in ("realnvp", "vae"):
        mean, log_sigma = make(kind, space).start(c)
        assert not mean.any()
        assert not log_sigma.any()
    mean, log_sigma = flag(space).start(c)
    assert (mean.std(0) > 0).all()
    assert log_sigma.abs().max() > 0


def test_an_unseen_hand_says_nothing(space: PoseSpace) -> None:
    """Whatever stands where a hand is not seen, the region is the same."""
    prior = flag(space)
    c = torch.randn(2, 31, generator=torch.Generator().manual_seed(0))
    c[:, [9, 29]], c[:, 19] = 1.0, 0.0
    signal = c[:, :-1].reshape(2, 3, 10)
    tokens = torch.zeros(2, 15, 9)
    tokens[:, list(PLAIN.devices)] = signal[..., :9]
    shown = torch.zeros(2, 15, dtype=torch.bool)
    shown[:, [PLAIN.devices[0], PLAIN.devices[2]]] = True
    guess = prior.look(c)
    torch.testing.assert_close(prior.region(tokens, shown, c).mean, guess.mean)
    tokens[:, PLAIN.devices[1]] = 7.0
    torch.testing.assert_close(prior.region(tokens, shown, c).mean, guess.mean)
    tokens[:, PLAIN.devices[0]] = 7.0
    assert not torch.allclose(prior.region(tokens, shown, c).mean, guess.mean)


def test_straight_through_choice() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(500, 3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    noise = gumbel_noise((500, 3, 4), generator).double()
    chosen = one_hot(logits, noise)
    torch.testing.assert_close(chosen.sum(-1), torch.ones(500, 3, dtype=torch.float64))
    assert ((chosen - chosen.round()).abs() < 1e-9).all()
    weights = torch.randn(500, 3, 4, generator=generator, dtype=torch.float64)
    (slope,) = torch.autograd.grad((chosen * weights).sum(), logits)
    (soft,) = torch.autograd.grad(((logits + noise).softmax(-1) * weights).sum(), logits)
    torch.testing.assert_close(slope, soft)


def test_choices_are_as_frequent_as_the_softmax_says() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, 0.5])
    noise = gumbel_noise((40_000, 4), torch.Generator().manual_seed(0))
    share = one_hot(logits.expand(40_000, 4), noise).mean(0)
    torch.testing.assert_close(share, logits.softmax(0), rtol=0, atol=0.01)


def normal(z: np.ndarray, mean: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """log N by the textbook, summed over the last axis."""
    return (-0.5 * ((z - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * math.log(2 * math.pi)).sum(-1)


def test_the_losses_of_flag_against_the_textbook(space: PoseSpace, frames: Frames) -> None:
    prior = flag(space)
    task = FlagTask(prior, frames, 16)
    batch = task.batch(0.4, torch.Generator().manual_seed(0))
    terms = {name: value.item() for name, value in task.losses(batch, 0.4).items()}
    seen = task.see(batch)
    shown = batch["seen"].clone()
    shown[:, list(PLAIN.devices[1:])] = batch["hands"]
    most = 0.6 * VAGUE[0] + 0.4 * VAGUE[1]
    off = TRACKER * batch["tracker"] + most * batch["share"][:, None, None] * batch["vague"]
    vague = task.told(seen.body, batch, off)
    with torch.no_grad():
        joints = seen.joints.clone()
        joints[:, list(PLAIN.devices)] = signal_of(seen.c)[..., :9]
        guess = prior.region(joints, shown, seen.c)
        noisy = seen.x + NOISE * batch["noise"]
        nll, z, logdet = 0.0, noisy, torch.zeros(16)
        for k, block in enumerate(prior.flow.blocks, 1):
            z, change = block(z, vague)
            logdet = logdet + change
            if k in (2, 4):  # of four blocks: the last, and the inner one at half its weight
                value = normal(z.numpy(), np.zeros(1), np.ones(space.size)) + logdet.numpy()
                nll -= k / 6 * value.mean() / space.size
        region = -normal(z.numpy(), guess.mean.numpy(), guess.log_sigma.exp().numpy()).mean() / space.size
        sigma = guess.log_sigma.exp().numpy()
        width = (0.5 * (sigma**2 - 1) - np.log(sigma)).mean()
        wrong = (guess.joints - seen.joints)[~shown].square().mean().item()
        pose = plain_distance(space, prior.decode(guess.mean, vague), seen.x, seen.head)
        middle = plain_distance(space, prior.decode(torch.zeros_like(guess.mean), vague), seen.x, seen.head)
        choice = torch.nn.functional.one_hot((guess.logits + batch["gumbel"]).argmax(-1), 8).float()
        other = plain_distance(space, prior.region.to_pose(choice.flatten(1)), seen.x, seen.head)
    expected = {
        "nll": nll,
        "region": region,
        "width": width,
        "masked": wrong,
        "pose": pose,
        "middle": middle,
        "categorical": other,
    }
    for name, value in expected.items():
        assert terms[name] == pytest.approx(value, rel=2e-4), name
    total = nll + wrong + other + (region + 0.5 * pose + 0.25 * width) + 0.5 * middle
    assert terms["loss"] == pytest.approx(total, rel=2e-4)


def plain_distance(space: PoseSpace, x: torch.Tensor, truth: torch.Tensor, head: torch.Tensor) -> float:
    one, other = (space.body(value, head).positions.numpy() for value in (x, truth))
    apart = np.linalg.norm(one - other, axis=-1)
    return float(((x - truth) ** 2).mean()) + float((apart**2).mean()) / NEAR**2


def test_supervision_adds_inner_blocks(space: PoseSpace, frames: Frames) -> None:
    prior = pose_prior("flag", space, PRESETS["paper"], torch.Generator().manual_seed(0))
    assert isinstance(prior, FlagPrior)
    assert FlagTask(prior, frames, 4).after == (2, 4, 6, 8, 10, 12, 14, 16)
    assert FlagTask(prior, frames, 4, supervised=False).after == (16,)


def test_the_sizes_of_the_paper() -> None:
    sizes = PRESETS["paper"]
    region = sizes.region
    assert (sizes.blocks, sizes.hidden, region.layers, region.width, region.heads) == (16, 512, 3, 256, 8)
    assert (region.feed_forward, region.variables, region.values) == (512, 64, 128)


def test_the_losses_of_the_vae_against_the_textbook(space: PoseSpace, frames: Frames) -> None:
    prior = make("vae", space)
    assert isinstance(prior, VaePrior)
    task = pose_task(prior, frames, 16)
    batch = task.batch(0.0, torch.Generator().manual_seed(0))
    terms = task.losses(batch, 0.0)
    seen = task.see(batch)
    mean, log_sigma = prior.posterior(seen.x, seen.c)
    normals = [
        torch.distributions.Normal(m, s) for m, s in ((mean, log_sigma.exp()), (0 * mean, 1 + 0 * mean))
    ]
    kl = torch.distributions.kl_divergence(*normals).sum(1).mean()
    torch.testing.assert_close(terms["kl"], kl, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(terms["loss"], terms["pose"] + KL * kl, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prior", KINDS, indirect=True)
def test_training_goes_on_as_if_it_had_not_stopped(
    prior: PosePrior, space: PoseSpace, frames: Frames
) -> None:
    settings = Settings(6, 1, rate=1e-2, warmup=1, every=3)
    saved = []
    whole = train(pose_task(make(prior.kind, space), frames, 8), settings, save=saved.append)
    again = train(pose_task(make(prior.kind, space), frames, 8), settings, resume=saved[0])
    assert all(np.array_equal(whole.state[name], again.state[name]) for name in whole.state)


@pytest.mark.parametrize("kind", KINDS)
def test_learning_helps(kind: str, space: PoseSpace, frames: Frames) -> None:
    prior = pose_prior(kind, space, PRESETS["tiny"], torch.Generator().manual_seed(0))
    task = pose_task(prior, frames, 32)
    losses: list[float] = []
    train(task, Settings(60, 0, rate=3e-3, warmup=5), report=lambda step, terms: losses.append(terms["loss"]))
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
