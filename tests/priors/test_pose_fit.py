"""Fits to a headset's signal: the misfit against plain arithmetic, and what a fit does to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from moves import PLAIN, a_motion
from untrained import KINDS, make

from facekit.motion.headset import headset_of, in_head_frame
from facekit.priors.pose_fit import (
    PLACE,
    SPEED,
    STAY,
    TURN,
    Before,
    begin,
    fit,
    follow,
    misfit,
    moved,
    observe,
    samples,
)
from facekit.priors.pose_frames import frames_of
from facekit.priors.pose_prior import PosePrior
from facekit.priors.pose_space import PoseSpace

MOTION = a_motion(PLAIN, 6, 1)


def test_the_misfit_by_hand(space: PoseSpace) -> None:
    prior, observed = make("vae", space), observe(in_head_frame(headset_of(MOTION)))
    x = 0.5 * torch.randn(6, space.size, generator=torch.Generator().manual_seed(0))
    found = misfit(prior, x, observed.signal).numpy()
    body = space.body(x, observed.head)
    for frame in range(6):
        total = 0.0
        for device, joint in enumerate(PLAIN.devices):
            told = observed.signal[frame, device].numpy()
            place = body.positions[frame, joint].numpy() - told[6:9]
            turn = body.orientations[frame, joint].numpy()[:, :2].T.reshape(-1) - told[:6]
            total += 0.5 * ((place**2).sum() / PLACE**2 + (turn**2).sum() / TURN**2)
        assert found[frame] == pytest.approx(total, rel=1e-3)


def test_the_true_pose_fits_and_a_hand_that_is_not_seen_does_not_count(space: PoseSpace) -> None:
    prior, headset = make("vae", space), headset_of(MOTION)
    x = space.encode(frames_of([MOTION]).rotations)
    assert misfit(prior, x, observe(in_head_frame(headset)).signal).max() < 1e-4
    moved = headset.positions.copy()
    moved[:, 1] += 0.2
    assert misfit(prior, x, observe(in_head_frame(replace(headset, positions=moved))).signal).min() > 100
    moved[:, 1] = np.nan
    assert misfit(prior, x, observe(in_head_frame(replace(headset, positions=moved))).signal).max() < 1e-4


@pytest.mark.parametrize("prior", KINDS, indirect=True)
def test_a_fit_lowers_the_misfit(prior: PosePrior) -> None:
    observed = observe(in_head_frame(headset_of(MOTION)))
    start = begin(prior, observed)
    found = fit(prior, observed, start, 15, watch=(5,))
    latents = (start, found.path[5], found.z)
    values = [misfit(prior, prior.decode(z, observed.c), observed.signal) for z in latents]
    far = [STAY * (z - start).norm(dim=1) for z in latents[1:]]
    assert (values[2] < values[0]).all()
    assert ((values[1] + far[0] - values[2] - far[1]) > -1e-3).all()


def test_starts(space: PoseSpace) -> None:
    prior, observed = make("flag", space), observe(in_head_frame(headset_of(MOTION)))
    assert torch.equal(begin(prior, observed), prior.start(observed.c)[0])
    assert not begin(prior, observed, "zero").any()


def test_following_a_motion_keeps_close_to_the_frame_before(space: PoseSpace) -> None:
    """One frame repeated: the second is not worse than the first, which is fitted as alone."""
    prior, once = make("flag", space), in_head_frame(headset_of(MOTION))
    observed = observe(once)[torch.zeros(4, dtype=torch.long)]
    poses = torch.stack(list(follow(prior, observed, 6)))
    alone = fit(prior, observed[:1], begin(prior, observed[:1]), 6)
    torch.testing.assert_close(poses[0], prior.decode(alone.z, observed.c[:1])[0])
    values = misfit(prior, poses, observed.signal)
    assert values[-1] < values[0]


def test_the_movement_by_hand(space: PoseSpace) -> None:
    x = 0.5 * torch.randn(2, space.size, generator=torch.Generator().manual_seed(0))
    body = space.body(x, torch.full((2,), 1.4))
    before = Before(body.positions[:1], 0.02)
    found = moved(body, before)
    assert found[0] == 0
    steps = [float((body.positions[1, j] - body.positions[0, j]).norm()) for j in range(15)]
    expected = 0.5 * sum((step / (SPEED * 0.02)) ** 2 for step in steps) / 15
    assert found[1].item() == pytest.approx(expected, rel=1e-3)


def test_a_body_that_is_followed_faster_moves_less(space: PoseSpace) -> None:
    prior, observed = make("flag", space), observe(in_head_frame(headset_of(MOTION)))
    steps = []
    for seconds in (1e-3, 1e3):
        poses = torch.stack(list(follow(prior, observed, 6, seconds)))
        places = space.body(poses, observed.head).positions
        steps.append((places[1:] - places[:-1]).norm(dim=-1).mean())
    assert steps[0] < 0.5 * steps[1]


def test_samples_spread_as_the_prior_says(space: PoseSpace) -> None:
    prior, observed = make("flag", space), observe(in_head_frame(headset_of(MOTION)))
    drawn = samples(prior, observed, 400, torch.Generator().manual_seed(0))
    assert drawn.shape == (400, 6, space.size)
    z = torch.stack([prior.encode(x, observed.c) for x in drawn])
    mean, log_sigma = prior.start(observed.c)
    torch.testing.assert_close(z.std(0), log_sigma.exp(), rtol=0.2, atol=0.05)
    assert ((z.mean(0) - mean).abs() < 5 * log_sigma.exp() / 20 + 1e-2).all()
    again = samples(prior, observed, 2, torch.Generator().manual_seed(0))
    assert torch.equal(again, drawn[:2])


def test_a_larger_wearer_is_told_to_the_networks() -> None:
    seen = in_head_frame(headset_of(MOTION, 1.2))
    assert observe(seen).c[:, -1].tolist() == pytest.approx([np.log(1.2)] * 6)
