"""How fast and how exact the fit is: ``python benchmarks/fit.py [--bench FOLDER] [--runs 20]``.

* the landmark fit alone, warm, 478 points with bounds on the expressions, on a photo of ``skimage.data``;
* the whole ``fit_photo`` on the same photo, warm;
* with ``--bench`` (a folder of photos with ground truth, see its README) the scan-to-mesh error of each step
  of the fit, by that folder's evaluator, clean and under each occluder.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the facekit command does, and this:
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from facekit.errors import FacekitError
from facekit.files.images import read_mask, read_photo
from facekit.files.meshes import write_mesh
from facekit.files.models import load_model
from facekit.fitting.landmark_fit import fit_landmarks, focal_prior
from facekit.fitting.observe import observe
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray, Fit, Landmarks
from facekit.stages import fit as stage
from facekit.stages.detect import detect, redetect

CONDITIONS = ("photo", "glasses", "mask", "blob")


def median_ms(call: Callable[[], object], runs: int) -> float:
    """Median wall milliseconds, after three calls to warm up."""
    times = []
    for n in range(runs + 3):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
        if n == 2:
            times.clear()
    return statistics.median(times)


def speed(model: FaceModel, runs: int) -> None:
    """Print the two timings."""
    from skimage.data import astronaut

    photo = np.ascontiguousarray(astronaut())
    (landmarks,) = detect(photo)
    trained, size = stage.learned(model, landmarks), np.array(photo.shape[1::-1], np.float64)
    observations = observe(landmarks, model, trained)
    alone = median_ms(lambda: fit_landmarks(observations, focal_prior(size), size / 2), runs)
    whole = median_ms(lambda: stage.fit_photo(photo, landmarks, model), max(3, runs // 4))
    unrefined = median_ms(lambda: stage.fit_photo(photo, landmarks, model, refined=False), max(3, runs // 4))
    print(f"landmark fit, {len(observations.points)} points, warm: {alone:.1f} ms")
    print(f"fit_photo, warm: {whole:.0f} ms; without the photometric shape step {unrefined:.0f} ms")


def mean_face(photo: ByteArray, marks: Landmarks, model: FaceModel, hidden: BoolArray | None) -> Fit:
    """The mean face where the landmarks put it."""
    found = stage.fit_photo(photo, marks, model, hidden, photometric=False)
    embedding = model.topology.embeddings["ibug68"]
    return replace(found, vertices=model.mean, landmarks68=embedding.points(model.mean))


def naive(photo: ByteArray, marks: Landmarks, model: FaceModel, hidden: BoolArray | None) -> Fit:
    """Landmarks taken for model points."""
    imported = replace(marks, detector="imported")
    return stage.fit_photo(photo, imported, model, hidden, photometric=False)


def learned_noise(photo: ByteArray, marks: Landmarks, model: FaceModel, hidden: BoolArray | None) -> Fit:
    """With the detector's statistics."""
    return stage.fit_photo(photo, marks, model, hidden, photometric=False)


def with_experts(photo: ByteArray, marks: Landmarks, model: FaceModel, hidden: BoolArray | None) -> Fit:
    """Looking again behind the occluder, and with the patch experts."""
    return stage.fit_photo(photo, marks, model, hidden, look_again=redetect, refined=False)


def whole_fit(photo: ByteArray, marks: Landmarks, model: FaceModel, hidden: BoolArray | None) -> Fit:
    """As the command does it: the pixels of the skin refine the shape."""
    return stage.fit_photo(photo, marks, model, hidden, look_again=redetect)


STEPS = (mean_face, naive, learned_noise, with_experts, whole_fit)


def accuracy(model: FaceModel, bench: Path, conditions: list[str]) -> None:
    """Print the evaluator's means for each step."""
    sys.path.insert(0, str(bench.parent))
    import evaluate

    known = ("tri", "narrow_t", "narrow_v", "lmk68")
    ict = np.load(bench.parent / ".." / "data" / "ict" / "ict_face_model_light.npz")
    truth = {name: ict[name] for name in known}
    ids = [s["id"] for s in json.loads((bench / "samples.json").read_text())["samples"]]
    for condition in conditions:
        steps = {
            step: tempfile.mkdtemp() for step in (mean_face, naive, learned_noise, with_experts, whole_fit)
        }
        for name in ids:
            try:
                fit_one(model, bench, condition, name, steps)
            except FacekitError as error:
                print(f"{name} {condition}: {error}")
        for step, folder in steps.items():
            s = evaluate.eval_mesh(str(bench), truth, folder, condition, ids=ids)["summary"]
            errors = s["s2m_pooled_mm"]
            hidden = errors["occluded"]["mean"] if errors["occluded"] else float("nan")
            print(
                f"{condition:8s} {step.__name__:14s} n {s['n'] - len(s['missing'])} "
                f"mean {errors['all']['mean']:.3f} visible {errors['visible']['mean']:.3f} "
                f"hidden {hidden:.3f} "
                f"NME {s['nme']['inner51_visible']:.4f}",
                flush=True,
            )


def fit_one(
    model: FaceModel, bench: Path, condition: str, name: str, steps: dict[Callable[..., Fit], str]
) -> None:
    """Fit one photo in every way; write what the evaluator reads."""
    clean = condition == "photo"
    path = bench / ("photo" if clean else "occ") / (f"{name}.png" if clean else f"{name}_{condition}.png")
    photo = read_photo(path).pixels
    hidden = None if clean else read_mask(bench / "mask" / f"{name}_{condition}.png", photo.shape)
    (landmarks,) = detect(photo, hidden)
    for step, folder in steps.items():
        fit = step(photo, landmarks, model, hidden)
        write_mesh(Path(folder) / f"{name}.obj", fit.vertices, fit.faces)
        marks = {"landmarks_3d": fit.landmarks68.tolist(), "landmarks_2d": fit.landmarks68_2d.tolist()}
        (Path(folder) / f"{name}.json").write_text(json.dumps(marks))


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bench", type=Path, help="folder with samples.json, photo/, occ/, mask/, gt/")
    parser.add_argument("--cond", nargs="+", default=list(CONDITIONS), choices=CONDITIONS)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    model = load_model()
    speed(model, options.runs)
    if options.bench is not None:
        accuracy(model, options.bench.resolve(), options.cond)


if __name__ == "__main__":
    main()
