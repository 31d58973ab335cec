"""train-prior avatar: a capture of one person to an avatar, and what a driving signal says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray

from facekit.avatar.avatar_files import to_arrays
from facekit.avatar.batches import shape_of
from facekit.avatar.capture import Capture
from facekit.avatar.losses import Weights
from facekit.avatar.models import WITHOUT_SIGNAL, Avatar
from facekit.avatar.search import search
from facekit.avatar.sizes import PRESETS
from facekit.avatar.subject import subject_of
from facekit.avatar.training import AvatarTask, Objective
from facekit.errors import UsageError
from facekit.train.distributed import Group
from facekit.train.loop import Settings, train

Arrays = dict[str, NDArray[Any]]

STEPS = {"tiny": 60, "small": 800, "paper": 200_000}
BATCH = {"tiny": 8, "small": 8, "paper": 16}
RATE = {"tiny": 2e-3, "small": 1e-3, "paper": 5e-4}
CHECKS = 25  # looks at the held-out frames in a whole run
PATIENCE = 0.2  # of the steps without progress on them that end a run; the paper's is 0.1 of longer runs
# lambda_L of each model. The paper's are 0.01, 1, 1, 1, 0.0005 for terms whose scale it does not give. With
# 0.01 the likelihood of held-out latents ends lip-flow's training before its decoder has learned.
LATENT = {"dam": 0.01, "dam-enc": 0.01, "dam-reg": 1.0, "lip-kl": 0.01, "lip-flow": 0.001, "dam-flow": 0.01}


@dataclass(frozen=True)
class Plan:
    """What to train and for how long."""

    model: str
    signal: str
    preset: str
    seed: int
    steps: int
    batch: int
    rate: float
    weights: Weights
    cycle: bool = True
    decode_prior: bool = False

    @property
    def every(self) -> int:
        """Steps between looks at the held-out frames, and between checkpoints."""
        return max(1, self.steps // CHECKS)


@dataclass(frozen=True)
class TrainedAvatar:
    """An avatar as ``files.weights`` writes it."""

    arrays: Arrays
    settings: dict[str, str]
    step: int
    losses: dict[str, float]  # of the last step
    finished: bool
    held_out: float = float("nan")  # least loss on held-out frames
    best_step: int = 0
    fit: dict[str, Any] = field(default_factory=dict)


def weights_of(model: str, signal: str) -> Weights:
    """The weights of a model's objective unless others are given; the entropy's is that of the latent term
    (Sec. 14.1).
    """
    latent = LATENT[model]
    return Weights(latent=latent, entropy=latent if (model, signal) == ("lip-flow", "kpt") else 0.0)


def refuse(capture: Capture, plan: Plan, base: Avatar | None) -> None:
    """Raise UsageError where the capture lacks what the plan needs."""
    if capture.views is None:
        raise UsageError("the capture has no views; give one whose cameras were recorded")
    if not len(capture.frames("training")) or not len(capture.frames("held-out")):
        raise UsageError("the capture has no frames to train on, or none held out; give another")
    if plan.model not in WITHOUT_SIGNAL:
        missing = capture.hmc is None if plan.signal == "hmc" else capture.keypoints is None
        if missing:
            raise UsageError(f"the capture has no {plan.signal}; choose the other --signal")
    if (plan.model == "dam-reg") != (base is not None):
        raise UsageError("dam-reg, and no other model, needs --base, a trained dam of the same person")
    if base is not None and (base.kind != "dam" or base.shape.vertices != capture.meshes.shape[1]):
        raise UsageError("--base is no dam of this person; train one with --model dam")


def train_avatar(
    capture: Capture,
    plan: Plan,
    group: Group | None = None,
    *,
    base: Avatar | None = None,
    resume: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> TrainedAvatar:
    """Train; the weights are those that did best on held-out frames. See ``train.loop.train`` for the rest.

    Raises UsageError for a capture that lacks something.
    """
    refuse(capture, plan, base)
    group = group or Group()
    generator = torch.Generator().manual_seed(plan.seed)
    sizes = PRESETS[plan.preset] if base is None else base.sizes
    avatar = Avatar(plan.model, plan.signal, sizes, shape_of(capture), generator)
    if base is not None:
        _take_over(avatar, base, capture)
    objective = Objective(plan.weights, plan.cycle, plan.decode_prior)
    task = AvatarTask(avatar, capture, plan.batch, objective, plan.seed)
    settings = Settings(plan.steps, plan.seed, rate=plan.rate, every=plan.every)

    def enough(step: int) -> bool:
        if step % plan.every == 0 or step == plan.steps:
            task.check(step)
        return task.waited(step) > PATIENCE * plan.steps

    outcome = train(task, settings, group, resume=resume, save=save, report=report, enough=enough)
    best = task.kept.best.cpu().eval()
    fitting: dict[str, Any] = {}
    if outcome.finished and group.leads:
        fitting = {plan.signal: asdict(search(best, capture, plan.signal))}
    arrays, described = to_arrays(best, subject_of(capture))
    described |= {"plan": json.dumps(asdict(plan)), "fit": json.dumps(fitting)}
    reached = task.kept.best_loss.item(), int(task.kept.best_step.item())
    return TrainedAvatar(arrays, described, outcome.step, outcome.losses, outcome.finished, *reached, fitting)


def _take_over(avatar: Avatar, base: Avatar, capture: Capture) -> None:
    """Q, D, scales and colours of a trained dam, which then stay as they are."""
    avatar.load_state_dict(avatar.state_dict() | base.state_dict())
    for part in (avatar.encoder, avatar.decoder, avatar.colours):
        assert part is not None
        part.requires_grad_(False)
    if capture.keypoints is not None:
        avatar.learn_point_scale(torch.from_numpy(capture.keypoints.points[capture.frames("training")]))


def avatar_card(command: str, trained: TrainedAvatar, plan: Plan, capture: Capture) -> str:
    """The card that stands beside the weights: how they were made, and from what."""
    count = sum(array.size for name, array in trained.arrays.items() if name.startswith("networks."))
    signal = "" if plan.model in WITHOUT_SIGNAL else f", driven by {plan.signal}"
    asked = ", ".join(f"{name} {value:g}" for name, value in asdict(plan.weights).items())
    return f"""# Avatar of {capture.subject}: {plan.model}{signal}

Mesh and view-dependent texture of one person from a latent of {PRESETS[plan.preset].latent} numbers, and what
a driving signal says of that latent (`facekit drive`). {count / 1e6:.2f} million numbers, stored in half
precision.

* Made by `{command}`.
* {trained.step} steps of {plan.batch} views of {len(capture.frames("training"))} frames; the weights are
  those of step {trained.best_step}, whose loss on {len(capture.frames("held-out"))} held-out frames is least:
  {trained.held_out:.4f}.
* Weights of the objective: {asked}. Losses of the last step:
  {", ".join(f"{name} {value:.4f}" for name, value in trained.losses.items())}.
* Fits (`facekit drive`): {json.dumps(trained.fit)}, found on held-out frames.
* How good it is: `facekit evaluate avatar`; see docs/lip-flow.md.
"""
