"""facekit drive: the part for avatars, see drive.py."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facekit.cli import console
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.avatar.fitting import FitSettings
    from facekit.avatar.models import Avatar
    from facekit.avatar.subject import Subject
    from facekit.stages.drive_avatar import Driven, Source

OURS = ("*.motion.npz", "mesh_[0-9]*.obj", "frame_[0-9]*.png", "faces.png", "face.mp4", "report.json")
VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif")


def is_avatar_file(source: Path) -> bool:
    """Whether SOURCE of a drive is an avatar; False for what is no safetensors file."""
    from facekit.avatar.avatar_files import is_avatar
    from facekit.errors import FacekitError
    from facekit.files.weights import read_weights

    if not source.is_file():
        return False
    try:
        return is_avatar(read_weights(source)[1])
    except FacekitError:
        return False  # the pose prior says what is wrong with it


def drive(
    source: Path,
    by: Path,
    folder: Path,
    *,
    target: str | None = None,
    steps: int | None = None,
    fit_headset: bool = False,
    meshes: bool = False,
    frames: bool = False,
    video: bool = True,
    force: bool = False,
    as_json: bool = False,
) -> None:
    """Move the face of an avatar by what ``by`` holds. Raises UsageError, UnreadableError, WrongKindError."""
    from facekit.avatar.avatar_files import from_arrays
    from facekit.files.atomic import atomic_folder
    from facekit.files.weights import read_weights
    from facekit.stages.drive_avatar import drive_avatar

    arrays, settings = read_weights(source)
    avatar, subject = from_arrays(arrays, settings, str(source))
    driver, which = _source(avatar, subject, by, target, fit_headset)
    fitting = _fitting(settings, which)
    fitting = fitting if steps is None else replace(fitting, steps=steps)
    name = by.name.removesuffix(".npz") if by.is_file() else by.resolve().name
    with atomic_folder(folder, force, OURS) as made:
        ticks = console.progress(range(driver.count), "frames", driver.count)
        began, wall = time.process_time(), time.perf_counter()
        driven = drive_avatar(avatar, subject, driver, fitting, name, lambda: next(ticks, None))
        spent = time.process_time() - began, time.perf_counter() - wall
        told = _write(made, name, avatar, subject, driven, (meshes, frames, video))
        told |= {"folder": str(folder), "by": which, "ms_per_frame": round(1e3 * spent[1] / driver.count, 2)}
        _report(made, told)
    console.detail(f"{1e3 * spent[0] / driver.count:.1f} ms of processor time a frame")
    if as_json:
        console.emit_json(told)
    console.say(f"{folder}: {driver.count} frames of {subject.name}, fitted to {which}")


def _source(
    avatar: Avatar, subject: Subject, by: Path, target: str | None, fit_headset: bool
) -> tuple[Source, str]:
    """What drives, and the name of what is fitted to: kpt, hmc or frontal."""
    from facekit.files.capture import read_capture
    from facekit.files.keypoints import read_keypoints
    from facekit.stages.drive_avatar import from_capture, from_points

    if by.is_dir():
        which = target or avatar.signal
        if fit_headset and which != "hmc":
            raise UsageError("--fit-headset is for pictures of a headset; give --target hmc, or leave it out")
        return from_capture(avatar, read_capture(by), which, 30.0, fit_headset), which
    if target not in (None, "kpt") or fit_headset:
        raise UsageError(f"{by} holds keypoints alone; leave out --target and --fit-headset")
    if by.suffix.lower() in VIDEOS:
        return _video(avatar, subject, by), "kpt"
    track = read_keypoints(by)
    return from_points(avatar, subject, track.points, track.index, track.fps), "kpt"


def _video(avatar: Avatar, subject: Subject, by: Path) -> Source:
    """The landmarks of a filmed face drive."""
    raise UsageError(f"{by} is a video; give its keypoints as an .npz file")


def _fitting(settings: dict[str, str], target: str) -> FitSettings:
    """The rate and the weight that were searched after the training, or the nearest there are."""
    from facekit.avatar.fitting import FitSettings

    found: dict[str, Any] = json.loads(settings.get("fit", "{}"))
    chosen: dict[str, Any] = found.get(target) or next(iter(found.values()), {})
    return FitSettings(**chosen)


def _write(
    folder: Path, name: str, avatar: Avatar, subject: Subject, driven: Driven, wanted: tuple[bool, bool, bool]
) -> dict[str, Any]:
    """The motion, pictures, and what else is wanted: meshes, frames, video."""
    from facekit.files.images import write_image
    from facekit.files.meshes import write_mesh
    from facekit.files.npz import write_record
    from facekit.files.video import write_video
    from facekit.stages.drive_avatar import pictures, still

    meshes, frames, video = wanted
    motion = replace(driven.motion, history=(console.this_step(),))
    write_record(folder / f"{name}.motion.npz", motion)
    drawn = list(pictures(avatar, subject, driven))
    write_image(folder / "faces.png", still(drawn))
    if video:
        write_video(folder / "face.mp4", drawn, motion.fps)
    if frames:
        for k, picture in enumerate(drawn):
            write_image(folder / f"frame_{k:05d}.png", picture)
    if meshes:
        for k, vertices in enumerate(motion.vertices):
            write_mesh(folder / f"mesh_{k:05d}.obj", vertices, motion.faces)
    told = {"frames": len(motion.latents), "fps": motion.fps, "misfit": float(np.mean(motion.misfit))}
    if driven.headset is not None:
        told["headset"] = driven.headset.tolist()
    return told


def _report(folder: Path, told: dict[str, Any]) -> None:
    from facekit.files.atomic import write_text

    write_text(folder / "report.json", json.dumps(told, indent=2) + "\n")
