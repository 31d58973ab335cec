"""The weight of the likelihood and the learning rate of a fit: searched once on one batch (Sec. 14.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from facekit.avatar.batches import faces_batch, signal_batch, views_batch
from facekit.avatar.capture import Capture
from facekit.avatar.fitting import FitSettings, fit
from facekit.avatar.losses import image_loss, mesh_loss
from facekit.avatar.models import Avatar, Prior
from facekit.avatar.render import Cameras, Renderer
from facekit.avatar.targets import frontal_camera, make_target
from facekit.records import IntArray

RATES = (0.01, 0.1, 0.5)
WEIGHTS = {  # the paper's for views and for a headset; for keypoints it gives none
    "kpt": (1.0, 0.1, 0.01),
    "hmc": (0.1, 0.01, 0.001),
    "frontal": (0.01, 0.001, 0.0001),
    "masked": (0.01, 0.001, 0.0001),
}
FRAMES = 8
STEPS = {"kpt": 60, "hmc": 30, "frontal": 30, "masked": 30}  # of a fit while searching: the settings that are
# best by then are taken; a step on pictures costs twenty times one on keypoints


def search_frames(capture: Capture) -> IntArray:
    """The batch on which is searched: held-out frames, evenly apart."""
    frames = capture.frames("held-out")
    return frames[np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).astype(int)]


def prior_of(avatar: Avatar, capture: Capture, frames: IntArray) -> Prior:
    """What the avatar's signal says in frames of a capture."""
    signal = None if avatar.look is None else signal_batch(capture, frames, avatar.signal)
    with torch.no_grad():
        return avatar.prior(signal, len(frames))


def search(
    avatar: Avatar,
    capture: Capture,
    target: str,
    tick: Callable[[], object] = lambda: None,
    *,
    pose: bool = False,
    given: FitSettings | None = None,
) -> FitSettings:
    """The settings whose fits to ``target`` come nearest to the truth, image and mesh alike."""
    given = given or FitSettings()
    frames = search_frames(capture)
    prior, wanted = (
        prior_of(avatar, capture, frames),
        make_target(target, avatar, capture, frames, posed=not pose),
    )
    found: dict[tuple[float, float], float] = {}
    for rate in RATES:
        for weight in WEIGHTS[target]:
            settings = replace(given, rate=rate, weight=weight, steps=min(given.steps, STEPS[target]))
            found[rate, weight] = wrong(
                avatar, capture, frames, fit(avatar, prior, wanted, settings, pose=pose).z
            )
            tick()
    rate, weight = min(found, key=lambda pair: found[pair])
    return replace(given, rate=rate, weight=weight)


def wrong(avatar: Avatar, capture: Capture, frames: IntArray, z: torch.Tensor) -> float:
    """Image and mesh term of decoded latents against the truth, seen from the front."""
    which = np.full(len(frames), frontal_camera(capture))
    batch = faces_batch(capture, frames, avatar.sizes.texels) | views_batch(capture, frames, which)
    mesh = capture.mesh
    with torch.no_grad():
        vertices, textures = avatar.decode(z, batch["towards"])
        cameras = Cameras(batch["K"], batch["R"], batch["t"])
        size = (int(batch["images"].shape[1]), int(batch["images"].shape[2]))
        pictures, _ = Renderer(mesh.faces, mesh.uv, mesh.uv_faces)(vertices, textures, cameras, size)
        pictures = avatar.colours(pictures, batch["camera"])
        image = image_loss(pictures, batch["images"], batch["masks"])
        return (image + mesh_loss(vertices, batch["vertices"], avatar.vertex_scale)).item()
