"""evaluate avatar: reconstruction and fits of held-out frames (LiP-Flow, Tables 1-9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from facekit.avatar.batches import faces_batch, views_batch
from facekit.avatar.capture import Capture, view_batch
from facekit.avatar.encoder import Gaussian
from facekit.avatar.fitting import FitSettings, fit
from facekit.avatar.models import WITHOUT_Q, Avatar, Prior
from facekit.avatar.render import Cameras, Renderer
from facekit.avatar.search import prior_of, search, search_frames
from facekit.avatar.targets import frontal_camera, make_target
from facekit.errors import UsageError, WrongKindError
from facekit.metrics.pictures import psnr, ssim
from facekit.records import ByteArray, IntArray

MM = 1000.0
SIDES = 0.35  # least sideways component of the view vector of a left or right view
TASKS = ("encoder", "prior", "kpt", "hmc", "frontal", "masked", "headset", "ablation")
Figures = dict[str, Any]
Scores = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    frames: int = 24  # held-out frames, evenly apart
    tasks: tuple[str, ...] = TASKS
    steps: int = 200


@dataclass(frozen=True)
class Test:
    """Held-out frames and the views in which decoded faces are compared."""

    capture: Capture
    frames: IntArray  # (n,)
    cameras: tuple[int, ...]  # frontal, left, right


def make_test(avatar: Avatar, capture: Capture, count: int) -> Test:
    """At most ``count`` held-out frames, none of those that settings were searched on. WrongKindError for a
    capture of another mesh, UsageError for one without views or held-out frames.
    """
    if capture.meshes.shape[1] != avatar.shape.vertices:
        raise WrongKindError("the capture has another mesh than the avatar; give the one it was trained on")
    if capture.views is None or not len(capture.frames("held-out")):
        raise UsageError("the capture has no views or no held-out frames; give another")
    frames = np.setdiff1d(capture.frames("held-out"), search_frames(capture))
    frames = frames if len(frames) else capture.frames("held-out")
    frames = frames[np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int)]
    return Test(capture, frames, three_views(capture))


def three_views(capture: Capture) -> tuple[int, ...]:
    """The camera in front, and those most to its left and right that are not above or below."""
    assert capture.views is not None
    count = len(capture.views.names)
    first = np.repeat(capture.frames()[:1], count)
    towards = view_batch(capture, first, np.arange(count)).towards
    front, chosen = frontal_camera(capture), []
    for side in (1.0, -1.0):
        score = towards[:, 2] - np.abs(towards[:, 1]) - 10.0 * (side * towards[:, 0] < SIDES)
        chosen.append(int(np.argmax(score)))
    return tuple(dict.fromkeys((front, *chosen)))


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


def measure(avatar: Avatar, test: Test, z: torch.Tensor) -> Scores:
    """PSNR and SSIM within the masks of the views, squared vertex distance (mm²) and distance (mm)."""
    gaps = MM * (avatar.decode_mesh(z) - torch.from_numpy(test.capture.meshes[test.frames])).norm(dim=-1)
    made: dict[str, list[float]] = {"psnr": [], "ssim": []}
    for camera in test.cameras:
        pictures, truths, masks = shown(avatar, test, z, camera)
        for picture, truth, mask in zip(pictures, truths, masks, strict=True):
            made["psnr"].append(psnr(picture, truth, mask))
            made["ssim"].append(ssim(picture, truth, mask))
    scores = {name: float(np.mean(values)) for name, values in made.items()}
    return scores | {"geom": gaps.square().mean().item(), "mm": gaps.mean().item()}


@torch.no_grad()
def shown(avatar: Avatar, test: Test, z: torch.Tensor, camera: int) -> tuple[ByteArray, ByteArray, Any]:
    """Decoded faces (n, H, W, 3) uint8 as a camera of the capture sees them, the truth, and its masks."""
    mesh = test.capture.mesh
    draw = Renderer(mesh.faces, mesh.uv, mesh.uv_faces)
    batch = views_batch(test.capture, test.frames, np.full(len(test.frames), camera))
    vertices, textures = avatar.decode(z, batch["towards"])
    size = (int(batch["masks"].shape[1]), int(batch["masks"].shape[2]))
    pictures, _ = draw(vertices, textures, Cameras(batch["K"], batch["R"], batch["t"]), size)
    pictures = avatar.colours(pictures, batch["camera"])
    both = ((255 * part.clamp(0, 1)).round().to(torch.uint8).numpy() for part in (pictures, batch["images"]))
    return (*both, batch["masks"].numpy())  # type: ignore[return-value]
