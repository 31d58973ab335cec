"""The slow, obvious rasteriser, every pixel against every face in float64: the truth to test others by."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from facekit.raster.fragments import Fragments
from facekit.raster.interpolate import faces_array
from facekit.records import FloatArray, IntArray

MIN_AREA = 1e-9  # px^2, twice the area of the smallest triangle drawn


def rasterize_reference(
    screen: torch.Tensor, faces: torch.Tensor | IntArray, size: tuple[int, int], cull: int, near: float
) -> Fragments[torch.Tensor]:
    """``rasterize`` by brute force; gradients are those that autograd finds, at fixed visibility."""
    index = faces_array(faces)
    points = screen.detach().cpu().double().numpy()
    found = np.stack([nearest_faces(image, index, size, cull, near) for image in points])
    pix_to_face = torch.from_numpy(found).to(screen.device)
    bary, depth = barycentrics(screen.double(), torch.from_numpy(index).to(screen.device), pix_to_face)
    return Fragments(pix_to_face, bary.to(screen.dtype), depth.to(screen.dtype))


def nearest_faces(
    screen: FloatArray, faces: IntArray, size: tuple[int, int], cull: int, near: float
) -> IntArray:
    """(H, W) int32: the nearest face at each pixel centre, -1 where there is none."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    found = np.full(size, -1, np.int32)
    nearest = np.full(size, np.inf)
    for f, (a, b, c) in enumerate(screen[faces]):
        area = _edge(a, b, c[0], c[1])
        ahead = np.isfinite([a, b, c]).all() and min(a[2], b[2], c[2]) > near
        if not ahead or abs(area) <= MIN_AREA or area * cull > 0:
            continue
        b0, b1, b2 = _edge(b, c, x, y) / area, _edge(c, a, x, y) / area, _edge(a, b, x, y) / area
        inside = (b0 >= 0) & (b1 >= 0) & (b2 >= 0)
        inverse = b0 / a[2] + b1 / b[2] + b2 / c[2]
        depth = np.where(inside, 1 / np.where(inside, inverse, 1.0), np.inf)
        nearer = depth < nearest
        found[nearer], nearest[nearer] = f, depth[nearer]
    return found


def barycentrics(
    screen: torch.Tensor, faces: torch.Tensor, pix_to_face: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Perspective-correct barycentrics (B, H, W, 3) and depth (B, H, W) at the pixel centres, plain torch."""
    shown = pix_to_face >= 0
    image, row, column = shown.nonzero(as_tuple=True)
    corners = screen[image[:, None], faces[pix_to_face[shown].long()].long()]  # (P, 3 corners, 3)
    a, b, c = (corners[:, k].T for k in range(3))
    x, y = column.to(screen) + 0.5, row.to(screen) + 0.5
    edges = torch.stack([_edge(b, c, x, y), _edge(c, a, x, y), _edge(a, b, x, y)], -1)
    scaled = edges / edges.sum(-1, keepdim=True) / corners[..., 2]
    inverse = scaled.sum(-1)
    bary = screen.new_zeros(*shown.shape, 3).index_put((image, row, column), scaled / inverse[:, None])
    depth = screen.new_full(shown.shape, torch.inf).index_put((image, row, column), 1 / inverse)
    return bary, depth


def _edge(p: Any, q: Any, x: Any, y: Any) -> Any:
    """Twice the signed area of the triangle p, q, (x, y)."""
    return (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])
