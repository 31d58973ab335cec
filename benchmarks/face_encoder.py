"""What a face encoder adds to a fit: ``python benchmarks/face_encoder.py WEIGHTS FOLDER``.

FOLDER holds occluded synthetic photos as ``facekit synth photos --occluder any`` writes them. Each is fitted
as ever, with what the encoder expects of the code, and with all landmarks kept from the fit, so that the
encoder has to begin it. Printed are means over the photos: distances in mm from the true surface points after
a similarity alignment, where the face is seen and where the occluder hides it, and the error of the inner
landmarks in the picture over the distance of the eyes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facekit.cli.networks import first_look
from facekit.errors import FacekitError
from facekit.files.cases import find_cases, read_pictures
from facekit.files.models import load_model
from facekit.files.unpickle import read_npz
from facekit.fitting.skin_pixels import skin_weight
from facekit.geometry.camera import project_points
from facekit.morphable.formats.surface import similarity_transform
from facekit.morphable.model import FaceModel
from facekit.raster.visibility import visible_vertices
from facekit.records import BoolArray, Camera, FloatArray, Landmarks
from facekit.stages.detect import detect_masked, redetect
from facekit.stages.fit import FirstLook, fit_photo

Row = tuple[float, float, float]


def errors(
    model: FaceModel, truth: dict[str, FloatArray], hidden: BoolArray, vertices: FloatArray, camera: Camera
) -> Row:
    """mm where seen, mm where hidden (nan where nothing is), landmarks over the distance of the eyes."""
    true, face = np.asarray(truth["vertices"], np.float64), skin_weight(model) > 0.5
    size = np.array(hidden.shape[::-1], np.int32)
    taken = Camera(K=truth["K"], R=truth["R"], t=truth["t"], image_size=size)
    whole = visible_vertices(true, model.topology.faces, taken, None) & face
    seen = visible_vertices(true, model.topology.faces, taken, hidden) & face
    scale, turn, shift = similarity_transform(vertices[face], true[face])
    gap = 1e3 * np.linalg.norm(scale * vertices @ turn.T + shift - true, axis=1)
    marks = model.topology.embeddings["ibug68"]
    found = project_points(camera, marks.points(vertices))[:, :2]
    known = project_points(taken, marks.points(true))[:, :2]
    off = np.linalg.norm(found - known, axis=1)[17:].mean() / np.linalg.norm(known[36] - known[45])
    covered = gap[whole & ~seen]
    return float(gap[seen].mean()), float(covered.mean()) if len(covered) else np.nan, float(off)


def trials(look: FirstLook, marks: Landmarks) -> Iterator[tuple[str, Landmarks, FirstLook | None, bool]]:
    """Name, landmarks, encoder, and whether the pixels count."""
    none = replace(marks, hidden=np.ones(len(marks.points), bool))
    yield "landmarks", marks, None, True
    yield "landmarks and encoder", marks, look, True
    yield "encoder and pixels", none, look, True
    yield "encoder alone", none, look, False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    model, rows = load_model(), dict[str, list[Row]]()
    look = first_look(asked.weights, model)
    assert look is not None
    for case in find_cases([asked.folder]):
        photo, hidden = read_pictures(case)
        assert case.truth is not None
        truth = read_npz(case.truth)
        try:
            marks = detect_masked(photo, hidden)
        except FacekitError as error:
            print(f"{case.name}: {error}")
            continue
        for name, given, first, pixels in trials(look, marks):
            settings: dict[str, Any] = {"first_look": first, "photometric": pixels}
            fit = fit_photo(photo, given, model, hidden, look_again=redetect, **settings)
            row = errors(model, truth, hidden, fit.vertices.astype(np.float64), fit.camera)
            rows.setdefault(name, []).append(row)
        flat = errors(model, truth, hidden, model.mean, fit.camera)
        rows.setdefault("mean face", []).append((flat[0], flat[1], np.nan))
    print("| begun by | seen mm | hidden mm | landmarks |\n|---|---|---|---|")
    for name, values in rows.items():
        seen, covered = np.nanmean(np.array(values)[:, :2], axis=0)
        print(f"| {name} | {seen:.2f} | {covered:.2f} | {np.mean(np.array(values)[:, 2]):.4f} |")


if __name__ == "__main__":
    main()
