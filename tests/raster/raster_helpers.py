"""Meshes, poses and comparers for the tests of rasterisers; test_helpers.py shows that they can fail."""

from __future__ import annotations

import numpy as np
import torch
import trimesh

from facekit.geometry.camera import orbit, project
from facekit.raster.fragments import Fragments

TOLERANCE = {  # bary absolute, depth and gradient relative; by dtype of the screen positions
    torch.float32: {"bary": 1e-6, "depth": 2e-7, "gradient": 1e-6},
    torch.float64: {"bary": 1e-12, "depth": 1e-13, "gradient": 1e-12},
}
# adds 1e-8 to areas in its own units and computes in float32; most seen: 9.5e-5, 1.2e-6, 1e-5
TOLERANCE_PYTORCH3D = {"bary": 1e-3, "depth": 1e-5, "gradient": 1e-4}
BAND = 1e-3  # at most this part of the pixels may show another face, all of them on an edge or a depth tie


def head(subdivisions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """A closed head-sized ellipsoid with a bump for a nose, (V, 3) m float64, (F, 3) int32."""
    ball = trimesh.creation.icosphere(subdivisions=subdivisions)
    v = np.asarray(ball.vertices, np.float64)
    bump = 0.35 * np.exp(-((v[:, :2] - [0.03, -0.1]) ** 2).sum(1) / 0.05) * (v[:, 2] > 0)
    v = v * np.array([0.075, 0.11, 0.095])
    v[:, 2] += bump * 0.1
    return v, np.asarray(ball.faces, np.int32)


def screens(
    vertices: np.ndarray, angles: list[tuple[float, float]], size: tuple[int, int], dtype: torch.dtype
) -> torch.Tensor:
    """(B, V, 3) positions of the mesh in pictures of ``size`` (H, W) seen from ``angles`` (yaw, pitch)."""
    cameras = [orbit(yaw, pitch, 0.8, (size[1], size[0])) for yaw, pitch in angles]
    points = [project(c.K, c.R, c.t, vertices) for c in cameras]
    return torch.tensor(np.stack(points), dtype=dtype)


def tolerance(backend: str, dtype: torch.dtype) -> dict[str, float]:
    """The tolerances of a back end."""
    return TOLERANCE_PYTORCH3D if backend == "pytorch3d" else TOLERANCE[dtype]


def assert_same_fragments(
    found: Fragments, truth: Fragments, limits: dict[str, float], band: float = BAND
) -> None:
    """Same faces but for a band of at most ``band`` of the pixels, where the depths must agree.

    Of those a tenth at most may differ in coverage: a picture shifted by part of a pixel fails.
    """
    differ = found.pix_to_face != truth.pix_to_face
    assert differ.double().mean() <= band, f"{int(differ.sum())} pixels show another face"
    flips = found.mask != truth.mask
    assert flips.double().mean() <= band / 10, f"{int(flips.sum())} pixels differ in coverage"
    tie = differ & ~flips
    torch.testing.assert_close(found.depth[tie], truth.depth[tie], rtol=1e-3, atol=0)
    same = ~differ
    torch.testing.assert_close(found.bary[same], truth.bary[same], rtol=0, atol=limits["bary"])
    torch.testing.assert_close(found.depth[same], truth.depth[same], rtol=limits["depth"], atol=0)


def assert_same_gradient(found: torch.Tensor, truth: torch.Tensor, limit: float) -> None:
    """Relative difference, in the Euclidean norm, of at most ``limit``; the truth must not be zero."""
    norm = truth.double().norm()
    assert norm > 0
    error = float((found.double() - truth.double()).norm() / norm)
    assert error <= limit, f"the gradient differs by {error:.2e}"


def same_bytes(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors hold the same bits."""
    return a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
