"""The pytorch3d back end, for machines that have it: its CUDA rasteriser, or comparisons with its CPU one."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from facekit.errors import ModelUnavailableError
from facekit.raster.cpu import MIN_AREA
from facekit.raster.fragments import Fragments
from facekit.raster.interpolate import faces_array
from facekit.records import IntArray


def rasterize_pytorch3d(
    screen: torch.Tensor, faces: torch.Tensor | IntArray, size: tuple[int, int], cull: int, near: float
) -> Fragments[torch.Tensor]:
    """``rasterize`` by pytorch3d's ``rasterize_meshes``, on the device of ``screen``.

    The same rules as cpu.py, except that a pixel on an edge belongs to no face, that the weights of small
    faces do not quite add up to 1, and that everything is float32.
    """
    rasterize_meshes = _module("pytorch3d.renderer.mesh.rasterize_meshes").rasterize_meshes
    index = torch.from_numpy(faces_array(faces)).to(screen.device).long()
    batch, count = len(screen), len(index)
    usable = _usable(screen.detach(), index, cull, near)
    drawn = torch.where(usable[..., None], index, torch.zeros_like(index))  # no area: not drawn
    meshes = _module("pytorch3d.structures").Meshes(verts=screen_to_ndc(screen.float(), size), faces=drawn)
    packed, depth, bary, _ = (
        x.squeeze(3)
        for x in rasterize_meshes(
            meshes, image_size=size, blur_radius=0.0, faces_per_pixel=1, perspective_correct=True
        )
    )
    shown = packed >= 0
    offset = torch.arange(batch, device=screen.device)[:, None, None] * count
    bary = torch.where(shown[..., None], bary, 0.0)
    depth = torch.where(shown, depth, torch.inf)
    return Fragments(
        torch.where(shown, packed - offset, -1).int(), bary.to(screen.dtype), depth.to(screen.dtype)
    )


def screen_to_ndc(screen: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Pixels and depth (..., 3) to pytorch3d's NDC: x left, y up, the shorter side spans -1 to 1."""
    height, width = size
    short = min(size)
    x, y, z = screen.unbind(-1)
    return torch.stack([(width - 2 * x) / short, (height - 2 * y) / short, z], -1)


def _usable(screen: torch.Tensor, faces: torch.Tensor, cull: int, near: float) -> torch.Tensor:
    """(B, F) bool: the faces that cpu.py would draw."""
    a, b, c = (screen[:, faces[:, k]].double().unbind(-1) for k in range(3))
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    ahead = (a[2] > near) & (b[2] > near) & (c[2] > near)
    return ahead & (area.abs() > MIN_AREA) & area.isfinite() & (area * cull <= 0)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelUnavailableError(
            "The pytorch3d rasteriser is not installed; use the built-in one (cpu), or install pytorch3d."
        ) from error
