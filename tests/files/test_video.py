"""Moving pictures have the frames that were given."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from facekit.errors import UnreadableError, UsageError
from facekit.files.video import read_video, write_video

FRAMES = [np.full((31, 41, 3), (20 * i, 100, 200 - 20 * i), np.uint8) for i in range(6)]


def test_gif(tmp_path: Path) -> None:
    write_video(tmp_path / "a.gif", iter(FRAMES), fps=20)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 6
        assert image.info["duration"] == 50
        for index, frame in enumerate(FRAMES):
            image.seek(index)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - frame).max() <= 2


def test_mp4_of_odd_size(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", iter(FRAMES), fps=25)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "a.mp4")]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "h264" in shown
    assert "yuv420p" in shown
    assert "42x32" in shown
    assert "25 fps" in shown
    raw = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
    ).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, 32, 42, 3)
    assert len(frames) == 6
    for got, frame in zip(frames, FRAMES, strict=True):
        assert np.abs(got[10, 10].astype(int) - frame[10, 10]).max() <= 6


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_same_frames_same_bytes_and_nothing_half(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, FRAMES, fps=25)
    write_video(tmp_path / f"b{name}", FRAMES, fps=25)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"b{name}").read_bytes()

    def failing() -> object:
        yield FRAMES[0]
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_video(tmp_path / f"c{name}", failing(), fps=25)
    with pytest.raises(ValueError, match="no frames"):
        write_video(tmp_path / f"c{name}", [], fps=25)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"b{name}"])


def test_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mp4 \.gif"):
        write_video(tmp_path / "a.avi", FRAMES, fps=25)


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_read_gives_the_frames_that_were_written(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, FRAMES, fps=25)
    video = read_video(tmp_path / name)
    assert video.fps == 25
    got = list(video.frames)
    assert len(got) == video.count == 6
    for one, frame in zip(got, FRAMES, strict=True):
        assert one.dtype == np.uint8
        assert np.abs(one[10, 10].astype(int) - frame[10, 10]).max() <= 6


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("not a film")
    with pytest.raises(UnreadableError, match="no video"):
        read_video(tmp_path / "a.mp4")
    with pytest.raises(UnreadableError, match="does not exist"):
        read_video(tmp_path / "b.mp4")
