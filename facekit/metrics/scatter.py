"""Points of several groups in two dimensions as a picture (LiP-Flow, Fig. 7)."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE, MARGIN, LINE = 420, 26, 15  # px


def scatter_picture(
    groups: Sequence[NDArray[np.floating]], title: str, labels: Sequence[str] = ()
) -> NDArray[np.uint8]:
    """One colour for each group of points (n, 2): (H, W, 3) uint8; ``labels`` of the groups at the right."""
    width = SIDE + (90 if labels else 0)
    image = Image.new("RGB", (width, SIDE), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=13)
    every = np.concatenate(groups)
    low, high = every.min(0), every.max(0)
    scale = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-9)
    for k, points in enumerate(groups):
        colour = colour_of(k, len(groups))
        for x, y in (points - (low + high) / 2) * scale * [1, -1] + SIDE / 2:
            draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=colour)
        if labels:
            y = MARGIN + LINE * k
            draw.ellipse([SIDE, y - 4, SIDE + 8, y + 4], fill=colour)
            draw.text((SIDE + 14, y), labels[k], fill="black", font=font, anchor="lm")
    draw.text((SIDE / 2, 12), title, fill="black", font=font, anchor="mm")
    return np.asarray(image)


def colour_of(k: int, count: int) -> tuple[int, int, int]:
    """Colours round the circle."""
    red, green, blue = colorsys.hsv_to_rgb(k / count, 0.85, 0.8 if k % 2 else 0.55)
    return round(255 * red), round(255 * green), round(255 * blue)
