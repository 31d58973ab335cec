"""Autograd around the kernels of cpu.py: rasterising, and interpolating attributes over the picture.

Gradients are summed in float64, each band of rows into an array of its own, the bands then in order: no
atomic additions, so that the same input gives the same bytes with any number of threads. Tensors on another
device are brought to the CPU and back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from facekit.geometry.arrays import layout
from facekit.geometry.threads import run_all, split
from facekit.raster import cpu
from facekit.raster.fragments import Fragments, rasterize_numpy
from facekit.records import FloatArray, IntArray

SUMS = 4  # bands of a batch of one; fixed, so that rounding never depends on the machine


def rasterize_cpu(
    screen: torch.Tensor, faces: torch.Tensor | IntArray, size: tuple[int, int], cull: int, near: float
) -> Fragments[torch.Tensor]:
    """``rasterize`` by the numba kernels."""
    return Fragments(*_Rasterize.apply(screen, faces_array(faces), size, cull, near))


def interpolate(
    fragments: Fragments[torch.Tensor], faces: torch.Tensor | IntArray, attributes: torch.Tensor
) -> torch.Tensor:
    """Attributes over the picture, (B, H, W, C); 0 where there is no face.

    attributes: per vertex (B, V, C) or (V, C), or per corner (F, 3, C), where F is the number of faces and
    not the size of the batch. Differentiable in the attributes and, through the barycentrics, in the screen
    positions. Computed in the dtype of the barycentrics.
    """
    index, batch = faces_array(faces), len(fragments.pix_to_face)
    if attributes.ndim == 3 and attributes.shape[:2] == (len(index), 3) and len(index) != batch:
        index = np.arange(3 * len(index), dtype=np.int32).reshape(-1, 3)
        attributes = attributes.flatten(0, 1)
    if attributes.ndim == 2:
        attributes = attributes[None]
    if attributes.ndim != 3 or len(attributes) not in (1, batch):
        raise ValueError(f"attributes must be (B, V, C), (V, C) or (F, 3, C), not {tuple(attributes.shape)}")
    if attributes.shape[1] <= index.max(initial=-1):
        raise ValueError(f"the faces need {index.max() + 1} attributes, there are {attributes.shape[1]}")
    values: torch.Tensor = _Interpolate.apply(fragments.bary, attributes, fragments.pix_to_face, index)
    return values


def faces_array(faces: torch.Tensor | IntArray) -> IntArray:
    """(F, 3) int32 in the kernels' layout."""
    array = faces.detach().cpu().numpy() if isinstance(faces, torch.Tensor) else faces
    return layout(array, np.int32)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, screen: torch.Tensor, faces: IntArray, size: tuple[int, int], *options: Any) -> Any:
        array, (cull, near) = _array(screen), options
        fragments = rasterize_numpy(array, faces, size, cull=cull, near=near)
        ctx.state = array, faces, fragments.pix_to_face
        ctx.target = screen.dtype, screen.device
        ctx.set_materialize_grads(False)
        found = torch.from_numpy(fragments.pix_to_face).to(screen.device)
        ctx.mark_non_differentiable(found)
        return (
            found,
            torch.from_numpy(fragments.bary).to(screen),
            torch.from_numpy(fragments.depth).to(screen),
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Any, grad_bary: torch.Tensor | None, grad_depth: torch.Tensor | None) -> Any:
        screen, faces, found = ctx.state
        shape, kind = found.shape, screen.dtype
        bary = np.zeros((*shape, 3), kind) if grad_bary is None else _array(grad_bary, kind)
        depth = np.zeros(shape, kind) if grad_depth is None else _array(grad_depth, kind)

        def work(i: int, rows: tuple[int, int], total: FloatArray) -> None:
            cpu.backward_band(screen[i], faces, rows, found[i], bary[i], depth[i], total)

        grad = _sum_bands(len(screen), shape[1], screen.shape[1:], work)
        dtype, device = ctx.target
        return torch.from_numpy(grad).to(device, dtype), None, None, None, None


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, bary: torch.Tensor, attributes: torch.Tensor, pix_to_face: torch.Tensor, faces: IntArray
    ) -> torch.Tensor:
        weights = _array(bary)
        values, found = _array(attributes, weights.dtype), _array(pix_to_face, np.dtype(np.int32))
        batch, last = len(found), len(values) - 1
        out = np.zeros((*found.shape, values.shape[2]), weights.dtype)

        def job(i: int, rows: tuple[int, int]) -> None:
            cpu.interpolate_band(values[min(i, last)], faces, rows, found[i], weights[i], out[i])

        bands = split(found.shape[1], -(-SUMS // batch))
        run_all([lambda i=i, r=rows: job(i, r) for i in range(batch) for rows in bands])  # type: ignore[misc]
        ctx.state = weights, values, found, faces
        ctx.kind = attributes.dtype
        return torch.from_numpy(out).to(bary)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        weights, values, found, faces = ctx.state
        batch, last = len(found), len(values) - 1
        grad_out, grad_bary = _array(grad, weights.dtype), np.zeros_like(weights)

        def work(i: int, rows: tuple[int, int], total: FloatArray) -> None:
            share = values[min(i, last)], faces, rows, found[i], weights[i], grad_out[i], grad_bary[i]
            cpu.interpolate_backward_band(*share, total)

        totals = _sum_bands(batch, found.shape[1], values.shape[1:], work)
        if len(totals) > len(values):
            totals = totals.sum(axis=0, keepdims=True)
        grad_attributes = torch.from_numpy(totals).to(grad.device, ctx.kind)
        return torch.from_numpy(grad_bary).to(grad), grad_attributes, None, None


def _sum_bands(batch: int, height: int, shape: tuple[int, int], work: Callable[..., None]) -> FloatArray:
    """Run ``work(image, rows, total)`` for all bands; (B, *shape) float64, summed over the bands."""
    bands = split(height, -(-SUMS // batch))
    totals = np.zeros((len(bands), batch, *shape))
    run_all(
        [
            lambda i=i, r=rows, t=totals[j, i]: work(i, r, t)  # type: ignore[misc]
            for i in range(batch)
            for j, rows in enumerate(bands)
        ]
    )
    return totals[0] if len(bands) == 1 else totals.sum(axis=0)


def _array(tensor: torch.Tensor, kind: np.dtype[Any] | None = None) -> Any:
    """The kernels' layout of a tensor: C order, ``kind`` or else float64 or float32."""
    tensor = tensor.detach().cpu()
    if kind is None and tensor.dtype != torch.float64:
        tensor = tensor.float()
    return layout(tensor.numpy(), kind)
