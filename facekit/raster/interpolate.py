"""Autograd around the kernels of cpu.py: rasterising, and interpolating attributes over the picture.

Gradients are summed in float64, each band of rows into an array of its own, the bands then in order: no atomic additions,
so the same input gives the same bytes with any number of threads. Tensors on another device are brought to the CPU and back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from facekit.raster import cpu
from facekit.raster.fragments import Fragments, as_float, rasterize_numpy, split_rows
from facekit.raster.threads import run_all
from facekit.records import FloatArray, IntArray

SUMS = 4  # bands of gradient sums for a batch of one; fixed, so that rounding never depends on the machine


def rasterize_cpu(
    screen: torch.Tensor, faces: torch.Tensor | IntArray, size: tuple[int, int], cull: int, near: float
) -> Fragments[torch.Tensor]:
    """``rasterize`` by the numba kernels."""
    return Fragments(*_Rasterize.apply(screen, faces_array(faces), size, cull, near))


def interpolate(
    fragments: Fragments[torch.Tensor], faces: torch.Tensor | IntArray, attributes: torch.Tensor
) -> torch.Tensor:
    """Attributes over the picture, (B, H, W, C); 0 where there is no face.

    attributes: per vertex (B, V, C) or (V, C), or per corner of each face (F, 3, C) where the faces have as many rows and
    the batch does not. Differentiable in the attributes and, through the barycentrics, in the screen positions.
    """
    index = faces_array(faces)
    if per_corner(tuple(attributes.shape), len(index), len(fragments.pix_to_face)):
        index = np.arange(3 * len(index), dtype=np.int32).reshape(-1, 3)
        attributes = attributes.reshape(1, 3 * len(index), -1)
    elif attributes.ndim == 2:
        attributes = attributes[None]
    if attributes.ndim != 3 or len(attributes) not in (1, len(fragments.pix_to_face)):
        raise ValueError(f"attributes must be (B, V, C), (V, C) or (F, 3, C), not {tuple(attributes.shape)}")
    values: torch.Tensor = _Interpolate.apply(
        fragments.bary, attributes.to(fragments.bary.dtype), fragments.pix_to_face, index
    )
    return values


def per_corner(shape: tuple[int, ...], faces: int, batch: int) -> bool:
    """Whether attributes of this shape are (F, 3, C): the batch decides where F = B."""
    return len(shape) == 3 and shape[1] == 3 and shape[0] == faces and shape[0] != batch


def faces_array(faces: torch.Tensor | IntArray) -> IntArray:
    """(F, 3) int32 in the kernels' layout."""
    array = faces.detach().cpu().numpy() if isinstance(faces, torch.Tensor) else faces
    return np.ascontiguousarray(array, np.int32)


def _sum_bands(batch: int, height: int, shape: tuple[int, int], work: Callable[..., None]) -> FloatArray:
    """Run ``work(image, rows, total)`` for all bands; returns (B, *shape) float64 sums over the bands of an image."""
    bands = split_rows(height, -(-SUMS // batch))
    totals = np.zeros((batch, len(bands), *shape))
    run_all(
        [
            lambda i=i, r=rows, t=totals[i, j]: work(i, r, t)  # type: ignore[misc]
            for i in range(batch)
            for j, rows in enumerate(bands)
        ]
    )
    return totals[:, 0] if len(bands) == 1 else totals.sum(axis=1)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, screen: torch.Tensor, faces: IntArray, size: tuple[int, int], cull: int, near: float
    ) -> Any:
        array = as_float(screen.detach().cpu().numpy())
        fragments = rasterize_numpy(array, faces, size, cull=cull, near=near)
        ctx.state = array, faces, fragments.pix_to_face
        ctx.target = screen.dtype, screen.device
        ctx.set_materialize_grads(False)
        found = torch.from_numpy(fragments.pix_to_face).to(screen.device)
        ctx.mark_non_differentiable(found)
        return found, *(torch.from_numpy(x).to(screen) for x in (fragments.bary, fragments.depth))

    @staticmethod
    def backward(ctx: Any, _: Any, grad_bary: torch.Tensor | None, grad_depth: torch.Tensor | None) -> Any:
        screen, faces, found = ctx.state
        shape, dtype = found.shape, screen.dtype
        bary = np.zeros((*shape, 3), dtype) if grad_bary is None else _array(grad_bary, dtype)
        depth = np.zeros(shape, dtype) if grad_depth is None else _array(grad_depth, dtype)

        def work(i: int, rows: tuple[int, int], total: FloatArray) -> None:
            cpu.backward_band(screen[i], faces, rows, found[i], bary[i], depth[i], total)

        grad = _sum_bands(len(screen), shape[1], screen.shape[1:], work)
        kind, device = ctx.target
        return torch.from_numpy(grad).to(device, kind), None, None, None, None


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, bary: torch.Tensor, attributes: torch.Tensor, pix_to_face: torch.Tensor, faces: IntArray
    ) -> torch.Tensor:
        dtype = bary.detach().numpy().dtype if bary.device.type == "cpu" else np.dtype(str(bary.dtype)[6:])
        weights, values = _array(bary, dtype), _array(attributes, dtype)
        found = _array(pix_to_face, np.dtype(np.int32))
        out = np.zeros((*found.shape, values.shape[2]), dtype)
        last = len(values) - 1

        def job(i: int, rows: tuple[int, int]) -> None:
            cpu.interpolate_band(values[min(i, last)], faces, rows, found[i], weights[i], out[i])

        bands = split_rows(found.shape[1], -(-SUMS // len(found)))
        run_all([lambda i=i, r=rows: job(i, r) for i in range(len(found)) for rows in bands])  # type: ignore[misc]
        ctx.state = weights, values, found, faces
        return torch.from_numpy(out).to(bary)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        weights, values, found, faces = ctx.state
        grad_out = _array(grad, weights.dtype)
        grad_bary = np.zeros_like(weights)
        last = len(values) - 1

        def work(i: int, rows: tuple[int, int], total: FloatArray) -> None:
            cpu.interpolate_backward_band(
                values[min(i, last)], faces, rows, found[i], weights[i], grad_out[i], grad_bary[i], total
            )

        grad_attributes = _sum_bands(len(found), found.shape[1], values.shape[1:], work)
        if last == 0 and len(found) > 1:
            grad_attributes = grad_attributes.sum(axis=0, keepdims=True)
        return torch.from_numpy(grad_bary).to(grad), torch.from_numpy(grad_attributes).to(grad), None, None


def _array(tensor: torch.Tensor, dtype: np.dtype[Any]) -> Any:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype)
