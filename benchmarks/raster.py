"""How fast and how exact the rasterisers are: ``python benchmarks/raster.py [--quick] [--size 224 512]``.

A head of about 10,000 faces in changing poses (a repeated picture would flatter branch prediction), a
quarter of the picture covered. Medians in milliseconds, forward and forward with backward (a random loss of
the barycentrics). pytorch3d's CPU path, where it is installed, and the reference are run a few times only.
The gradient error is that of float32 against float64 autograd at the same visibility, relative, for the
squared difference of a smoothly coloured picture from a smooth target.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the facekit command does; for all that is timed here

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
import trimesh

from facekit.geometry.camera import orbit, project
from facekit.geometry.threads import thread_count
from facekit.raster.fragments import Fragments, rasterize
from facekit.raster.interpolate import interpolate
from facekit.raster.reference import barycentrics

POSES = 64
RUNS = {"cpu": 200, "reference": 1, "pytorch3d": 3}
CLOCK = time.perf_counter
PIXELS = {"cpu": np.inf, "reference": 224**2, "pytorch3d": 8 * 224**2}  # in a batch; more would take minutes


def head_mesh() -> tuple[np.ndarray, np.ndarray, str]:
    """The default face model's mean where it is installed, else an ellipsoid of the same size."""
    try:
        from facekit.files.models import load_model

        model = load_model("default")
        return model.mean - model.mean.mean(axis=0), model.topology.faces, "default face model"
    except Exception as error:  # the model is being built, or was left out of this installation
        print(f"(no default model: {error})")
    ball = trimesh.creation.uv_sphere(radius=0.1, count=[51, 50])
    return ball.vertices * [0.75, 1.1, 0.95], ball.faces.astype(np.int32), "ellipsoid"


def poses(vertices: np.ndarray, size: int, batch: int) -> list[torch.Tensor]:
    """Screen positions (batch, V, 3) of ``POSES`` pictures, a quarter of them covered."""
    distance = 0.5 / np.tan(np.radians(10)) * np.ptp(vertices[:, 1]) * 1.35
    views = [
        orbit(0.9 * np.sin(k), 0.3 * np.cos(1.7 * k), distance, (size, size)) for k in range(POSES * batch)
    ]
    screens = [torch.from_numpy(project(c.K, c.R, c.t, vertices)).float() for c in views]
    return [torch.stack(screens[k : k + batch]) for k in range(0, len(screens), batch)]


def median_ms(function: Callable[[torch.Tensor], None], screens: list[torch.Tensor], runs: int) -> float:
    """Median time of ``runs`` calls, each on the next picture, after one call to warm up."""
    function(screens[-1])
    times = []
    for k in range(runs):
        start = CLOCK()
        function(screens[k % len(screens)])
        times.append(CLOCK() - start)
    return 1e3 * statistics.median(times)


def time_backend(
    backend: str, screens: list[torch.Tensor], faces: np.ndarray, size: int
) -> tuple[float, float]:
    """Median milliseconds forward, and forward with backward."""
    index = torch.from_numpy(faces)
    weight = torch.randn(len(screens[0]), size, size, 3, generator=torch.Generator().manual_seed(0))

    def forward(screen: torch.Tensor) -> None:
        rasterize(screen, index, (size, size), backend)

    def both(screen: torch.Tensor) -> None:
        leaf = screen.clone().requires_grad_()
        rasterize(leaf, index, (size, size), backend).bary.backward(weight)

    return median_ms(forward, screens, RUNS[backend]), median_ms(both, screens, RUNS[backend])


def gradient_error(backend: str, screens: Iterable[torch.Tensor], faces: np.ndarray, size: int) -> float:
    """Median relative error of d loss / d screen (x, y) against float64 at the fast one's visibility.

    The loss is 1/2 sum (picture - target)^2 of smooth vertex colours and a smooth target.
    """
    index = torch.from_numpy(faces).long()
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    target = torch.stack([torch.sin(x / 17 + k) * torch.cos(y / 13 - k) for k in range(3)], -1)
    errors = []
    for screen in screens:
        colours = torch.sin(screen.roll(1, 0).detach() * torch.tensor([0.11, 0.07, 25.0]))
        leaf = screen.clone().requires_grad_()
        fragments = rasterize(leaf, faces, (size, size), backend)
        (
            interpolate(fragments, faces, colours) - target * fragments.mask[..., None]
        ).square().sum().backward()
        truth = screen.double().requires_grad_()
        exact = Fragments(fragments.pix_to_face, *barycentrics(truth, index, fragments.pix_to_face))
        loss = interpolate(exact, faces, colours.double()) - target.double() * exact.mask[..., None]
        loss.square().sum().backward()
        g, t = leaf.grad[..., :2].double(), truth.grad[..., :2]
        errors.append(float((g - t).norm() / t.norm()))
    return statistics.median(errors)


def main() -> None:
    global CLOCK
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, nargs="*", default=[224, 512])
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--quick", action="store_true", help="ours alone")
    parser.add_argument(
        "--cpu-time", action="store_true", help="count the CPU's milliseconds, for busy machines"
    )
    options = parser.parse_args()
    if options.cpu_time:
        CLOCK = time.process_time
    vertices, faces, name = head_mesh()
    print(f"{name}: {len(vertices)} vertices, {len(faces)} faces; {thread_count()} threads")
    backends = ["cpu"]
    if not options.quick:
        backends += ["pytorch3d"] if importlib.util.find_spec("pytorch3d") else []
        backends += ["reference"]
    print("| size | batch | covered | back end | forward ms | forward+backward ms | ratio | ratio f+b |")
    print("|---|---|---|---|---|---|---|---|")
    for size in options.size:
        for batch in options.batch:
            screens = poses(vertices, size, batch)
            covered = float(rasterize(screens[0], faces, (size, size)).mask.float().mean())
            ours = (1.0, 1.0)
            for backend in backends:
                if batch * size**2 > PIXELS[backend]:
                    continue
                found = time_backend(backend, screens, faces, size)
                ours = found if backend == "cpu" else ours
                ratio = " | ".join(f"{a / b:.0f}" for a, b in zip(found, ours, strict=True))
                times = f"{found[0]:.2f} | {found[1]:.2f}"
                print(f"| {size} | {batch} | {covered:.0%} | {backend} | {times} | {ratio} |", flush=True)
    screens = poses(vertices, 224, 1)[:8]
    for backend in [b for b in backends if b != "reference"]:
        print(f"gradient error at 224, {backend}: {gradient_error(backend, screens, faces, 224):.1e}")


if __name__ == "__main__":
    main()
