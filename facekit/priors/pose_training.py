"""The losses of FLAG and of the two priors it is compared with, as tasks for ``train.loop``.

Likelihoods are in nats for each coordinate. The distance of poses is the mean square of their coordinates
and of their joints' positions, in units of ``NEAR``. Where the paper does not say: the approximator learns
from latents that are held fixed, and its regulariser is the divergence of Sigma_H alone from the identity.
What the flow is told of head and hands is vaguer in training than what the approximator reads, so that the
latents, and with them mu_H, have something to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.priors.flow import gaussian
from facekit.priors.pose_examples import Examples
from facekit.priors.pose_frames import Frames, masked_order, seen_joints
from facekit.priors.pose_prior import FlagPrior, PosePrior, RealNVPPrior, VaePrior
from facekit.priors.pose_space import PER_TOKEN, Body, condition, signal_of, tokens
from facekit.priors.region import gumbel_noise

NEAR = 0.1  # m
NOISE = 0.05  # standard deviations, added to the poses that the flow learns: captured ones fill no volume
NLL, MASKED, POSE, REGION = 1.0, 1.0, 1.0, 1.0  # lambda_NLL, lambda_mjp, lambda_rec, lambda_lra
REGION_NLL, REGION_POSE, REGION_WIDTH = 1.0, 0.5, 0.25  # alpha_nll, alpha_rec, alpha_reg
KL = 0.005  # of the VAE, VPoser's
TRACKER = 0.01  # m, standard deviation of the noise of what is seen
TURN = 3.0  # rad for each m of it
VAGUE = (0.04, 0.01)  # m, at most, first and last step: by how much more what FLAG's flow is told is off
MIDDLE = 0.5  # of the distance of the pose at z = 0; as RealNVP has it
# The head is where its frame begins, and has no yaw there: rotation vector, position.
_HEAD = (1.0, 0.0, 1.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Seen:
    """A batch as the networks see it."""

    x: Tensor  # (B, D) poses
    head: Tensor  # (B,)
    body: Body  # all joints, as they are
    joints: Tensor  # (B, J, 9) what is true of each joint
    c: Tensor  # (B, 31) condition
    hands: Tensor  # (B, 2) bool


class PoseTask:
    """What the three have in common: data and condition."""

    def __init__(self, prior: PosePrior, frames: Frames, batch: int) -> None:
        self.prior, self.size = prior, batch
        self.examples = Examples.of(prior.space, frames)

    @property
    def model(self) -> nn.Module:
        """The prior."""
        return self.prior

    def batch(self, progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Poses and noise."""
        return self.examples.draw(self.size, generator)

    def losses(self, batch: dict[str, Tensor], progress: float) -> dict[str, Tensor]:
        """Terms by name; "loss" is what is minimised."""
        raise NotImplementedError

    def see(self, batch: dict[str, Tensor]) -> Seen:
        """What the headset would see of a batch."""
        body = self.prior.space.body(batch["x"], batch["head"])
        c = self.told(body, batch, TRACKER * batch["tracker"])
        return Seen(batch["x"], batch["head"], body, tokens(body), c, batch["hands"])

    def told(self, body: Body, batch: dict[str, Tensor], off: Tensor) -> Tensor:
        """The condition (B, 31) from a headset that is off by ``off`` (B, 3, 6) m and rad / ``TURN``."""
        devices = list(self.prior.space.skeleton.devices)
        off = torch.cat([off[:, :1] * off.new_tensor(_HEAD), off[:, 1:]], 1)
        turned = axis_angle_to_matrix(TURN * off[..., :3]) @ body.orientations[:, devices]
        said = tokens(Body(body.positions[:, devices] + off[..., 3:], turned))
        seen = torch.cat([torch.ones_like(batch["hands"][:, :1]), batch["hands"]], 1)[..., None]
        return condition(torch.cat([said, seen], -1) * seen, batch["log_size"])

    def distance(self, x: Tensor, seen: Seen) -> Tensor:
        """Of poses (..., B, D) from the true ones: means (...,) over the batch."""
        body = self.prior.space.body(x, seen.head.expand(x.shape[:-1])).positions
        joints = (body - seen.body.positions).square().sum(-1).mean((-1, -2)) / NEAR**2
        return (x - seen.x).square().mean((-1, -2)) + joints


class RealNVPTask(PoseTask):
    """Likelihood, and the pose at z = 0 as ProHMR has it. No intermediate supervision."""

    def __init__(self, prior: RealNVPPrior, frames: Frames, batch: int) -> None:
        super().__init__(prior, frames, batch)
        self.flow = prior.flow

    def losses(self, batch: dict[str, Tensor], progress: float) -> dict[str, Tensor]:
        """loss, nll, pose."""
        seen = self.see(batch)
        nll = -self.flow.log_prob(seen.x + NOISE * batch["noise"], seen.c).mean() / seen.x.shape[1]
        pose = self.distance(self.flow.from_noise(torch.zeros_like(seen.x), seen.c), seen)
        return {"loss": NLL * nll + MIDDLE * pose, "nll": nll, "pose": pose}


