"""Texture look-up with gradients to the texels and to the texture coordinates.

Textures (B, T, T, C) or (T, T, C) have row 0 at the top, v = 1; uv has its origin at the bottom left, and
(0, 0) and (1, 1) are the outer corners of the corner texels (``align_corners=False``). Outside, the border
texel goes on.
"""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool2d, grid_sample

MODES = ("bilinear", "mip")


def sample_texture(texture: torch.Tensor, uv: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """Colours (B, H, W, C) at uv (B, H, W, 2) of a texture (B, T, T, C), (1, T, T, C) or (T, T, C).

    "bilinear" reads the full texture; "mip" reads, between two levels of a pyramid, the one whose texels
    are as large as the pixel's footprint, which is found from the differences of uv between neighbouring
    pixels (trilinear filtering). Differentiable in texture and uv; the choice of level is not
    differentiated.
    """
    if mode not in MODES:
        raise ValueError(f"unknown texture mode {mode!r}: choose one of {', '.join(MODES)}")
    if texture.ndim == 3:
        texture = texture[None]
    image = texture.permute(0, 3, 1, 2)
    if mode == "bilinear":
        return _bilinear(image, uv)
    level = footprint_level(uv.detach(), max(texture.shape[1:3]))
    pyramid = mip_pyramid(image, int(level.max().ceil().item()) + 1)
    level = level.clamp(max=len(pyramid) - 1)
    out = torch.zeros_like(uv[..., :1]).expand(*uv.shape[:-1], texture.shape[-1])
    for k, smaller in enumerate(pyramid):
        weight = (1 - (level - k).abs()).clamp(min=0)[..., None]
        if bool((weight > 0).any()):
            out = out + weight * _bilinear(smaller, uv)
    return out


def mip_pyramid(image: torch.Tensor, levels: int) -> list[torch.Tensor]:
    """(B, C, H, W) and its halvings by 2 x 2 means, at most ``levels`` pictures, down to an odd side."""
    pyramid = [image]
    while (
        len(pyramid) < levels
        and min(pyramid[-1].shape[2:]) > 1
        and not any(s % 2 for s in pyramid[-1].shape[2:])
    ):
        pyramid.append(avg_pool2d(pyramid[-1], 2))
    return pyramid


def footprint_level(uv: torch.Tensor, texels: int) -> torch.Tensor:
    """(B, H, W) >= 0: log2 of the longer side of a pixel's footprint in texels.

    The smaller of the differences to the two neighbours counts, so that seams and silhouettes do not blur.
    """
    x = _least_step(uv, 2)
    y = _least_step(uv, 1)
    return (torch.maximum(x, y) * texels).clamp(min=1.0).log2()


def _least_step(uv: torch.Tensor, dim: int) -> torch.Tensor:
    """(B, H, W): length of the smaller one-sided difference of uv along ``dim``."""
    if uv.shape[dim] < 2:
        return torch.zeros_like(uv[..., 0])
    step = uv.diff(dim=dim).norm(dim=-1)
    first, last = step.narrow(dim, 0, 1), step.narrow(dim, step.shape[dim] - 1, 1)
    return torch.minimum(torch.cat([first, step], dim), torch.cat([step, last], dim))


def _bilinear(image: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
    grid = torch.stack([2 * uv[..., 0] - 1, 1 - 2 * uv[..., 1]], -1)
    image = image.expand(len(uv), -1, -1, -1)
    out = grid_sample(
        image, grid.to(image.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )
    return out.permute(0, 2, 3, 1)
