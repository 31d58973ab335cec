"""Learn what completions of covered faces are usually wrong about: ``python benchmarks/expected.py OUT``.

Renders synthetic people behind sunglasses and face masks, fits each photo as a user would, compares the
texture of the completion with what the photo without the occluder shows, and writes the mean difference to
OUT (``expected.safetensors``). A quarter of the people is kept apart; the share of the squared error on
their hidden skin that is left after the correction is printed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from facekit.errors import FacekitError
from facekit.files.models import load_model
from facekit.files.weights import write_weights
from facekit.geometry.mesh import vertex_normals
from facekit.morphable.albedo import chart_digest
from facekit.morphable.model import FaceModel
from facekit.raster.shade import linear_to_srgb, srgb_to_linear
from facekit.records import FloatArray
from facekit.stages.detect import detect_masked, redetect
from facekit.stages.fit import fit_photo
from facekit.synthetic.face import sample_face
from facekit.synthetic.photo import PhotoOptions, render_photo
from facekit.texture.albedo import complete_albedo
from facekit.texture.expected import Expected, mean_difference
from facekit.texture.invent import invent
from facekit.texture.skin import Skin
from facekit.texture.unwrap import unwrap
from facekit.texture.window import face_window

FINE, KEPT = 256, 128  # texels a side, compared and kept
LARGEST = 0.5  # sRGB: a larger difference is another thing, not another colour
KINDS = {"upper": "glasses", "lower": "mask"}


@dataclass(frozen=True)
class Compared:
    """One photo: the difference (T, T, 3) over the skin's brightness, and where it counts (T, T)."""

    difference: FloatArray
    weight: FloatArray


def compare(model: FaceModel, kind: str, seed: int) -> Compared | None:
    """A synthetic photo, completed and compared; None where no face is found in it."""
    generator = torch.Generator().manual_seed(seed)
    face = sample_face(model, generator)
    made = render_photo(model, face, generator, PhotoOptions(size=400, occluder=kind))
    assert made.mask is not None
    assert made.occluded is not None
    try:
        marks = detect_masked(made.occluded, made.mask)
        fit = fit_photo(made.occluded, marks, model, made.mask, look_again=redetect)
    except FacekitError:
        return None
    skin = Skin.of(face_window(made.occluded, made.mask, fit), fit, model, FINE)
    vertices = np.asarray(fit.vertices, np.float64)
    shade = skin.shade(vertices)
    seen = skin.seen(vertices, shade)
    prior = invent(model.albedo, seen, skin.ground, generator, 1)[0]
    albedo = complete_albedo(seen, prior, skin.chart, skin.ground, skin.symmetric)
    scene = face_window(made.image, np.zeros_like(made.mask), fit).scene
    normals = vertex_normals(vertices, model.topology.faces)
    linear = srgb_to_linear(scene.picture).astype(np.float32)
    true = unwrap(linear, scene.hidden, scene.camera, vertices, normals, model.topology.faces, skin.chart)
    shown = linear_to_srgb(np.clip(albedo * skin.chart.image(shade), 0, 1))
    known = seen.trust > 0.5
    brightness = float(np.median(shown[known], axis=0).mean()) if known.any() else 0.5
    difference = skin.chart.image(linear_to_srgb(np.clip(true.colour, 0, 1))) - shown
    weight = ((skin.chart.image(true.trust) > 0.15) & (seen.trust < 0.05)).astype(np.float32)
    return _reduced(np.clip(difference, -LARGEST, LARGEST) / brightness, weight)


def _reduced(difference: FloatArray, weight: FloatArray) -> Compared:
    small = cv2.resize(weight, (KEPT, KEPT), interpolation=cv2.INTER_AREA)
    total = cv2.resize(difference * weight[..., None], (KEPT, KEPT), interpolation=cv2.INTER_AREA)
    return Compared(total / np.maximum(small, 1e-3)[..., None], (small > 0.3).astype(np.float32))


def learn(model: FaceModel, kind: str, photos: int, seed: int) -> FloatArray:
    """The mean difference of all photos; prints what is left of the error on people kept apart."""
    found = [one for i in range(photos) if (one := compare(model, kind, seed + i)) is not None]
    apart = found[::4]
    rest = [one for i, one in enumerate(found) if i % 4]
    mean = mean_difference([one.difference for one in rest], [one.weight for one in rest])
    before = sum(float((np.square(one.difference).sum(-1) * one.weight).sum()) for one in apart)
    after = sum(float((np.square(one.difference - mean).sum(-1) * one.weight).sum()) for one in apart)
    print(f"{kind}: {len(found)} photos, {after / max(before, 1e-9):.3f} of the squared error is left")
    return mean_difference([one.difference for one in found], [one.weight for one in found])


def main() -> None:
    """Learn both maps and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=int, default=67, help="of each kind")
    parser.add_argument("--seed", type=int, default=5_000_000)
    given = parser.parse_args()
    model = load_model("default")
    maps = {name: learn(model, kind, given.photos, given.seed) for name, kind in KINDS.items()}
    learned = Expected(maps["upper"], maps["lower"], chart_digest(model.topology))
    write_weights(given.out, *learned.arrays(), force=True)


if __name__ == "__main__":
    main()
