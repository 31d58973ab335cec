"""Autograd around the kernels of normals.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from facekit.geometry.arrays import layout
from facekit.geometry.normals import normals_backward, normals_forward
from facekit.geometry.threads import run_all
from facekit.records import IntArray


def normals_torch(vertices: torch.Tensor, faces: torch.Tensor | IntArray) -> torch.Tensor:
    """Unit normals (..., V, 3), differentiable in ``vertices``."""
    array = faces.detach().cpu().numpy() if isinstance(faces, torch.Tensor) else faces
    normals: torch.Tensor = _VertexNormals.apply(vertices, layout(array, np.int32))
    return normals


class _VertexNormals(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vertices: torch.Tensor, faces: IntArray) -> torch.Tensor:
        array = vertices.detach().cpu().numpy()
        flat = layout(array, array.dtype).reshape(-1, *array.shape[-2:])
        n, lengths = np.zeros_like(flat), np.zeros(flat.shape[:2])
        run_all([lambda k=k: normals_forward(flat[k], faces, n[k], lengths[k]) for k in range(len(flat))])  # type: ignore[misc]
        ctx.state = flat, faces, n, lengths
        return torch.from_numpy(n.reshape(array.shape)).to(vertices)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        flat, faces, n, lengths = ctx.state
        pull = layout(grad.detach().cpu().numpy(), flat.dtype).reshape(flat.shape)
        out = np.zeros(flat.shape)

        def job(k: int) -> None:
            normals_backward(flat[k], faces, n[k], lengths[k], pull[k], out[k])

        run_all([lambda k=k: job(k) for k in range(len(flat))])  # type: ignore[misc]
        return torch.from_numpy(out.reshape(grad.shape)).to(grad), None
