"""How fast and how diverse ``diversify`` is: ``python benchmarks/diversify.py [--faces 6] [-n 8]
[--preset paper] [--weights FILE] [--method NAME ...]``.

Faces drawn from the default model, seen from the front with the mouth, the eyes or one side hidden; the fit
is the model's posterior given 200 visible vertices with 1 mm of noise. ASD-V and ASD-O are the paper's self
distances on the visible and the hidden face, CSE the error of the closest sample on the hidden face, beside
the error of the fit alone; RMS, mm. Times are of one call, n faces, after one to warm up, processor time of
all threads; the first call for a model builds its local modes. Methods with vae need weights, those that come
with facekit or of a file; there is no photo, so that --preset paper runs without that term.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the facekit command does

import argparse
import statistics
import time
from dataclasses import dataclass

import numpy as np
import torch

from facekit.completion.algorithm2 import PAPER
from facekit.completion.approach import Approach
from facekit.completion.evidence import evidence, watched
from facekit.completion.mesh_vae import MeshVAE, from_arrays
from facekit.completion.names import METHODS
from facekit.completion.sampler import Choice
from facekit.files.mesh_vae import shipped_vae
from facekit.files.models import load_model
from facekit.files.weights import read_weights
from facekit.metrics import average_self_distance, closest_sample_error
from facekit.morphable.model import FaceModel
from facekit.records import Camera, Fit, Landmarks, Light
from facekit.stages.diversify import diversify

PARTS = ("mouth", "eyes", "side")
SIZE = np.array([512, 512], np.int32)


@dataclass(frozen=True)
class Case:
    """A fit and the true face behind it."""

    fit: Fit
    truth: np.ndarray  # (V, 3) m


def hidden_part(model: FaceModel, part: str) -> np.ndarray:
    """(V,) bool."""
    points = model.topology.embeddings["ibug68"].points(model.mean)
    x, y, _ = model.mean.T
    if part == "mouth":
        return y < points[29, 1]
    return (y > points[28, 1]) & (y < points[19, 1] + 0.004) if part == "eyes" else x > 0.005


def make(model: FaceModel, seed: int, part: str) -> Case:
    """A random face, a quarter of its expressions active, with a part hidden."""
    rng = np.random.default_rng(seed)
    code = rng.normal(size=model.size)
    expression = model.block("expression").slice
    code[expression] = np.abs(code[expression]) * (rng.random(model.block("expression").size) < 0.25)
    truth = model.instance(model.clip(code))
    front = model.mean[:, 2] > np.quantile(model.mean[:, 2], 0.35)
    visible = front & ~hidden_part(model, part) & model.topology.part("skin")
    seen = rng.choice(np.flatnonzero(visible), 200, replace=False)
    posterior = model.posterior(seen, truth[seen] + 1e-3 * rng.normal(size=(200, 3)), 1.5e-3)
    found = model.clip(posterior.mean)
    vertices = model.instance(found)
    none = np.zeros(68, np.float32)
    fit = Fit(
        model=model.name,
        model_sha256=model.digest,
        code=model.split(found),
        arkit=np.asarray(model.arkit(found), np.float32),
        arkit_names=np.array(model.expression_names),
        camera=Camera(np.diag([900.0, 900.0, 1.0]), np.diag([1.0, -1, -1]), np.array([0, 0, 1.0]), SIZE),
        light=Light(np.zeros((9, 3), np.float32)),
        vertices=vertices.astype(np.float32),
        faces=model.topology.faces,
        visible=visible,
        landmarks68=model.topology.embeddings["ibug68"].points(vertices).astype(np.float32),
        landmarks68_2d=np.zeros((68, 2), np.float32),
        landmarks=Landmarks(
            "ibug68",
            np.zeros((68, 2), np.float32),
            none,
            none + 1,
            none > 0,
            1.0,
            none[:4],
            np.eye(3),
            SIZE,
            "imported",
        ),
        covariance=posterior.covariance.astype(np.float32),
        photo_sha256="0" * 64,
        outcome="",
        stats="{}",
    )
    return Case(fit, truth)


def measure(
    model: FaceModel, cases: list[Case], method: str, n: int, settings: Choice | None, network: MeshVAE | None
) -> list[float]:
    """Means over the cases, mm: ASD-V, ASD-O, CSE, error of the fit; median time, ms."""
    rows, times = [], []
    for case in cases:
        started, seed = time.process_time(), torch.Generator().manual_seed(0)
        shapes = diversify(case.fit, model, n, seed, Approach(method, settings, network)).vertices
        times.append(1e3 * (time.process_time() - started))
        face, hidden = evidence(case.fit.visible, model) == 1, watched(case.fit.visible, model) > 0
        rows.append(
            [
                average_self_distance(shapes, face),
                average_self_distance(shapes, hidden),
                closest_sample_error(shapes, case.truth, hidden),
                closest_sample_error(case.fit.vertices[None], case.truth, hidden),
            ]
        )
    return [*(1e3 * np.mean(rows, axis=0)).tolist(), statistics.median(times)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=6)
    parser.add_argument("-n", type=int, default=8)
    parser.add_argument("--preset", choices=["default", "paper"], default="default")
    parser.add_argument("--weights")
    parser.add_argument("--method", action="append", choices=list(METHODS))
    arguments = parser.parse_args()
    model = load_model("default")
    network = shipped_vae(model)
    if arguments.weights:
        network = from_arrays(*read_weights(arguments.weights), model.topology.faces)
    settings = PAPER if arguments.preset == "paper" else None
    cases = {part: [make(model, seed, part) for seed in range(arguments.faces)] for part in PARTS}
    print(f"{'method':20} {'hidden':6} {'ASD-V':>6} {'ASD-O':>6} {'CSE':>6} {'fit':>6} {'ms':>6}")
    for method in arguments.method or METHODS:
        if METHODS[method].network and network is None:
            print(f"{method:20} no weights")
            continue
        rest = (method, arguments.n, settings, network)
        first = measure(model, cases["mouth"][:1], *rest)[-1]
        for part in PARTS:
            seen, unseen, closest, alone, ms = measure(model, cases[part], *rest)
            errors = f"{closest:6.2f} {alone:6.2f}"
            print(f"{method:20} {part:6} {seen:6.2f} {unseen:6.2f} {errors} {ms:6.0f}", flush=True)
        print(f"{method:20} first call {first:.0f} ms")


if __name__ == "__main__":
    main()
