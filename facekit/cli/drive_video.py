"""facekit drive --by a film: the landmarks of a filmed face drive an avatar, see drive_avatar.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facekit.cli import console
from facekit.errors import NoFaceError, UsageError

if TYPE_CHECKING:
    from facekit.avatar.models import Avatar
    from facekit.avatar.subject import Subject
    from facekit.records import ByteArray, Landmarks
    from facekit.stages.drive_avatar import Source

SIDE = 256  # px of the film beside the avatar


def video_source(avatar: Avatar, subject: Subject, by: Path) -> Source:
    """The face in a film drives: its landmarks without its pose and its identity.

    Raises NoFaceError, UnreadableError; UsageError for an avatar that is not driven by keypoints.
    """
    from facekit.avatar.video_keypoints import (
        check_keypoints,
        drive_keypoints,
        follow_face,
        head_turns,
        hold,
    )
    from facekit.files.models import load_model
    from facekit.files.video import read_video
    from facekit.stages.drive_avatar import from_points
    from facekit.stages.fit import learned

    if subject.keypoints is None or avatar.signal != "kpt":
        raise UsageError(
            "this avatar is driven by a headset's pictures, not by a film; train one for --signal kpt"
        )
    check_keypoints(subject.keypoints)
    video = read_video(by)
    small, landmarks = [], []
    for frame in console.progress(video.frames, "landmarks", video.count):
        small.append(_small(frame))
        landmarks.append(_face(frame))
    found = [marks for marks in landmarks if marks is not None]
    if not found:
        raise NoFaceError(f"no face was found in {by}")
    if len(found) < len(landmarks):
        console.say(
            f"{by}: no face in {len(landmarks) - len(found)} of {len(landmarks)} frames; they are held"
        )
    model = load_model("default")
    ticks = console.progress(range(len(landmarks)), "face", len(landmarks))
    same = np.array_equal(subject.mesh.faces, model.topology.faces)
    own = subject.keypoints if same else None
    followed = follow_face(landmarks, model, learned(model, found[0]), lambda: next(ticks, None), own)
    points = hold(drive_keypoints(followed, subject.keypoints))
    source = from_points(avatar, subject, points, np.zeros(0, np.int32), video.fps)
    return replace(source, seen=np.stack(small), turns=head_turns(followed))


def _face(frame: ByteArray) -> Landmarks | None:
    from facekit.stages.detect import detect

    try:
        return detect(frame)[0]
    except NoFaceError:
        return None


def _small(frame: ByteArray) -> ByteArray:
    import cv2

    scale = SIDE / max(frame.shape[:2])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
