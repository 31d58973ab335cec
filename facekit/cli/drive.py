"""facekit drive: signals that move a body, or a face (drive_avatar.py)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.drive_avatar import VIDEOS, drive_avatar, is_avatar_file, refuse_for_faces
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.priors.pose_prior import PosePrior
    from facekit.records import Headset, Motion
    from facekit.stages.drive_pose import Driven

OURS = ("*.motion.npz", "amass.npz", "skeleton.png", "skeleton.mp4", "motion.bvh", "report.json")


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    source: Path
    by: Path
    output: Path | None
    truth: Path | None
    clip: str | None
    scale: float | None
    convention: str
    iterations: int | None
    target: str | None
    fit_headset: bool
    meshes: bool
    frames: bool
    bvh: bool
    video: bool
    force: bool
    as_json: bool

    @property
    def folder(self) -> Path:
        """Where everything goes."""
        return self.output or Path(f"{self.name}.drive")

    @property
    def name(self) -> str:
        """Of the signal."""
        if self.by.suffix.lower() in VIDEOS:
            return self.by.stem
        return self.clip or self.by.name.removesuffix(".npz").removesuffix(".hmd").removesuffix(".motion")


@click.command(short_help="Move a body by what a headset sees, or the face of an avatar.")
@click.argument("source", type=options.FILE, metavar="SOURCE")
@click.option(
    "--by",
    type=options.FILE,
    required=True,
    metavar="SIGNAL",
    help="A headset's signal (rotations, positions, fps), or a motion, of which head and hands are taken; "
    "for an avatar see below.",
)
@click.option("--clip", metavar="NAME", help="Which clip of a motion file that holds several.")
@click.option(
    "--truth",
    type=options.FILE,
    metavar="MOTION",
    help="The true motion, to draw beside the result and to measure it; known where --by is a motion.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0.2, 5),
    help="Size of the wearer over that of the skeleton; as the signal says by default.",
)
@click.option(
    "--convention",
    type=click.Choice(["facekit", "openxr"]),
    default="facekit",
    show_default=True,
    help="Axes of a headset's signal: the head faces +z, or -z as in OpenXR, whose wrists (of hand tracking) "
    "have -z along the fingers.",
)
@click.option(
    "--iterations",
    type=click.IntRange(0, 1000),
    help="Of the fit of each frame, by default 10, or 200 for an avatar; 0 takes the prior's guess.",
)
@click.option(
    "--target",
    type=click.Choice(["kpt", "hmc", "frontal"]),
    help="For an avatar and a capture: what to fit to; by default the signal that it was trained with.",
)
@click.option("--fit-headset", is_flag=True, help="For an avatar: find out how the headset sits as well.")
@click.option("--meshes", is_flag=True, help="For an avatar: write the mesh of each frame as .obj.")
@click.option("--frames", is_flag=True, help="For an avatar: write the picture of each frame as .png.")
@click.option("--bvh", is_flag=True, help="Write motion.bvh as well.")
@click.option("--video/--no-video", default=True, show_default=True, help="Write a video.")
@options.output_option("Folder for the results; SIGNAL.drive by default.")
@options.force_option
@options.json_option
@options.verbosity_options
def drive(**wish: Any) -> None:
    """Move a whole body by what a headset sees of head and hands, or the face of an avatar.

    SOURCE is a prior over poses as train-prior pose writes it, or pose for the one that comes along. A hand
    that is NaN in the signal counts as not seen. The folder gets NAME.motion.npz, amass.npz (the same on the
    joints of SMPL, for other programs), skeleton.png, skeleton.mp4 and report.json.

    With an avatar as train-prior avatar writes it, or person for the one that comes along, SIGNAL is a film
    of any face, an .npz file of keypoints (points, index, fps), or a capture, whose held-out frames drive by
    keypoints, the headset's pictures or the view from the front. The folder gets NAME.motion.npz (latents
    and meshes), faces.png, face.mp4 (what drove beside the avatar) and report.json.

    \b
    Examples:
      facekit drive pose.safetensors --by hmd.npz -o moved/
      facekit drive pose --by motions.npz --clip walk --bvh
      facekit drive person --by film.mp4
      facekit drive subject.safetensors --by keypoints.npz -o driven/
    """
    from facekit.cli.networks import pose_prior_of
    from facekit.files.atomic import atomic_folder
    from facekit.stages.drive_pose import drive_pose

    asked = Wish(**wish)
    if is_avatar_file(asked.source):
        drive_avatar(asked)
        return
    refuse_for_faces(asked)
    prior, _ = pose_prior_of(asked.source)
    headset, truth = _signal(asked, prior)
    with atomic_folder(asked.folder, asked.force, OURS) as folder:
        started, count = time.perf_counter(), len(headset.positions)
        iterations = 10 if asked.iterations is None else asked.iterations
        ticks = console.progress(range(count), "frames", count)
        driven = drive_pose(prior, headset, iterations, asked.name, lambda: next(ticks, None))
        spent = 1e3 * (time.perf_counter() - started) / count
        told = _write(asked, folder, driven, headset, truth)
    console.detail(f"{spent:.0f} ms a frame")
    if asked.as_json:
        console.emit_json(told)
    known = (
        f"; {told['upper']:.1f} cm off in the upper body, {told['full']:.1f} cm in all"
        if "full" in told
        else ""
    )
    console.say(f"{asked.folder}: {told['frames']} frames{known}")


def _signal(asked: Wish, prior: PosePrior) -> tuple[Headset, Motion | None]:
    """What the headset sees, and the true motion where it is known."""
    from facekit.files.motion import holds_motion, read_headset, read_motions
    from facekit.motion.conventions import from_openxr, on_body
    from facekit.motion.headset import headset_of
    from facekit.motion.skeleton import skeleton_of

    if holds_motion(asked.by):
        if asked.convention != "facekit":
            raise UsageError(f"{asked.by} is a motion, not a headset's signal; leave out --convention")
        truth: Motion | None = _chosen(asked.by, read_motions(asked.by), asked.clip)
        assert truth is not None
        headset = on_body(headset_of(truth), skeleton_of(truth), prior.space.skeleton)
    elif asked.clip is not None:
        raise UsageError(f"{asked.by} is a headset's signal, not a file of clips; leave out --clip")
    else:
        headset, truth = read_headset(asked.by), None
        if asked.convention == "openxr":
            headset = from_openxr(headset, prior.space.skeleton)
    if asked.truth is not None:
        truth = _chosen(asked.truth, read_motions(asked.truth), asked.clip)
    return replace(headset, scale=asked.scale or headset.scale), truth


def _chosen(path: Path, motions: list[Motion], clip: str | None) -> Motion:
    """The one clip, or the one whose name is or ends in ``clip``."""
    if clip is None and len(motions) == 1:
        return motions[0]
    found = [m for m in motions if clip is not None and m.clip == clip]
    found = found or [m for m in motions if clip is not None and m.clip.endswith(f"_{clip}")]
    if len(found) != 1:
        names = [motion.clip for motion in found or motions]
        some = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
        raise UsageError(f"{path} holds {len(motions)} clips; give --clip, one of {some}")
    return found[0]


def _write(
    asked: Wish, folder: Path, driven: Driven, headset: Headset, truth: Motion | None
) -> dict[str, Any]:
    from facekit.files.atomic import write_text
    from facekit.files.bvh import write_bvh
    from facekit.files.images import write_image
    from facekit.files.motion import write_amass
    from facekit.files.npz import write_record
    from facekit.files.video import write_video
    from facekit.stages.drive_pose import errors, pictures, still, video_frames

    motion = replace(driven.motion, history=(*headset.history, console.this_step()))
    write_record(folder / f"{asked.name}.motion.npz", motion)
    write_amass(folder / "amass.npz", motion)
    write_image(folder / "skeleton.png", still(driven, headset, truth))
    if asked.bvh:
        write_bvh(folder / "motion.bvh", motion)
    if asked.video:
        frames, fps = video_frames(headset)
        write_video(folder / "skeleton.mp4", pictures(driven, headset, truth, frames), fps)
    told: dict[str, Any] = {
        "folder": str(asked.folder),
        "frames": len(driven.misfit),
        "misfit": float(driven.misfit.mean()),
        "hands_missing": int((driven.seen.signal[:, 1:, 9] == 0).sum()),
    }
    told |= (errors(motion, truth) if truth is not None else None) or {}
    write_text(folder / "report.json", json.dumps(told, indent=2) + "\n")
    return told
