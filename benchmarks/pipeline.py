"""How long the main job takes: ``python benchmarks/pipeline.py [PHOTO MASK] [--runs 3] [-n 8]``.

Three questions, on ``skimage.data.astronaut()`` (512², public domain) and a drawn mask, or a photo of yours:

* the command ``facekit complete PHOTO --occlusion MASK -n 8`` as a new process, cold, and its peak memory;
* each further photo of a folder: (time for five photos - time for one) / 4, again as whole processes;
* the linear path photo → landmarks → posterior → n diverse meshes inside one warm process, without pictures.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the facekit command does, and this:
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from facekit.files.images import read_mask, read_photo, write_image
from facekit.files.models import load_model
from facekit.stages.demo import demo_photo, draw_mask
from facekit.stages.detect import detect
from facekit.stages.diversify import diversify
from facekit.stages.fit import fit_photo

FURTHER = 4


def facekit(*arguments: str | Path) -> float:
    """Wall seconds of one facekit command as a new process."""
    line = "import sys; from facekit.cli.main import main; main()"
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", line, *map(str, arguments)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - start


def draw_example(folder: Path) -> tuple[Path, Path]:
    """Write the astronaut and a face mask; returns both paths."""
    pixels = demo_photo()
    (landmarks,) = detect(pixels, scheme="ibug68")
    photo, mask = folder / "astronaut.png", folder / "astronaut.mask.png"
    write_image(photo, pixels)
    write_image(mask, draw_mask("mouth", landmarks.points, (pixels.shape[0], pixels.shape[1])))
    return photo, mask


def whole_command(photo: Path, mask: Path, n: int, runs: int, work: Path) -> None:
    """Time the command for one photo and for one and ``FURTHER`` more."""
    options = ("-n", str(n), "--seed", "1", "--force")
    one = [facekit("complete", photo, "--occlusion", mask, "-o", work / "one", *options) for _ in range(runs)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    photos, masks = [photo], [mask]
    for k in range(FURTHER):
        photos.append(Path(shutil.copy(photo, work / f"copy{k}{photo.suffix}")))
        masks.append(Path(shutil.copy(mask, work / f"copy{k}.mask.png")))
    pairs = [argument for path in masks for argument in ("--occlusion", path)]
    many = [facekit("complete", *photos, *pairs, "-o", work / "many", *options) for _ in range(runs)]
    first, further = statistics.median(one), (statistics.median(many) - statistics.median(one)) / FURTHER
    print(f"complete -n {n}, new process      {first:7.2f} s  (median of {runs})")
    print(f"each further photo             {further:7.2f} s")
    print(f"peak memory                    {peak:7.2f} GB")


def linear_path(photo: Path, mask: Path, n: int, runs: int) -> None:
    """Time the stages without pixels in one warm process."""
    pixels = read_photo(photo).pixels
    hidden, model = read_mask(mask, pixels.shape[:2]), load_model("default")
    rows = []
    for run in range(runs + 1):
        start = time.perf_counter()
        (landmarks,) = detect(pixels, hidden)
        found = time.perf_counter()
        fit = fit_photo(pixels, landmarks, model, hidden, photometric=False)
        fitted = time.perf_counter()
        diversify(fit, model, n, torch.Generator().manual_seed(run))
        rows.append((found - start, fitted - found, time.perf_counter() - fitted))
    medians = [1e3 * statistics.median(column) for column in zip(*rows[1:], strict=True)]
    parts = "detect {:.0f} ms, fit {:.0f} ms, diversify {:.0f} ms".format(*medians)
    print(f"linear path, warm              {sum(medians) / 1e3:7.3f} s  ({parts})")


def main() -> None:
    """Print one line per question."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("mask", nargs="?", type=Path)
    parser.add_argument("-n", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work, photo, mask = Path(folder), options.photo, options.mask
        if photo is None:
            photo, mask = draw_example(work)
        whole_command(photo, mask, options.n, options.runs, work)
        linear_path(photo, mask, options.n, max(5, options.runs))


if __name__ == "__main__":
    main()
