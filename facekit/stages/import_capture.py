"""A capture in another layout, written again in facekit's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from facekit.avatar.capture import Capture, Mesh, Views, blank, pack
from facekit.avatar.recording import Recording
from facekit.errors import UsageError
from facekit.geometry.camera import project_points
from facekit.raster.fragments import rasterize_numpy
from facekit.records import BoolArray, ByteArray, IntArray

EVERY = 6  # of the segments one in so many is held out where the user names none


@dataclass(frozen=True)
class ImportOptions:
    """Sizes of what is written, and what is held out."""

    texture: int = 128
    height: int = 128  # px of a view; the width follows
    cameras: int | None = None  # at most so many, evenly through the list
    frames: int | None = None  # the same of the frames
    held_out: tuple[str, ...] = ()  # beginnings of the names of segments


@dataclass(frozen=True)
class Plan:
    """Which frames and cameras of the source make the capture."""

    source: Recording
    frames: IntArray  # (N,)
    cameras: tuple[str, ...]  # M
    like: Capture


def plan_import(source: Recording, options: ImportOptions) -> Plan:
    """The capture to be written, its pictures yet to come. Raises UsageError."""
    frames = _evenly(len(source.frames), options.frames)
    chosen = _evenly(len(source.cameras), options.cameras)
    names = tuple(source.cameras[m] for m in chosen)
    first = next((image for name in names if (image := source.image(int(frames[0]), name)) is not None), None)
    if first is None:
        raise UsageError(f"{source.folder} has no picture of its first frame; download images/ as well")
    scale = options.height / first.shape[0]
    width = max(1, round(first.shape[1] * scale))
    K = np.diag([width / first.shape[1], scale, 1.0]) @ source.K[chosen]
    segments = tuple(dict.fromkeys(source.frames[i][0] for i in frames))
    segment = np.array([segments.index(source.frames[i][0]) for i in frames], np.int32)
    count, M, size = len(frames), len(names), options.texture
    unknown = np.full((M, 3), np.nan, np.float32)
    views = Views(
        names,
        K,
        source.R[chosen],
        source.t[chosen],
        unknown,
        unknown.copy(),
        blank((count, M, options.height, width, 3)),
        blank((count, M, options.height, -(-width // 8))),
    )
    like = Capture(
        source.folder.resolve().name,
        Mesh(source.mesh.faces, source.mesh.uv, source.mesh.uv_faces),
        segments,
        segment,
        _held_out(segments, options.held_out)[segment],
        np.stack([source.head(int(i)) for i in frames]),
        blank((count, source.count, 3), np.float32),
        blank((count, size, size, 3)),
        views,
        expression=np.zeros((count, 0), np.float32),
    )
    return Plan(source, frames, names, like)


def copy_frames(plan: Plan, made: Capture) -> Iterator[int]:
    """Fill the arrays of ``made``, frame by frame; yields the number of each finished frame."""
    views = made.views
    assert views is not None
    size = made.textures.shape[1]
    for n, i in enumerate(plan.frames.tolist()):
        made.meshes[n] = plan.source.vertices(i)
        made.textures[n] = _resized(plan.source.texture(i), (size, size))
        for m, name in enumerate(plan.cameras):
            image = plan.source.image(i, name)
            if image is not None:  # else black, and masked out
                views.images[n, m] = _resized(image, views.size)
                views.masks[n, m] = _mask(made, n, m)
        yield n


def _mask(made: Capture, n: int, m: int) -> ByteArray:
    """Bits of the pixels of a view that show the mesh."""
    assert made.views is not None
    screen = project_points(made.view_camera(n, m), made.meshes[n])
    found = rasterize_numpy(screen[None].astype(np.float32), made.mesh.faces, made.views.size)
    return pack(found.pix_to_face[0] >= 0)


def _resized(image: ByteArray, size: tuple[int, int]) -> ByteArray:
    """An image at ``size`` (H, W)."""
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _evenly(count: int, most: int | None) -> IntArray:
    if most is None or most >= count:
        return np.arange(count)
    return np.unique(np.rint(np.linspace(0, count - 1, most)).astype(int))


def _held_out(segments: tuple[str, ...], beginnings: tuple[str, ...]) -> BoolArray:
    """(G,) bool, the segments to test on."""
    if not beginnings:
        return np.arange(len(segments)) % EVERY == EVERY - 1
    held = np.array([name.startswith(beginnings) for name in segments])
    if held.all() or not held.any():
        which = "every" if held.all() else "no"
        raise UsageError(
            f"{which} segment begins with {' or '.join(beginnings)}; there are {', '.join(segments)}"
        )
    return held
