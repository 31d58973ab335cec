"""Autograd around the kernels of normals.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from facekit.geometry.normals import normals_backward, normals_forward
from facekit.records import IntArray


def normals_torch(vertices: torch.Tensor, faces: torch.Tensor | IntArray) -> torch.Tensor:
    """Unit normals (..., V, 3), differentiable in ``vertices``."""
    array = faces.detach().cpu().numpy() if isinstance(faces, torch.Tensor) else faces
    normals: torch.Tensor = _VertexNormals.apply(vertices, np.ascontiguousarray(array, np.int32))
    return normals


class _VertexNormals(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vertices: torch.Tensor, faces: IntArray) -> torch.Tensor:
        array = vertices.detach().cpu().numpy()
        flat = np.ascontiguousarray(array).reshape(-1, *array.shape[-2:])
        normals, lengths = np.zeros_like(flat), np.zeros(flat.shape[:2])
        for k in range(len(flat)):
            normals_forward(flat[k], faces, normals[k], lengths[k])
        ctx.state = flat, faces, normals, lengths
        return torch.from_numpy(normals.reshape(array.shape)).to(vertices)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        flat, faces, normals, lengths = ctx.state
        pull = np.ascontiguousarray(grad.detach().cpu().numpy(), flat.dtype).reshape(flat.shape)
        out = np.zeros(flat.shape)
        for k in range(len(flat)):
            normals_backward(flat[k], faces, normals[k], lengths[k], pull[k], out[k])
        return torch.from_numpy(out.reshape(grad.shape)).to(grad), None
