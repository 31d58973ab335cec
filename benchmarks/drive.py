"""How long a frame takes to drive a body: processor time of one thread, least of three runs.

Run ``python benchmarks/drive.py [WEIGHTS]``; without WEIGHTS the prior that comes along.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from facekit.files.assets import read_asset_weights
from facekit.files.weights import read_weights
from facekit.motion.headset import Seen
from facekit.priors.pose_files import from_arrays
from facekit.priors.pose_fit import Observed, begin, fit, follow, observe
from facekit.priors.pose_prior import PosePrior
from facekit.priors.pose_space import tokens

FRAMES = 30


def main() -> None:
    torch.set_num_threads(1)
    stored = read_weights(sys.argv[1]) if len(sys.argv) > 1 else read_asset_weights("pose.safetensors")
    prior = from_arrays(*stored)
    observed = observe(standing(prior))
    print(f"{prior.kind}, {sum(value.numel() for value in prior.parameters()) / 1e6:.2f} million weights")
    show("generated, one at a time", lambda: [generate_one(prior, observed, k) for k in range(FRAMES)])
    show("generated, 30 at once", lambda: prior.decode(begin(prior, observed), observed.c))
    for count in (5, 10, 50):
        show(f"followed, {count} iterations", lambda count=count: list(follow(prior, observed, count)))
    show("fitted 30 at once, 50 iterations", lambda: fit(prior, observed, begin(prior, observed), 50))


def generate_one(prior: PosePrior, observed: Observed, frame: int) -> torch.Tensor:
    now = observed[slice(frame, frame + 1)]
    return prior.decode(begin(prior, now), now.c)


def standing(prior: PosePrior) -> Seen:
    """Hands that move before a standing body, within reach."""
    body = prior.space.body(torch.zeros(FRAMES, prior.space.size), torch.full((FRAMES,), 1.35))
    signal = tokens(body)[:, list(prior.space.skeleton.devices)].numpy()
    signal[:, 1:, 6:9] += 0.08 * np.sin(np.arange(FRAMES) / 5)[:, None, None] * np.array([1.0, 0.5, -0.7])
    seen = np.concatenate([signal, np.ones_like(signal[..., :1])], -1).astype(np.float32)
    return Seen(seen, np.tile(np.eye(3), (FRAMES, 1, 1)), np.zeros((FRAMES, 3)), 1.0)


def show(name: str, work: Callable[[], object]) -> None:
    spent = []
    for _ in range(3):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    print(f"{name}: {1e3 * min(spent) / FRAMES:.2f} ms a frame")


if __name__ == "__main__":
    main()
