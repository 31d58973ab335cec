"""The flow of LiP-Flow in latent optimisation: plain nflows beside its frozen form; what the networks cost.

Run ``python benchmarks/flow.py [paper|small]``: processor time of one thread, least of some runs; then the
multiply-adds of all networks of the preset beside those that the paper gives (Sec. 12).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from facekit.avatar.models import Avatar, Shape
from facekit.avatar.sizes import PRESETS, AvatarSizes
from facekit.priors.flow import Flow, glow
from facekit.priors.frozen_flow import FrozenFlow

Way = Callable[[Tensor], Tensor]

BATCH, RUNS = 16, 12
SHAPE = Shape(vertices=7306, cameras=40, points=274, pictures=(480, 640))  # the paper's
PAPER = {"encoder Q": 2.54, "decoder D": 2.0, "HMC-encoder": 1.736, "KPT-encoder": 0.004, "flow": 0.011}


def main() -> None:
    torch.set_num_threads(1)
    preset = sys.argv[1] if len(sys.argv) > 1 else "paper"
    sizes = PRESETS[preset]
    generator = torch.Generator().manual_seed(0)
    flow = glow(sizes.latent, sizes.hidden, sizes.steps, sizes.flow, generator, blocks=sizes.blocks)
    h, z = (torch.randn(BATCH, count, generator=generator) for count in (sizes.hidden, sizes.latent))
    with torch.no_grad():
        flow.train().to_noise(z, h)
    times(flow.eval(), h, z)
    costs(sizes)


def times(flow: Flow, h: Tensor, z: Tensor) -> None:
    """nflows as it comes from a training, nflows whose weights ask for no gradients, and our frozen form."""
    weights = sum(value.numel() for value in flow.parameters()) / 1e6
    print(f"flow of {weights:.1f} million weights, {BATCH} latents of {z.shape[1]}: ms")
    frozen = FrozenFlow(flow, h)
    ways: dict[str, tuple[Way, Way]] = {
        "forward": (lambda x: flow.to_noise(x, h)[0], lambda x: frozen.to_noise(x)[0]),
        "inverse": (lambda x: flow.from_noise(x, h), frozen.from_noise),
    }
    for name, (theirs, ours) in ways.items():
        row = []
        for asks in (True, False):
            flow.requires_grad_(asks)
            row.append(least(partial(backward, theirs, z)))
        row.append(least(partial(backward, ours, z)))
        told = f"nflows {row[0]:.1f}, without gradients of weights {row[1]:.1f}, frozen {row[2]:.1f}"
        print(f"{name} and backward to z: {told}; {row[0] / row[2]:.1f} and {row[1] / row[2]:.1f} times")
        count = [counted(partial(summed, way, z, flow)) / len(z) for way in (theirs, ours)]
        told = f"{count[0]:.1f} and {count[1]:.1f} million multiply-adds a latent"
        print(f"{name} and backward to z: {told}; {count[0] / count[1]:.2f} times")
        row = [least(partial(plain, way, z)) for way in (theirs, ours)]
        print(f"{name} alone: nflows {row[0]:.1f}, frozen {row[1]:.1f}; {row[0] / row[1]:.1f} times")
    print(f"freezing: {least(lambda: FrozenFlow(flow, h)):.1f}, once for all steps of a fit")


def plain(way: Way, z: Tensor) -> None:
    with torch.no_grad():
        way(z)


def backward(way: Way, z: Tensor) -> None:
    start = z.clone().requires_grad_()
    torch.autograd.grad(way(start).square().sum(), start)


def summed(way: Way, z: Tensor, flow: Flow) -> None:
    """``backward`` in a way that can be counted."""
    flow.requires_grad_(False)
    way(z.clone().requires_grad_()).square().sum().backward()  # type: ignore[no-untyped-call]


def counted(work: Callable[[], object]) -> float:
    """Millions of multiply-adds of matrix products."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 2e6


def least(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return 1e3 * min(spent)


def costs(sizes: AvatarSizes) -> None:
    """Giga multiply-adds for one face, as fvcore counts them, and millions of weights."""
    generator = torch.Generator().manual_seed(0)
    hmc, kpt = (Avatar("lip-flow", signal, sizes, SHAPE, generator).eval() for signal in ("hmc", "kpt"))
    z, view = torch.randn(1, sizes.latent), torch.randn(1, 3)
    texture = torch.zeros(1, 3, sizes.texels, sizes.texels)
    pictures, points = torch.zeros(1, 3, *SHAPE.pictures), torch.zeros(1, SHAPE.points, 2)
    assert kpt.look is not None
    assert hmc.look is not None
    prior = hmc.prior(pictures, 1)
    runs: dict[str, tuple[Callable[[], object], torch.nn.Module | None]] = {
        "encoder Q": (lambda: hmc.posterior(torch.zeros(1, SHAPE.vertices, 3), texture), hmc.encoder),
        "decoder D": (lambda: hmc.decode(z, view), hmc.decoder),
        "HMC-encoder": (lambda: hmc.prior(pictures, 1), hmc.look),
        "KPT-encoder": (lambda: kpt.prior(points, 1), kpt.look),
        "flow": (lambda: hmc.to_prior(z, prior), hmc.flow),
    }
    print("giga multiply-adds of one face (ours, the paper's GFLOPs), millions of weights")
    for name, (run, module) in runs.items():
        assert module is not None
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            run()
        weights = sum(value.numel() for value in module.parameters()) / 1e6
        print(f"{name}: {counter.get_total_flops() / 2e9:.4f} ({PAPER[name]}), {weights:.2f}")


if __name__ == "__main__":
    main()
