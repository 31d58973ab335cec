"""A face model as the training of the encoder needs it: shapes, landmarks, texels and pictures of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from facekit.geometry.mesh import vertex_normals
from facekit.morphable.model import FaceModel
from facekit.networks.pose import Pose
from facekit.raster.fragments import rasterize
from facekit.raster.interpolate import interpolate
from facekit.raster.shade import shade
from facekit.raster.texture import sample_texture
from facekit.texture.chart import chart_of

FACING = 0.2  # least cosine to the viewer of a texel that counts as seen
FAR = 10.0  # crop sides: focal length of a picture that is taken for scaled orthographic
LOOKED_AT = ("narrow_face", "face")  # the first of the regions that the model has


class FaceSurface(nn.Module):
    """The constants of a face model on one device; nothing in it is trained or stored."""

    mean: Tensor  # (V, 3) m
    basis: Tensor  # (K, 3V) m per standard deviation
    mirror: Tensor  # (K, K) as FaceModel.mirror_matrix
    faces: Tensor  # (F, 3)
    corner_uv: Tensor  # (F, 3, 2)
    skin: Tensor  # (V,) 1 where people look
    texel: Tensor  # (N,) flat index of the texels that show the surface
    texel_corners: Tensor  # (N, 3) vertices
    texel_bary: Tensor  # (N, 3)
    mark_corners: Tensor  # (68, 3) vertices
    mark_bary: Tensor  # (68, 3)

    def __init__(self, model: FaceModel, texels: int) -> None:
        super().__init__()
        topology = model.topology
        chart, marks = chart_of(topology, texels), topology.embeddings["ibug68"]
        skin = torch.as_tensor(topology.part("skin")).float()
        for name in LOOKED_AT:
            if name in topology.regions:
                skin = skin * torch.as_tensor(topology.regions[name]).float()
                break
        self.texels = texels
        constants = {
            "mean": torch.as_tensor(model.mean).float(),
            "basis": torch.as_tensor(model.basis).float().flatten(1),
            "mirror": torch.as_tensor(model.mirror_matrix).float(),
            "faces": torch.as_tensor(topology.faces).long(),
            "corner_uv": torch.as_tensor(topology.uv[topology.uv_faces]).float(),
            "skin": skin,
            "texel": torch.as_tensor(chart.index).long(),
            "texel_corners": torch.as_tensor(chart.corners).long(),
            "texel_bary": torch.as_tensor(chart.bary).float(),
            "mark_corners": torch.as_tensor(topology.faces[marks.face]).long(),
            "mark_bary": torch.as_tensor(marks.bary).float(),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def vertices(self, code: Tensor) -> Tensor:
        """(B, V, 3) m of codes (B, K)."""
        return self.mean + (code @ self.basis).reshape(len(code), -1, 3)

    def landmarks(self, vertices: Tensor) -> Tensor:
        """(B, 68, 3) m."""
        return (vertices[:, self.mark_corners] * self.mark_bary[..., None]).sum(2)

    def at_texels(self, values: Tensor) -> Tensor:
        """A vertex attribute (B, V, C) at the N texels that show the surface, (B, N, C)."""
        return (values[:, self.texel_corners] * self.texel_bary[..., None]).sum(2)

    def chart(self, values: Tensor) -> Tensor:
        """Values (B, N, C) of those texels as (B, T, T, C), 0 elsewhere."""
        out = values.new_zeros(len(values), self.texels**2, values.shape[2])
        out[:, self.texel] = values
        return out.reshape(len(values), self.texels, self.texels, -1)

    def normals(self, vertices: Tensor) -> Tensor:
        """(B, V, 3) unit."""
        normals: Tensor = vertex_normals(vertices, self.faces)
        return normals

    def unwrapped(
        self, picture: Tensor, vertices: Tensor, pose: Pose, focal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Texture (B, T, T, 3) of pictures (B, 3, S, S), where it is seen (B, T, T) 0 or 1, and normals
        (B, T, T, 3): what the released code calls re-projecting the mesh.

        Seen are texels of the skin that face the viewer and fall into the picture; there is no test of depth.
        """
        points = pose.project(self.at_texels(vertices), focal)
        colours = functional.grid_sample(
            picture, 2 * points[:, None, :, :2] - 1, padding_mode="border", align_corners=False
        )[:, :, 0].mT
        normals = functional.normalize(self.at_texels(self.normals(vertices)), dim=-1)
        facing = -(normals @ pose.rotation.mT)[..., 2:] > FACING
        inside = ((points[..., :2] > 0) & (points[..., :2] < 1)).all(-1, keepdim=True)
        skin = self.at_texels(self.skin[None, :, None]) > 0.5
        seen = self.chart((facing & inside & skin).float())[..., 0]
        return self.chart(colours), seen, self.chart(normals)

    def rendered(
        self, vertices: Tensor, pose: Pose, albedo: Tensor, light: Tensor, size: int, focal: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Linear pictures (B, S, S, 3) of lit faces with albedo (B, T, T, 3), and where they show skin
        (B, S, S), 0 or 1.
        """
        focal = torch.full_like(pose.scale, FAR) if focal is None else focal
        place = pose.project(vertices, focal)
        depth = place[..., 2] + (focal / pose.scale)[:, None]
        screen = torch.stack([place[..., 0] * size, place[..., 1] * size, depth], -1)
        fragments = rasterize(screen, self.faces, (size, size))
        index = torch.arange(3 * len(self.faces), device=screen.device).reshape(-1, 3)
        uv = interpolate(fragments, index, self.corner_uv.reshape(-1, 2))
        bare = torch.cat([self.normals(vertices), self.skin.expand(len(vertices), -1)[..., None]], -1)
        values = interpolate(fragments, self.faces, bare)
        normals = functional.normalize(values[..., :3], dim=-1)
        lit = shade(normals.flatten(1, 2), light).reshape(normals.shape).clamp(min=0)
        skin = fragments.mask & (values[..., 3] > 0.5)
        return sample_texture(albedo, uv) * lit, skin.float()
