"""How long a frame takes to drive an avatar by keypoints, and what the parts of a film cost before that.

Run ``python benchmarks/drive_avatar.py [AVATAR]``; without AVATAR the one that comes along. Processor time of
a frame, of all threads, and wall time, least of three runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from facekit.avatar.avatar_files import from_arrays
from facekit.avatar.fitting import FitSettings
from facekit.avatar.models import Avatar
from facekit.avatar.subject import Subject
from facekit.files.assets import asset, read_asset_weights
from facekit.files.keypoints import read_keypoints
from facekit.files.weights import read_weights
from facekit.stages import drive_avatar as stage

FRAMES, RUNS = 64, 3
TOGETHER = (8, 32, 64)  # frames that are fitted together


def main() -> None:
    stored = read_weights(sys.argv[1]) if len(sys.argv) > 1 else read_asset_weights("person.safetensors")
    avatar, subject = from_arrays(*stored)
    settings = FitSettings(**json.loads(stored[1].get("fit", "{}")).get("kpt", {}))
    track = read_keypoints(asset("person.npz"))
    points = np.resize(track.points, (FRAMES, *track.points.shape[1:]))
    source = stage.from_points(avatar, subject, points, track.index, track.fps)
    print(f"{avatar.kind}, latent of {avatar.sizes.latent}, {FRAMES} frames, up to {settings.steps} steps")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for together in TOGETHER:
            stage.CHUNK = together
            work = lambda: stage.drive_avatar(avatar, subject, source, settings, "benchmark")  # noqa: E731
            show(f"{threads} threads, {together} together", work)
    torch.set_num_threads(1)
    driven = stage.drive_avatar(avatar, subject, source, settings, "benchmark")
    show("pictures, two of 256 px", lambda: pictures(avatar, subject, driven))


def pictures(avatar: Avatar, subject: Subject, driven: stage.Driven) -> None:
    for _ in stage.pictures(avatar, subject, driven):
        pass


def show(name: str, work: Callable[[], object]) -> None:
    spent, wall = [], []
    for _ in range(RUNS):
        began, clock = time.process_time(), time.perf_counter()
        work()
        spent.append(time.process_time() - began)
        wall.append(time.perf_counter() - clock)
    print(
        f"{name}: {1e3 * min(spent) / FRAMES:.1f} ms of processor, {1e3 * min(wall) / FRAMES:.1f} ms a frame"
    )


if __name__ == "__main__":
    main()
