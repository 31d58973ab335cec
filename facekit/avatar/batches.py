"""Batches of a capture as tensors: views, meshes, mean textures and the driving signal of the same frames."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from facekit.avatar.capture import Capture, hmc_batch, view_batch
from facekit.avatar.models import Shape
from facekit.records import IntArray

Batch = dict[str, Tensor]


def shape_of(capture: Capture) -> Shape:
    """Vertices, cameras, keypoints and pictures of a capture."""
    views, points, hmc = capture.views, capture.keypoints, capture.hmc
    return Shape(
        vertices=capture.meshes.shape[1],
        cameras=0 if views is None else len(views.names),
        points=0 if points is None else points.points.shape[1],
        pictures=(0, 0) if hmc is None else hmc.size,
    )


def faces_batch(capture: Capture, frames: IntArray, texels: int) -> Batch:
    """vertices (B, V, 3) m and textures (B, 3, texels, texels), 0..1."""
    textures = torch.from_numpy(np.array(capture.textures[frames])).permute(0, 3, 1, 2).float() / 255
    if textures.shape[-1] != texels:
        textures = interpolate(textures, size=(texels, texels), mode="area")
    return {"vertices": torch.from_numpy(np.array(capture.meshes[frames])), "textures": textures}


def views_batch(capture: Capture, frames: IntArray, cameras: IntArray) -> Batch:
    """images (B, H, W, 3), masks (B, H, W), K, R, t, towards and camera (B,) of views."""
    views = view_batch(capture, frames, cameras)
    parts = {"images": views.images, "masks": views.masks, "K": views.K, "R": views.R, "t": views.t}
    parts |= {"towards": views.towards, "camera": np.asarray(cameras, np.int64)}
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in parts.items()}


def signal_batch(capture: Capture, frames: IntArray, signal: str) -> Tensor:
    """What drives: pictures (B, S, h, w) without background for "hmc", keypoints (B, L, 2) for "kpt"."""
    if signal == "hmc":
        return torch.from_numpy(hmc_batch(capture, frames).images)
    assert capture.keypoints is not None
    return torch.from_numpy(np.array(capture.keypoints.points[frames]))