class FlagTask(PoseTask):
    """The flow with intermediate supervision, and the approximator with its two auxiliary tasks."""

    def __init__(self, prior: FlagPrior, frames: Frames, batch: int, supervised: bool = True) -> None:
        """Without ``supervised`` no block but the last meets the likelihood: the paper's ablation."""
        super().__init__(prior, frames, batch)
        self.flag = prior
        self.order = masked_order(prior.space.skeleton)
        blocks = len(prior.flow.blocks)
        self.after = (*(range(2, blocks, 2) if supervised else ()), blocks)

    def batch(self, progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Poses and noise, how vague the flow's condition is, which joints are seen, and the noise of the
        categorical latent.
        """
        drawn = super().batch(progress, generator)
        drawn["vague"] = torch.randn(self.size, 3, 6, generator=generator)
        drawn["share"] = torch.rand(self.size, generator=generator)
        joints, sizes = self.prior.space.skeleton.size, self.flag.region.sizes
        drawn["seen"] = seen_joints(self.order, joints, self.size, progress, generator)
        drawn["gumbel"] = gumbel_noise((self.size, sizes.variables, sizes.values), generator)
        return drawn

    def losses(self, batch: dict[str, Tensor], progress: float) -> dict[str, Tensor]:
        """loss; nll of all blocks, masked joints, the categorical latent's pose; the region's parts; the pose
        at z = 0.
        """
        seen = self.see(batch)
        noisy = seen.x + NOISE * batch["noise"]
        most = VAGUE[0] + progress * (VAGUE[1] - VAGUE[0])
        off = TRACKER * batch["tracker"] + most * batch["share"][:, None, None] * batch["vague"]
        vague = self.told(seen.body, batch, off)
        nll, z = self.likelihoods(noisy, vague)
        shown = self.shown(batch["seen"], seen.hands)
        joints = seen.joints.clone()
        joints[:, list(self.prior.space.skeleton.devices)] = signal_of(seen.c)[..., :PER_TOKEN]
        guess = self.flag.region(joints, shown, seen.c)
        wrong = (guess.joints - seen.joints).square().mean(-1)
        masked = (wrong * ~shown).sum() / (~shown).sum().clamp(min=1)
        chosen = self.flag.region.pose(guess.logits, batch["gumbel"])
        both = torch.cat([guess.mean, torch.zeros_like(guess.mean)])
        decoded = self.flag.decode(both, vague.repeat(2, 1)).unflatten(0, (2, -1))
        pose, found, middle = self.distance(torch.cat([chosen[None], decoded]), seen)
        near = -gaussian(z.detach(), guess.mean, guess.log_sigma).mean() / z.shape[1]
        width = (0.5 * torch.expm1(2 * guess.log_sigma) - guess.log_sigma).mean()
        region = REGION_NLL * near + REGION_POSE * found + REGION_WIDTH * width
        loss = NLL * nll + MASKED * masked + POSE * pose + REGION * region + MIDDLE * middle
        terms = {"loss": loss, "nll": nll, "masked": masked, "categorical": pose}
        return terms | {"region": near, "pose": found, "width": width, "middle": middle}

    def likelihoods(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood of the flow, averaged with those after some blocks in the proportion k / K
        for block k of K; and z.
        """
        found, z = self.flag.flow.log_probs(x, c, self.after)
        weighted = [-k / sum(self.after) * value.mean() for k, value in zip(self.after, found, strict=True)]
        return torch.stack(weighted).sum() / x.shape[1], z

    def shown(self, joints: Tensor, hands: Tensor) -> Tensor:
        """(B, J) bool: a hand that is not seen is hidden as a joint too."""
        _, left, right = self.prior.space.skeleton.devices
        shown = joints.clone()
        shown[:, [left, right]] = hands
        return shown


class VaeTask(PoseTask):
    """Reconstruction and Kullback-Leibler divergence from N(0, I)."""

    def __init__(self, prior: VaePrior, frames: Frames, batch: int) -> None:
        super().__init__(prior, frames, batch)
        self.vae = prior

    def batch(self, progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Poses and the noise of the latent."""
        drawn = super().batch(progress, generator)
        drawn["noise"] = torch.randn(self.size, self.vae.latent, generator=generator)
        return drawn

    def losses(self, batch: dict[str, Tensor], progress: float) -> dict[str, Tensor]:
        """loss, pose, kl."""
        seen = self.see(batch)
        mean, log_sigma = self.vae.posterior(seen.x, seen.c)
        z = mean + log_sigma.exp() * batch["noise"]
        pose = self.distance(self.vae.decode(z, seen.c), seen)
        kl = (0.5 * (mean.square() + torch.expm1(2 * log_sigma)) - log_sigma).sum(1).mean()
        return {"loss": pose + KL * kl, "pose": pose, "kl": kl}


def pose_task(prior: PosePrior, frames: Frames, batch: int, *, supervised: bool = True) -> PoseTask:
    """The task that trains a prior; ``supervised`` concerns FLAG alone."""
    if isinstance(prior, FlagPrior):
        return FlagTask(prior, frames, batch, supervised)
    if isinstance(prior, VaePrior):
        return VaeTask(prior, frames, batch)
    assert isinstance(prior, RealNVPPrior)
    return RealNVPTask(prior, frames, batch)
