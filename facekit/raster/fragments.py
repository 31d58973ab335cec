"""Fragments, the one thing that passes between a rasteriser and shading, and the functions that make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from facekit.geometry.arrays import layout
from facekit.geometry.threads import run_all, split, thread_count
from facekit.raster import cpu
from facekit.records import FloatArray, IntArray

if TYPE_CHECKING:
    import torch

ArrayT = TypeVar("ArrayT")

NEAR = 1e-3  # m; triangles with a vertex nearer than this are skipped
BACKENDS = {
    "cpu": "facekit.raster.interpolate:rasterize_cpu",
    "reference": "facekit.raster.reference:rasterize_reference",
    "pytorch3d": "facekit.raster.torch3d:rasterize_pytorch3d",
}


@dataclass(frozen=True)
class Fragments(Generic[ArrayT]):
    """What each pixel shows: torch tensors from ``rasterize``, NumPy arrays from ``rasterize_numpy``."""

    pix_to_face: ArrayT  # (B, H, W) int32, index into the faces; -1 = none
    bary: ArrayT  # (B, H, W, 3), perspective-correct barycentrics; 0 = none
    depth: ArrayT  # (B, H, W) m; inf = none

    @property
    def mask(self) -> ArrayT:
        """(B, H, W) bool, the pixels that show a face."""
        return self.pix_to_face >= 0  # type: ignore[operator, return-value]


def rasterize(
    screen: torch.Tensor,
    faces: torch.Tensor | IntArray,
    size: tuple[int, int],
    backend: str = "cpu",
    cull: int = 0,
    near: float = NEAR,
) -> Fragments[torch.Tensor]:
    """Rasterise B meshes of one topology.

    screen (B, V, 3) float32 or float64: px, py, depth m, as ``geometry.camera.project`` gives; faces (F,
    3); size (H, W). ``bary`` and ``depth`` are differentiable in ``screen`` at fixed visibility. ``cull``
    +1 drops faces that show their back (corners clockwise in the picture), -1 those that show their front.
    Pixel centres, edges, ties and the near plane (``near`` m): see cpu.py. ModelUnavailableError where the
    back end is not installed.
    """
    check_mesh(tuple(screen.shape), tuple(faces.shape), size, cull)
    if backend not in BACKENDS:
        raise ValueError(f"unknown rasteriser {backend!r}: choose one of {', '.join(BACKENDS)}")
    module, name = BACKENDS[backend].split(":")
    implementation: Callable[..., Fragments[torch.Tensor]] = getattr(import_module(module), name)
    return implementation(screen, faces, size, cull, near)


def rasterize_numpy(
    screen: FloatArray,
    faces: IntArray,
    size: tuple[int, int],
    *,
    cull: int = 0,
    near: float = NEAR,
    out: Fragments[FloatArray] | None = None,
) -> Fragments[FloatArray]:
    """``rasterize`` with NumPy arrays and without gradients; torch is not imported.

    ``out`` are Fragments of the same shapes and dtypes to be overwritten: in a loop over large pictures fresh
    memory costs more than the work.
    """
    check_mesh(screen.shape, faces.shape, size, cull)
    screen = as_float(screen)
    faces = layout(faces, np.int32)
    batch, shape = len(screen), (len(screen), *size)
    if out is None:
        floats = screen.dtype
        out = Fragments(np.zeros(shape, np.int32), np.zeros((*shape, 3), floats), np.zeros(shape, floats))
    found, bary, depth = out.pix_to_face, out.bary, out.depth
    if found.shape != shape or found.dtype != np.int32 or depth.dtype != screen.dtype:
        raise ValueError(f"out must be Fragments of shape {shape}, int32 and {screen.dtype}")

    def job(i: int, rows: tuple[int, int]) -> None:
        cpu.scan_band(screen[i], faces, near, cull, rows, found[i], depth[i])
        cpu.resolve_band(screen[i], faces, rows, found[i], bary[i], depth[i])

    bands = split(size[0], -(-thread_count() // batch))
    run_all([lambda i=i, r=rows: job(i, r) for i in range(batch) for rows in bands])  # type: ignore[misc]
    return out


def as_float(array: FloatArray) -> FloatArray:
    """The kernels' layout in float64 or else float32."""
    return layout(array, np.float64 if array.dtype == np.float64 else np.float32)


def check_mesh(screen: tuple[int, ...], faces: tuple[int, ...], size: tuple[int, int], cull: int) -> None:
    """ValueError where the shapes cannot be rasterised."""
    if len(screen) != 3 or screen[2] != 3 or screen[0] < 1:
        raise ValueError(f"screen positions must be (B, V, 3), not {screen}")
    if len(faces) != 2 or faces[1] != 3:
        raise ValueError(f"faces must be (F, 3), not {faces}")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be (height, width) of at least one pixel, not {size}")
    if cull not in (-1, 0, 1):
        raise ValueError(f"cull must be -1, 0 or 1, not {cull}")
