"""How far albedo inpainters are off on examples that they have not learned from:
``python benchmarks/inpainter.py EXAMPLES [WEIGHTS ...]``.

EXAMPLES is the folder ``examples`` in the work folder of ``facekit train-prior inpainter``; every tenth photo
in it is looked at, those that the training keeps apart. Printed are, for the albedo model alone, for the
inpainter that comes with facekit and for each of WEIGHTS, the RMS difference in sRGB (0 to 255) of hidden
texels of the face under the photo's light, and their perceptual distance (``metrics.perceptual``).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
from pathlib import Path

import numpy as np
import torch

from facekit.cli.inpainter_examples import APART, read_example
from facekit.files.assets import read_asset_weights
from facekit.files.models import load_model
from facekit.files.weights import read_weights
from facekit.metrics.perceptual import perceptual_distance
from facekit.records import ByteArray, FloatArray
from facekit.stages.complete import NETWORK
from facekit.stages.train_inpainter import KEPT, face_map, score
from facekit.texture.examples import SHADES, Example
from facekit.texture.inpainter import Inpainter, complete_log
from facekit.texture.inpainter_training import relit, unpacked
from facekit.texture.sym_unet import SymUNet


def kept_examples(folder: Path) -> list[Example]:
    """Those that the training has not learned from."""
    photos = ((int(path.stem) % APART // 10, path) for path in sorted(folder.glob("*.safetensors")))
    found = (read_example(path) for index, path in photos if index % KEPT == KEPT - 1)
    return [example for example in found if example is not None]


def looks(network: SymUNet | None, kept: list[Example], face: FloatArray) -> float:
    """Mean perceptual distance of relit textures (T, T, 3); without a network those of the albedo model."""
    where, found = torch.from_numpy(face)[None, None], []
    for one in kept:
        batch = {name: torch.from_numpy(value)[None] for name, value in one.arrays().items()}
        maps, truth, wanted = unpacked(batch)
        shade = batch["shade"].float().div(SHADES).permute(0, 3, 1, 2)
        with torch.no_grad():
            done = maps.linear if network is None else complete_log(network, maps, where)[0]
        pictures = [_bytes(relit(log, shade)) for log in (wanted * done + (1 - wanted) * truth, truth)]
        counts = (wanted * where)[0, 0].numpy() > 0.5
        if counts.any():
            side = len(counts)
            found.append(perceptual_distance(pictures[0], pictures[1], counts, (0, 0, side, side)))
    return float(np.mean(found))


def _bytes(picture: torch.Tensor) -> ByteArray:
    """(T, T, 3) uint8 of (1, 3, T, T), 0 to 1."""
    return np.rint(255 * picture[0].permute(1, 2, 0).numpy()).astype(np.uint8)


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("examples", type=Path)
    parser.add_argument("weights", type=Path, nargs="*")
    asked = parser.parse_args()
    face = np.asarray(face_map(load_model("default")), np.float32)
    kept = kept_examples(asked.examples)
    given = {"shipped": read_asset_weights(NETWORK)}
    given |= {path.name: read_weights(path) for path in asked.weights}
    for i, (name, stored) in enumerate(given.items()):
        network = Inpainter.from_arrays(*stored).network
        told = score(network, kept, face)
        if i == 0:
            print(f"{len(kept)} examples")
            print(f"{'albedo model':24}  RMS {told.linear:5.2f}  distance {looks(None, kept, face):.4f}")
        print(f"{name:24}  RMS {told.network:5.2f}  distance {looks(network, kept, face):.4f}", flush=True)


if __name__ == "__main__":
    main()
