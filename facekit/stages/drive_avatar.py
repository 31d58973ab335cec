"""drive, for avatars: keypoints, a headset's pictures or views, frame by frame, to a face that moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from facekit.avatar.batches import signal_batch
from facekit.avatar.capture import Capture
from facekit.avatar.fitting import FitSettings, PointsTarget, Target, fit
from facekit.avatar.models import Avatar, Prior
from facekit.avatar.render import Cameras, Renderer
from facekit.avatar.subject import Subject
from facekit.avatar.targets import NEAR, make_target
from facekit.errors import UsageError, WrongKindError
from facekit.records import ByteArray, Camera, FaceMotion, FloatArray, IntArray

CHUNK = 32  # frames that are fitted together
SIDE = 256  # px of the pictures
FILL = 0.16  # m, half of what a picture shows
STILLS = 8
Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Driven:
    """A moving face, and what drove it."""

    motion: FaceMotion
    headset: FloatArray | None  # (T, 6) axis-angle and m, where the headset's pose was fitted as well
    seen: ByteArray | None  # (T, h, w) or (T, h, w, 3) uint8 pictures of what drove it
    turns: FloatArray | None  # (T, 3, 3) how the head was turned, where a film shows it


@dataclass(frozen=True)
class Source:
    """What drives: the signal that the prior sees, and the target of the fit, for some of the frames."""

    count: int
    fps: float
    signal: Callable[[IntArray], torch.Tensor | None]
    target: Callable[[IntArray], Target]
    seen: ByteArray | None = None
    pose: bool = False  # whether to fit how the headset sits
    turns: FloatArray | None = None  # (T, 3, 3) of the head before the camera, for the pictures


def from_points(avatar: Avatar, subject: Subject, points: FloatArray, index: IntArray, fps: float) -> Source:
    """Keypoints (T, L, 2), 0..1, drive; ``index`` (L,) says which of MediaPipe's they are.

    Raises UsageError for an avatar that is driven by pictures, WrongKindError for other points.
    """
    where = subject.keypoints
    if where is None or avatar.signal != "kpt":
        raise UsageError("this avatar is driven by a headset's pictures; give --by a folder that has them")
    if len(index):
        places = {int(name): k for k, name in enumerate(index)}
        wanted = np.full((len(points), len(where.index), 2), np.nan, np.float32)
        for k, name in enumerate(where.index.tolist()):
            if name in places:
                wanted[:, k] = points[:, places[name]]
        points = wanted
    if points.shape[1] != len(where.index) or not np.isfinite(points).any():
        raise WrongKindError(
            f"{points.shape[1]} keypoints drive no avatar of {len(where.index)}; give their index as well"
        )
    given = torch.as_tensor(points)
    return Source(
        len(points),
        fps,
        lambda frames: given[frames],
        lambda frames: PointsTarget(given[frames], where, NEAR),
        dots(points),
    )


def from_capture(avatar: Avatar, capture: Capture, by: str, fps: float, pose: bool = False) -> Source:
    """The held-out frames of a capture drive, by "kpt", "hmc" or "frontal" (a view from the front).

    Raises UsageError for a capture that lacks it, or the signal of the avatar's prior.
    """
    needed = {by, avatar.signal if avatar.look is not None else by}
    present = {"kpt": capture.keypoints, "hmc": capture.hmc, "frontal": capture.views}
    for name in needed:
        if present[name] is None:
            raise UsageError(f"the folder has no {name}, which this avatar needs; give another --by")
    if capture.meshes.shape[1] != avatar.shape.vertices:
        raise WrongKindError("the folder is a capture of another mesh than the avatar's; give one of its own")
    frames = capture.frames("held-out")
    seen = None
    if by == "hmc" and capture.hmc is not None:
        seen = np.concatenate(list(capture.hmc.images[frames].swapaxes(0, 1)), 1)
    elif by == "frontal" and capture.views is not None:
        seen = np.array(capture.views.images[frames, 0])
    elif capture.keypoints is not None:
        seen = dots(np.array(capture.keypoints.points[frames]))

    def signal(which: IntArray) -> torch.Tensor | None:
        return None if avatar.look is None else signal_batch(capture, frames[which], avatar.signal)

    def target(which: IntArray) -> Target:
        return make_target(by, avatar, capture, frames[which], posed=not pose)

    return Source(len(frames), fps, signal, target, seen, pose)


def drive_avatar(
    avatar: Avatar,
    subject: Subject,
    source: Source,
    settings: FitSettings,
    clip: str,
    tick: Callable[[], object] = lambda: None,
) -> Driven:
    """The face that a source moves. Frames are fitted together, ``CHUNK`` at a time; each begins at its
    prior's mean or at the last fit before it, whichever agrees better. ``tick`` is called after each frame.
    """
    latents, values, poses = [], [], []
    last: torch.Tensor | None = None
    for first in range(0, source.count, CHUNK):
        frames = np.arange(first, min(first + CHUNK, source.count))
        with torch.no_grad():
            prior = avatar.prior(source.signal(frames), len(frames))
        target = source.target(frames)
        start = begin(avatar, prior, target, last, source.pose)
        found = fit(avatar, prior, target, settings, start=start, pose=source.pose)
        last = found.z[-1:]
        latents.append(found.z)
        values.append(found.value)
        if found.pose is not None:
            poses.append(found.pose)
        for _ in frames:
            tick()
    z = torch.cat(latents)
    with torch.no_grad():
        vertices = torch.cat([avatar.decode_mesh(part) for part in z.split(CHUNK)])
    motion = FaceMotion(
        clip,
        subject.name,
        source.fps,
        z.numpy(),
        vertices.numpy(),
        subject.mesh.faces,
        torch.cat(values).numpy(),
    )
    return Driven(motion, torch.cat(poses).numpy() if poses else None, source.seen, source.turns)


def begin(
    avatar: Avatar, prior: Prior, target: Target, last: torch.Tensor | None, pose: bool
) -> torch.Tensor:
    """Where each frame's fit begins (b, Z): at the prior's mean, or at ``last`` (1, Z)."""
    with torch.no_grad():
        start = avatar.from_prior(prior.start.mean, prior)
        if last is None:
            return start
        items, warm = torch.arange(len(start)), last.expand_as(start)
        sat = start.new_zeros(len(start), 6) if pose else None
        values = [target.misfit(avatar, z, items, sat) for z in (start, warm)]
        return torch.where((values[1] < values[0])[:, None], warm, start)


def front_camera(side: int = SIDE, yaw: float = 0.0) -> Camera:
    """A camera one metre before the head, turned by ``yaw`` rad to its left."""
    K = np.array(
        [[side / (2 * FILL), 0, side / 2], [0, side / (2 * FILL), side / 2 - 0.12 * side], [0, 0, 1]]
    )
    cos, sin = np.cos(yaw), np.sin(yaw)
    R = np.diag([1.0, -1.0, -1.0]) @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    return Camera(K, R, np.array([0.0, 0.0, 1.0]), np.array([side, side], np.int32))


def pictures(
    avatar: Avatar, subject: Subject, driven: Driven, yaws: tuple[float, ...] = (0.0, 0.6)
) -> Iterator[ByteArray]:
    """Each frame from the front, turned as the filmed head is, and from the side, beside what drove it."""
    mesh = subject.mesh
    draw = Renderer(mesh.faces, mesh.uv, mesh.uv_faces)
    views = [front_camera(yaw=yaw) for yaw in yaws]
    one = [
        torch.as_tensor(np.stack([getattr(v, name) for v in views]), dtype=torch.float32) for name in "KRt"
    ]
    fixed = Cameras(*one)
    for frame, z in enumerate(torch.from_numpy(driven.motion.latents)):
        cameras = fixed if driven.turns is None else _turned(fixed, driven.turns[frame])
        with torch.no_grad():
            vertices, textures = avatar.decode(z.expand(len(yaws), -1), cameras.towards())
            made, _ = draw(vertices, textures, cameras, (SIDE, SIDE))
        panels = [(255 * made.clamp(0, 1)).round().to(torch.uint8).numpy()]
        if driven.seen is not None:
            panels.insert(0, _fitted(driven.seen[frame])[None])
        yield np.concatenate([picture for part in panels for picture in part], 1)


def _turned(cameras: Cameras, turn: FloatArray) -> Cameras:
    """Cameras of which the first sees the head turned (3, 3)."""
    R = cameras.R.clone()
    R[0] = R[0] @ torch.as_tensor(turn, dtype=R.dtype)
    return Cameras(cameras.K, R, cameras.t)


def still(frames: list[ByteArray]) -> ByteArray:
    """Some of the frames on one picture, two in a row."""
    which = np.linspace(0, len(frames) - 1, min(STILLS, len(frames))).round().astype(int)
    chosen = [frames[k] for k in which]
    if len(chosen) % 2:
        chosen.append(np.zeros_like(chosen[0]))
    return np.concatenate([np.concatenate(chosen[k : k + 2], 1) for k in range(0, len(chosen), 2)])


def dots(points: FloatArray) -> ByteArray:
    """Keypoints (T, L, 2), 0..1, as pictures (T, SIDE, SIDE) uint8."""
    seen = np.zeros((len(points), SIDE, SIDE), np.uint8)
    for picture, places in zip(seen, points, strict=True):
        for x, y in places[np.isfinite(places).all(1)]:
            cv2.circle(picture, (round(float(x) * SIDE), round(float(y) * SIDE)), 2, 255, -1, cv2.LINE_AA)
    return seen


def _fitted(picture: ByteArray) -> ByteArray:
    """(SIDE, SIDE, 3): a picture made to fit, black at its sides."""
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
    scale = SIDE / max(colour.shape[:2])
    size = (round(colour.shape[1] * scale), round(colour.shape[0] * scale))
    small = cv2.resize(np.ascontiguousarray(colour), size, interpolation=cv2.INTER_AREA)
    made = np.zeros((SIDE, SIDE, 3), np.uint8)
    top, left = (SIDE - small.shape[0]) // 2, (SIDE - small.shape[1]) // 2
    made[top : top + small.shape[0], left : left + small.shape[1]] = small
    return made
