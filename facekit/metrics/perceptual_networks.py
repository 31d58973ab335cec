"""Networks that look at pictures in place of the fixed filters: LPIPS where it is installed, and the face
segmenter that comes with facekit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.metrics.perceptual import Perceptual, by_features

if TYPE_CHECKING:
    from facekit.segmentation.network import Segmenter

TRUNK = "alexnet-owt-*.pth"  # what LPIPS stands on, as torchvision stores it


def by_lpips() -> Perceptual | None:
    """LPIPS (Zhang et al. 2018) on AlexNet, version 0.1; None where the package lpips is not installed or the
    weights of AlexNet are not on this machine: nothing is downloaded.
    """
    import torch

    if not any((Path(torch.hub.get_dir()) / "checkpoints").glob(TRUNK)):
        return None
    try:
        import lpips
    except ImportError:
        return None
    network = lpips.LPIPS(net="alex", spatial=True, verbose=False).eval()

    def apart(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        one, other = (
            torch.from_numpy(image.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
            for image in (picture, truth)
        )
        with torch.no_grad():
            return [network(one, other)[0, 0].numpy()]

    return Perceptual("LPIPS (AlexNet)", apart)


def by_segmenter(network: Segmenter) -> Perceptual:
    """The features on the segmenter's way down, all levels but the coarsest."""
    import torch

    def features(picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        small = cv2.resize(picture, (network.side, network.side), interpolation=cv2.INTER_AREA)
        x = torch.from_numpy(small.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        layers = []
        with torch.no_grad():
            for unit in list(network.down)[:-1]:
                x = unit(x)
                layers.append(np.ascontiguousarray(x[0].permute(1, 2, 0).numpy()))
        return layers

    return by_features("features of the face segmenter", features)
