"""Mesh convolution, fast against plain: ``python benchmarks/meshconv.py [--preset paper] [--batch 8]
[--repeats 3]``.

The encoder's training step (gradients of all weights), the decoder's, and the decoder's gradient by the
latent alone, which is the inner step of diversification; on the default face, one thread. Times are CPU time,
the least of the repeats; memory is what one forward and backward pass adds at its peak (read from Linux's
/proc).
"plain" is ``meshconv.reference``: padded neighbours, summed for each kernel, mixed, summed. The pooled sizes
stand beside those of the paper's Table 5.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from facekit.completion.mesh_vae import PRESETS, MeshVAE
from facekit.completion.meshconv import reference
from facekit.completion.meshconv.layers import MeshBlock
from facekit.files.models import load_model

CASES = ("encoder training step", "decoder training step", "decoder to the latent")
PAPER_SIZES = (5023, 1367, 1367, 270, 270, 45, 45, 10)


def build(preset: str) -> MeshVAE:
    model = load_model("default")
    generator = torch.Generator().manual_seed(0)
    return MeshVAE(model.mean, model.topology.faces, 0.004, PRESETS[preset], generator)


def step(network: MeshVAE, case: str, kind: str, batch: int) -> Callable[[], None]:
    """One forward and backward pass."""
    encodes, all_weights = case.startswith("encoder"), case.endswith("training step")
    blocks = [*network.encoder, network.mean_head] if encodes else list(network.decoder)
    assert all(isinstance(block, MeshBlock) for block in blocks)
    first = blocks[0]
    x = torch.randn(first.connections.inputs, batch, first.basis.shape[1])
    x = x if kind == "fast" else x.transpose(0, 1).contiguous()
    x.requires_grad_(not all_weights)
    wanted = [value for block in blocks for value in block.parameters()] if all_weights else [x]
    for value in network.parameters():
        value.requires_grad_(all_weights)

    def run() -> None:
        y = x
        for block in blocks:
            if kind == "fast":
                y = block(y)
            else:
                weights = dict(block.named_parameters())
                y = reference.residual_block(y, block.connections, weights, block.activated)
        torch.autograd.grad(y.square().mean(), wanted)

    return run


def resident() -> dict[str, float]:
    """Memory of this process now and at its peak, MB."""
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in lines if words[0].startswith("Vm")}


def measure(preset: str, case: str, kind: str, batch: int, repeats: int) -> dict[str, float]:
    """CPU time, ms, and memory, MB, of one case in this process."""
    torch.set_num_threads(1)
    step(build("tiny"), case, kind, 1)()  # loads libraries
    run = step(build(preset), case, kind, batch)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = resident()["VmRSS"]
    run()
    memory = resident()["VmHWM"] - before
    times = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        times.append(1e3 * (time.process_time() - started))
    return {"ms": min(times), "MB": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="paper", choices=PRESETS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("CASE", "KIND"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.preset, *arguments.one, arguments.batch, arguments.repeats)))
        return
    network = build(arguments.preset)
    count = sum(value.numel() for value in network.parameters())
    print(f"preset {arguments.preset}, batch {arguments.batch}, {count / 1e6:.1f} M weights")
    print("pooled to ", *(f"{size:5d}" for size in network.sizes))
    print("the paper's", *(f"{size:5d}" for size in PAPER_SIZES))
    print("largest neighbourhoods", *(int(level.degree.max()) for level in network.levels))
    print(f"load on the machine {os.getloadavg()[0]:.1f}")
    print(f"{'':22} {'fast ms':>8} {'plain ms':>8} {'ratio':>5} {'fast MB':>8} {'plain MB':>8} {'ratio':>5}")
    for case in CASES:
        row = []
        for kind in ("fast", "plain"):
            command = [sys.executable, *sys.argv, "--one", case, kind]
            row.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
        fast, plain = row
        times = f"{fast['ms']:8.0f} {plain['ms']:8.0f} {plain['ms'] / fast['ms']:5.1f}"
        print(f"{case:22} {times} {fast['MB']:8.0f} {plain['MB']:8.0f} {plain['MB'] / fast['MB']:5.1f}")


if __name__ == "__main__":
    main()
