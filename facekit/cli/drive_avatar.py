"""facekit drive: the part for avatars, see drive.py."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facekit.cli import console
from facekit.cli.drive_video import video_source
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.avatar.fitting import FitSettings
    from facekit.avatar.models import Avatar
    from facekit.avatar.subject import Subject
    from facekit.cli.drive import Wish
    from facekit.records import FloatArray
    from facekit.stages.drive_avatar import Driven, Source

OURS = ("*.motion.npz", "mesh_[0-9]*.obj", "frame_[0-9]*.png", "faces.png", "face.mp4", "report.json")
FPS = 30.0  # of a capture, which does not say
SHIPPED = "person"  # SOURCE for the avatar that comes along
VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif")


def is_avatar_file(source: Path) -> bool:
    """Whether SOURCE of a drive is an avatar; False for what is no safetensors file."""
    from facekit.avatar.avatar_files import is_avatar
    from facekit.errors import FacekitError
    from facekit.files.weights import read_weights

    if str(source) == SHIPPED and not source.exists():
        return True
    if not source.is_file():
        return False
    try:
        return is_avatar(read_weights(source)[1])
    except FacekitError:
        return False  # the pose prior says what is wrong with it


def _stored(source: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Arrays and settings of SOURCE. Raises UnreadableError."""
    from facekit.files.assets import read_asset_weights
    from facekit.files.weights import read_weights

    if str(source) == SHIPPED and not source.exists():
        return read_asset_weights("person.safetensors")
    return read_weights(source)


def drive_avatar(asked: Wish) -> None:
    """Move the face of an avatar. Raises UsageError, UnreadableError, WrongKindError."""
    from facekit.avatar.avatar_files import from_arrays
    from facekit.files.atomic import atomic_folder
    from facekit.stages import drive_avatar as stage

    _refuse_for_bodies(asked)
    arrays, settings = _stored(asked.source)
    avatar, subject = from_arrays(arrays, settings, str(asked.source))
    source, target = _source(avatar, subject, asked)
    fitting = _fitting(settings, target)
    fitting = fitting if asked.iterations is None else replace(fitting, steps=asked.iterations)
    with atomic_folder(asked.folder, asked.force, OURS) as folder:
        ticks = console.progress(range(source.count), "frames", source.count)
        began, wall = time.process_time(), time.perf_counter()
        driven = stage.drive_avatar(avatar, subject, source, fitting, asked.name, lambda: next(ticks, None))
        spent = time.process_time() - began, time.perf_counter() - wall
        told = _write(folder, avatar, subject, driven, asked)
        told |= {"folder": str(asked.folder), "by": target}
        told |= {} if driven.turns is None else {"head": _degrees(driven.turns)}
        told["ms_per_frame"] = round(1e3 * spent[1] / source.count, 2)
        _report(folder, told)
    console.detail(f"{1e3 * spent[0] / source.count:.1f} ms of processor time a frame")
    if asked.as_json:
        console.emit_json(told)
    console.say(f"{asked.folder}: {source.count} frames of {subject.name}, fitted to {target}")


def refuse_for_faces(asked: Wish) -> None:
    """Raise UsageError for options that move faces alone."""
    given = {"--target": asked.target, "--fit-headset": asked.fit_headset}
    _refuse(given | {"--meshes": asked.meshes, "--frames": asked.frames}, "is for avatars")


def _refuse_for_bodies(asked: Wish) -> None:
    given = {"--truth": asked.truth, "--clip": asked.clip, "--scale": asked.scale, "--bvh": asked.bvh}
    given |= {"--convention": asked.convention != "facekit"}
    _refuse(given, "is for bodies, and SOURCE is an avatar")


def _refuse(given: dict[str, Any], why: str) -> None:
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} {why}; leave it out")


def _source(avatar: Avatar, subject: Subject, asked: Wish) -> tuple[Source, str]:
    """What drives, and the name of what is fitted to: kpt, hmc or frontal."""
    from facekit.files.capture import read_capture
    from facekit.files.keypoints import read_keypoints
    from facekit.stages.drive_avatar import from_capture, from_points

    by, target = asked.by, asked.target
    if by.is_dir():
        which = target or avatar.signal
        if asked.fit_headset and which != "hmc":
            raise UsageError("--fit-headset is for pictures of a headset; give --target hmc, or leave it out")
        return from_capture(avatar, read_capture(by), which, FPS, asked.fit_headset), which
    if target not in (None, "kpt") or asked.fit_headset:
        raise UsageError(f"{by} holds keypoints alone; leave out --target and --fit-headset")
    if by.suffix.lower() in VIDEOS:
        return video_source(avatar, subject, by), "kpt"
    track = read_keypoints(by)
    return from_points(avatar, subject, track.points, track.index, track.fps), "kpt"


def _fitting(settings: dict[str, str], target: str) -> FitSettings:
    """The rate and the weight that were searched after the training, or the nearest there are."""
    from facekit.avatar.fitting import FitSettings

    found: dict[str, Any] = json.loads(settings.get("fit", "{}"))
    chosen: dict[str, Any] = found.get(target) or next(iter(found.values()), {})
    return FitSettings(**chosen)


def _write(folder: Path, avatar: Avatar, subject: Subject, driven: Driven, asked: Wish) -> dict[str, Any]:
    """The motion, pictures, and what else is wanted: meshes, frames, video."""
    from facekit.files.images import write_image
    from facekit.files.meshes import write_mesh
    from facekit.files.npz import write_record
    from facekit.files.video import write_video
    from facekit.stages.drive_avatar import pictures, still

    motion = replace(driven.motion, history=(console.this_step(),))
    write_record(folder / f"{asked.name}.motion.npz", motion)
    drawn = list(pictures(avatar, subject, driven))
    write_image(folder / "faces.png", still(drawn))
    if asked.video:
        write_video(folder / "face.mp4", drawn, motion.fps)
    if asked.frames:
        for k, picture in enumerate(drawn):
            write_image(folder / f"frame_{k:05d}.png", picture)
    if asked.meshes:
        for k, vertices in enumerate(motion.vertices):
            write_mesh(folder / f"mesh_{k:05d}.obj", vertices, motion.faces)
    told = {"frames": len(motion.latents), "fps": motion.fps, "misfit": float(np.mean(motion.misfit))}
    if driven.headset is not None:
        told["headset"] = driven.headset.tolist()
    return told


def _degrees(turns: FloatArray) -> list[list[float]]:
    """Yaw, pitch and roll of each frame of a film."""
    from facekit.geometry.rotation import matrix_to_euler

    rounded: list[list[float]] = np.rad2deg(matrix_to_euler(turns)).round(2).tolist()
    return rounded


def _report(folder: Path, told: dict[str, Any]) -> None:
    from facekit.files.atomic import write_text

    write_text(folder / "report.json", json.dumps(told, indent=2) + "\n")
