"""Pictures of decoded meshes and textures, differentiable in both."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facekit.raster.fragments import rasterize
from facekit.raster.interpolate import interpolate
from facekit.raster.texture import sample_texture
from facekit.records import FloatArray, IntArray

GREY = (0.299, 0.587, 0.114)  # Rec. 601, of a headset's pictures


@dataclass(frozen=True)
class Cameras:
    """B pinhole cameras: px = K (R X + t), X in the head frame."""

    K: Tensor  # (B, 3, 3) px
    R: Tensor  # (B, 3, 3)
    t: Tensor  # (B, 3) m

    def __getitem__(self, which: Tensor | slice) -> Cameras:
        return Cameras(self.K[which], self.R[which], self.t[which])

    def project(self, points: Tensor) -> Tensor:
        """px, py, depth m (B, P, 3) of points (B, P, 3)."""
        seen = points @ self.R.transpose(1, 2) + self.t[:, None]
        depth = seen[..., 2:]
        plane = (seen / depth) @ self.K.transpose(1, 2)
        return torch.cat([plane[..., :2], depth], -1)

    def towards(self) -> Tensor:
        """Unit vectors (B, 3) from the origin of the head frame to the cameras: view vectors."""
        centre = -(self.R.transpose(1, 2) @ self.t[..., None])[..., 0]
        return centre / centre.norm(dim=-1, keepdim=True)


class Renderer:
    """Draws one topology."""

    def __init__(self, faces: IntArray, uv: FloatArray, uv_faces: IntArray) -> None:
        """faces (F, 3), uv (U, 2) with its origin at the bottom left, uv_faces (F, 3)."""
        self.faces = faces
        self.corners = torch.as_tensor(uv[uv_faces], dtype=torch.float32)  # (F, 3, 2)

    def __call__(
        self, vertices: Tensor, textures: Tensor, cameras: Cameras, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Pictures (B, H, W, 3) and where they show the mesh (B, H, W) bool.

        vertices (B, V, 3) m in the head frame, textures (B, 3, T, T), size (H, W). Black elsewhere.
        """
        fragments = rasterize(cameras.project(vertices), self.faces, size)
        uv = interpolate(fragments, self.faces, self.corners)
        colours = sample_texture(textures.permute(0, 2, 3, 1), uv)
        return colours * fragments.mask[..., None], fragments.mask


def grey(pictures: Tensor) -> Tensor:
    """(B, H, W) of pictures (B, H, W, 3)."""
    return pictures @ pictures.new_tensor(GREY)
