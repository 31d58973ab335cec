"""evaluate avatar: reconstruction and fits of held-out frames (LiP-Flow, Tables 1-9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from facekit.avatar.batches import faces_batch
from facekit.avatar.capture import Capture
from facekit.avatar.encoder import Gaussian
from facekit.avatar.fitting import FitSettings, fit
from facekit.avatar.models import WITHOUT_Q, Avatar, Prior
from facekit.avatar.scoring import Test, measure
from facekit.avatar.search import prior_of, search
from facekit.avatar.targets import make_target

TASKS = ("encoder", "prior", "kpt", "hmc", "frontal", "masked", "headset", "ablation")
Figures = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    frames: int = 24  # held-out frames, evenly apart
    tasks: tuple[str, ...] = TASKS
    steps: int = 200


def evaluate_avatar(
    avatar: Avatar,
    settings: Mapping[str, str],
    test: Test,
    plan: Plan,
    generator: torch.Generator,
    say: Callable[[str], None],
) -> Figures:
    """Scores by task, and the settings of the fits."""
    prior = prior_of(avatar, test.capture, test.frames)
    found: Figures = {"model": avatar.kind, "signal": avatar.signal, "subject": test.capture.subject}
    found |= {"frames": len(test.frames), "scores": {}, "fit": {}}
    scores = found["scores"]
    if "encoder" in plan.tasks and avatar.kind != "dam-reg":
        scores["encoder"] = measure(avatar, test, _encoded(avatar, prior, test).mean)
    if "prior" in plan.tasks and avatar.look is not None:
        with torch.no_grad():
            scores["prior"] = measure(avatar, test, avatar.from_prior(prior.start.mean, prior))
    stored = json.loads(settings.get("fit", "{}"))
    for task in plan.tasks:
        if task not in ("kpt", "hmc", "frontal", "masked", "headset") or not possible(avatar, test, task):
            continue
        say(f"{avatar.kind} {avatar.signal}: fitting to {task}")
        known = found["fit"].get("frontal") if task == "masked" else stored.get(task)
        chosen = _settings(avatar, test.capture, task, known, plan)
        found["fit"][task] = asdict(chosen)
        for name, one in ((task, chosen), (f"{task} w/o LL", replace(chosen, likelihood=False))):
            scores[name] = measure(avatar, test, _fitted(avatar, prior, test, task, one))
    if "ablation" in plan.tasks and avatar.kind == "lip-flow":
        chosen = FitSettings(**(found["fit"].get(avatar.signal) or stored.get(avatar.signal) or {}))
        noise = torch.randn(len(test.frames), avatar.sizes.latent, generator=generator)
        for name, likelihood in (("random start", True), ("random start w/o LL", False)):
            one = replace(chosen, likelihood=likelihood)
            scores[name] = measure(avatar, test, _fitted(avatar, prior, test, avatar.signal, one, noise))
    return found


def possible(avatar: Avatar, test: Test, task: str) -> bool:
    """Whether a task makes sense: models with a prior are fitted to its own signal, a dam to both."""
    capture = test.capture
    if task in ("kpt", "hmc") and avatar.look is not None and task != avatar.signal:
        return False
    if task == "headset" and avatar.look is not None and avatar.signal != "hmc":
        return False
    present = {"kpt": capture.keypoints, "hmc": capture.hmc, "headset": capture.hmc}
    present |= {"masked": capture.keypoints}
    return present.get(task, capture.views) is not None


def _settings(
    avatar: Avatar, capture: Capture, task: str, known: Mapping[str, Any] | None, plan: Plan
) -> FitSettings:
    """Those that were stored with the avatar or found for a like task; else they are searched."""
    given = FitSettings(steps=plan.steps)
    if known:
        return replace(FitSettings(**known), steps=plan.steps)
    target = "hmc" if task == "headset" else task
    return search(avatar, capture, target, pose=task == "headset", given=given)


def _fitted(
    avatar: Avatar,
    prior: Prior,
    test: Test,
    task: str,
    settings: FitSettings,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    posed = task != "headset"
    target = make_target("hmc" if task == "headset" else task, avatar, test.capture, test.frames, posed=posed)
    return fit(avatar, prior, target, settings, start=start, pose=not posed).z


def _encoded(avatar: Avatar, prior: Prior, test: Test) -> Gaussian:
    """What Q says of the frames; P in the place of Q for dam-enc."""
    if avatar.kind in WITHOUT_Q:
        return prior.start
    faces = faces_batch(test.capture, test.frames, avatar.sizes.texels)
    with torch.no_grad():
        return avatar.posterior(faces["vertices"], faces["textures"])
