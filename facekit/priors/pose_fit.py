"""Poses that agree with what a headset sees: generated from the prior, then fitted in its latents.

FLAG, supplement, Sec. 1 (optimisation): L-BFGS on the misfit of head and hands, held near the start by
||z - mu_H||. The paper does not give the weights; these are standard deviations of a tracker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from facekit.geometry.rotation import matrix_to_sixd
from facekit.motion.headset import Seen
from facekit.priors.latent_fit import LatentFit, distance_to, minimise
from facekit.priors.pose_prior import PosePrior
from facekit.priors.pose_space import Body, condition

PLACE = 0.01  # sizes of the wearer (m for a size of one)
TURN = 0.05  # rad
SPEED = 1.0  # sizes of the wearer a second, of the joints relative to the head
STAY = 0.1  # of ||z - mu_H||, which the misfit in units of the two above outweighs
STARTS = ("region", "zero")


@dataclass(frozen=True)
class Observed:
    """A headset's signal as the priors take it."""

    signal: Tensor  # (T, 3, 10)
    c: Tensor  # (T, 31) condition

    @property
    def head(self) -> Tensor:
        """(T,) height of the head."""
        return self.signal[:, 0, 7]

    def __getitem__(self, frames: Tensor | slice) -> Observed:
        return Observed(self.signal[frames], self.c[frames])


def observe(seen: Seen, device: torch.device | None = None) -> Observed:
    """From the NumPy side."""
    signal = torch.as_tensor(seen.signal, device=device)
    size = torch.full((len(signal),), seen.scale, device=device)
    return Observed(signal, condition(signal, size.log()))


def misfit(prior: PosePrior, x: Tensor, signal: Tensor) -> Tensor:
    """How far head and hands of poses x (b, D) are from the signal (b, 3, 10), in squared deviations (b,)."""
    return apart(prior, prior.space.body(x, signal[:, 0, 7]), signal)


def apart(prior: PosePrior, body: Body, signal: Tensor) -> Tensor:
    """As ``misfit`` for the joints of the poses.

    The head is where it is seen by construction; its rotation counts. What is not seen does not.
    """
    devices = list(prior.space.skeleton.devices)
    place = (body.positions[:, devices] - signal[..., 6:9]).square().sum(-1) / PLACE**2
    turn = (matrix_to_sixd(body.orientations[:, devices]) - signal[..., :6]).square().sum(-1) / TURN**2
    return 0.5 * ((place + turn) * signal[..., 9]).sum(-1)


class Before(NamedTuple):
    """The frame before."""

    positions: Tensor  # (1, J, 3) in the frame of its head
    seconds: float  # ago


def moved(body: Body, before: Before) -> Tensor:
    """How far the joints moved relative to the head since the frame before, in squared deviations (b,).

    One observation for all joints: they do not move independently.
    """
    square = (body.positions - before.positions).square().sum(-1).mean(-1)
    return 0.5 * square / (SPEED * before.seconds) ** 2


def begin(prior: PosePrior, observed: Observed, start: str = "region") -> Tensor:
    """Latents (T, Z) to start from: mu_H of a prior that has it, or 0."""
    mean, _ = prior.start(observed.c)
    return torch.zeros_like(mean) if start == "zero" else mean


def fit(
    prior: PosePrior,
    observed: Observed,
    start: Tensor,
    iterations: int,
    *,
    centre: Tensor | None = None,
    before: Before | None = None,
    watch: Sequence[int] = (),
) -> LatentFit:
    """Latents (T, Z) of all frames, each fitted for itself; held near ``centre``, the start by default, and
    near the body ``before`` where it is given.
    """
    held = (start if centre is None else centre).detach()

    def objective(z: Tensor, items: Tensor) -> Tensor:
        x, signal = prior.decode(z, observed.c[items]), observed.signal[items]
        body = prior.space.body(x, signal[:, 0, 7])
        value = apart(prior, body, signal) + STAY * distance_to(z, held[items])
        return value if before is None else value + moved(body, before)

    return minimise(objective, start, iterations, watch=watch)


def follow(
    prior: PosePrior, observed: Observed, iterations: int, seconds: float = 1 / 30
) -> Iterator[Tensor]:
    """The pose x (D,) of each frame in turn, ``seconds`` apart, held near that of the frame before.

    A fit starts from the pose before or from mu_H, whichever agrees better.
    """
    before: Before | None = None
    x = observed.c.new_zeros(0)
    for frame in range(len(observed.c)):
        now = observed[slice(frame, frame + 1)]
        centre = begin(prior, now)
        start = centre
        if before is not None:
            warm = prior.encode(x, now.c)
            both = prior.decode(torch.cat([centre, warm]), now.c.expand(2, -1))
            body = prior.space.body(both, now.head.expand(2))
            values = apart(prior, body, now.signal.expand(2, -1, -1)) + moved(body, before)
            start = warm if values[1] < values[0] else centre
        found = fit(prior, now, start, iterations, centre=centre, before=before)
        x = prior.decode(found.z, now.c)
        before = Before(prior.space.body(x, now.head).positions, seconds)
        yield x[0]


def samples(prior: PosePrior, observed: Observed, count: int, generator: torch.Generator) -> Tensor:
    """Poses (count, T, D) drawn where the prior says: N(mu_H, Sigma_H), or N(0, I)."""
    mean, log_sigma = prior.start(observed.c)
    drawn = []
    for _ in range(count):
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        drawn.append(prior.decode(mean + log_sigma.exp() * noise, observed.c))
    return torch.stack(drawn)
