"""Moving pictures: MP4 (H.264) and GIF."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.errors import UnreadableError, UsageError
from facekit.files.atomic import PathLike, atomic_paths, atomic_write
from facekit.files.reading import refuse_missing

SUFFIXES = (".mp4", ".gif")
Frame = NDArray[np.uint8]


def check_video_suffix(path: PathLike) -> None:
    """Raise UsageError unless moving pictures can be written under this suffix."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"cannot write moving pictures as {path}; use one of the suffixes {' '.join(SUFFIXES)}"
        )


@dataclass(frozen=True)
class Video:
    """A film, read one picture at a time."""

    fps: float
    count: int  # frames
    frames: Iterator[Frame]  # (H, W, 3) uint8 sRGB


def read_video(path: PathLike) -> Video:
    """Open a film in any format that ffmpeg knows. Raises UnreadableError, also while it is read."""
    import imageio_ffmpeg

    refuse_missing(path)
    try:
        count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    except (OSError, RuntimeError) as error:
        raise UnreadableError(f"{path} is no video that can be read, or is damaged") from error
    if not count:
        raise UnreadableError(f"{path} holds no pictures")
    fps = count / seconds if seconds else 30.0
    return Video(round(fps, 3), int(count), _pictures(imageio_ffmpeg.get_ffmpeg_exe(), path))


def _pictures(ffmpeg: str, path: PathLike) -> Iterator[Frame]:
    """The frames, upright; imageio_ffmpeg's own reader leaves pipes open."""
    told = ["-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    command = [ffmpeg, *told, "-f", "image2pipe", "-c:v", "ppm", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        pipe = process.stdout
        assert pipe is not None
        try:
            while pipe.readline().strip() == b"P6":
                width, height = map(int, pipe.readline().split())
                pipe.readline()  # 255
                data = pipe.read(width * height * 3)
                if len(data) < width * height * 3:
                    raise UnreadableError(f"{path} breaks off; it is damaged or incomplete")
                yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
        finally:
            process.kill()


def write_video(path: PathLike, frames: Iterable[Frame], fps: float, force: bool = False) -> None:
    """Write frames (H, W, 3) uint8 sRGB, all of one size; frames are taken one at a time.

    Raises UsageError for another suffix or an existing file, UnreadableError where it cannot be written.
    """
    check_video_suffix(path)
    if Path(path).suffix.lower() == ".gif":
        _write_gif(path, frames, fps, force)
    else:
        _write_mp4(path, frames, fps, force)


def _write_gif(path: PathLike, frames: Iterable[Frame], fps: float, force: bool) -> None:
    pictures = (Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE) for frame in frames)
    with atomic_write(path, force) as file:
        first = next(pictures, None)
        if first is None:
            raise ValueError("no frames")
        buffer = io.BytesIO()
        # GIF counts in hundredths of a second.
        first.save(
            buffer, "GIF", save_all=True, append_images=pictures, duration=round(100 / fps) * 10, loop=0
        )
        file.write(buffer.getvalue())


def _even(frames: Iterable[Frame]) -> Iterator[Frame]:
    """H.264 wants even sides: repeat the last row or column where one is missing."""
    for frame in frames:
        height, width = frame.shape[:2]
        padded = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        yield np.ascontiguousarray(padded)


def _write_mp4(path: PathLike, frames: Iterable[Frame], fps: float, force: bool) -> None:
    import imageio_ffmpeg

    frames = _even(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError("no frames")
    with atomic_paths([path], force) as (temporary,):
        height, width = first.shape[:2]
        writer = imageio_ffmpeg.write_frames(
            str(temporary),
            (width, height),
            fps=fps,
            macro_block_size=1,
            codec="libx264",
            quality=None,
            output_params=["-crf", "18", "-preset", "medium", "-threads", "1", "-bitexact"],
            ffmpeg_log_level="error",
        )
        try:
            writer.send(None)
            writer.send(first)
            for frame in frames:
                writer.send(frame)
        except OSError as error:
            raise UnreadableError(f"cannot write {path}: the video encoder stopped") from error
        finally:
            writer.close()
        if temporary.stat().st_size == 0:
            raise UnreadableError(f"cannot write {path}: the video encoder wrote nothing")
