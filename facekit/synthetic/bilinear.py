"""A texture read between its texels, for the kernels that draw."""

from __future__ import annotations

import numpy as np
from numba import njit

from facekit.records import FloatArray


@njit(cache=True, fastmath=True)
def read_texture(texture: FloatArray, u: float, v: float) -> tuple[float, float, float]:
    """Bilinear colour of a texture (T, T, 3) at a UV point; row 0 is v = 1, the edge goes on beyond it."""
    size = texture.shape[0]
    across, down = u * size - 0.5, (1 - v) * size - 0.5
    c, r = int(np.floor(across)), int(np.floor(down))
    across, down = across - c, down - r
    c0, c1 = min(max(c, 0), size - 1), min(max(c + 1, 0), size - 1)
    r0, r1 = min(max(r, 0), size - 1), min(max(r + 1, 0), size - 1)
    top = (1 - across) * (1 - down), across * (1 - down)
    low = (1 - across) * down, across * down
    red, green, blue = 0.0, 0.0, 0.0
    for row, (left, right) in ((r0, top), (r1, low)):
        red += texture[row, c0, 0] * left + texture[row, c1, 0] * right
        green += texture[row, c0, 1] * left + texture[row, c1, 1] * right
        blue += texture[row, c0, 2] * left + texture[row, c1, 2] * right
    return red, green, blue
