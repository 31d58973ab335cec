"""The segmenter's training as a task of ``train.loop``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facekit.records import ByteArray
from facekit.segmentation.align import aligned
from facekit.segmentation.compose import cut, training_picture
from facekit.segmentation.examples import UNKNOWN, Example
from facekit.segmentation.losses import focal_loss
from facekit.segmentation.network import Segmenter
from facekit.synthetic.chance import numpy_generator
from facekit.train.loop import Batch

KEPT = 240  # px, side of the cutting that is kept of a photo
MARGIN = 1.25  # of the aligned square
GROWTH = ((0.0, 0.75), (0.8, 1.0))  # progress from which, and part of the side that, is shown


def kept(example: Example) -> Example:
    """The part of an example that training can see, KEPT px large."""
    placement = aligned(example.landmarks).moved((0.0, 0.0), MARGIN, 0.0)
    image, labels, landmarks = cut(example, placement, KEPT)
    return Example(image, labels, landmarks.astype(np.float32), example.bare)


def side_at(progress: float, side: int) -> int:
    """Side of the pictures, px: small ones first, which teach more in the same time. A multiple of 32."""
    part = max(share for start, share in GROWTH if progress >= start)
    return max(32, round(part * side / 32) * 32)


def as_input(crops: Sequence[ByteArray]) -> Tensor:
    """Crops (S, S, 3) uint8 sRGB as the network takes them: (B, 3, S, S) float32 in -1..1."""
    stacked = torch.from_numpy(np.stack(crops).astype(np.float32) / 127.5 - 1)
    return stacked.permute(0, 3, 1, 2).contiguous()


@dataclass
class SegmenterTask:
    """A network and the examples that it learns from; a photo may give several of these."""

    model: Segmenter
    faces: Sequence[Sequence[Example]]  # by photo
    size: int  # pictures in a batch
    growing: bool = True  # the pictures; else they are of full size from the start
    bfloat16: bool = False  # the network's products, where that is faster

    def batch(self, progress: float, generator: torch.Generator) -> Batch:
        """Pictures made anew."""
        rng, side = numpy_generator(generator), side_at(progress if self.growing else 1.0, self.model.side)
        images, labels = [], []
        for _ in range(self.size):
            forms = self.faces[int(rng.integers(len(self.faces)))]
            image, label = training_picture(forms[int(rng.integers(len(forms)))], side, rng)
            images.append(image)
            labels.append(label)
        return {"images": as_input(images), "labels": as_labels(labels)}

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """The focal loss, and the overlap of the occluder, which is only told."""
        with torch.autocast(batch["images"].device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.model(batch["images"])
        logits = logits.float()
        loss = focal_loss(logits, batch["labels"])
        return {"loss": loss, "occluder_iou": batch_iou(logits.detach(), batch["labels"])}


def as_labels(labels: Sequence[ByteArray]) -> Tensor:
    """(B, S, S) int64; -1 for what does not count."""
    stacked = np.stack(labels).astype(np.int64)
    stacked[stacked == UNKNOWN] = -1
    return torch.from_numpy(stacked)


def batch_iou(logits: Tensor, labels: Tensor, kind: int = 1) -> Tensor:
    """Intersection over union of a class over the whole batch; 1 where it is nowhere."""
    found, true = (logits.argmax(1) == kind) & (labels >= 0), labels == kind
    union = (found | true).sum()
    return torch.where(union > 0, (found & true).sum() / union.clamp_min(1), 1.0)
