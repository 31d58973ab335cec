"""How near an avatar's faces come to held-out frames: pictures in three views, and the mesh (Sec. 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from facekit.avatar.batches import views_batch
from facekit.avatar.capture import Capture, view_batch
from facekit.avatar.models import Avatar
from facekit.avatar.render import Cameras, Renderer
from facekit.avatar.search import search_frames
from facekit.avatar.targets import frontal_camera
from facekit.errors import UsageError, WrongKindError
from facekit.metrics.pictures import psnr, ssim
from facekit.records import ByteArray, IntArray

MM = 1000.0
SIDES = 0.35  # least sideways component of the view vector of a left or right view
Scores = dict[str, float]


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
