"""Curves over a few values as a picture (FLAG, supplement, Fig. 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIZE = (760, 460)  # px
MARGIN = (66, 26, 24, 62)  # px, left, top, right, bottom
LEGEND = 20  # px a line
ROWS = 4  # of the legend, in as many columns as are needed
COLUMN = 220  # px
COLOURS = (
    (214, 39, 40),
    (31, 119, 180),
    (44, 160, 44),
    (148, 103, 189),
    (255, 127, 14),
    (90, 90, 90),
    (140, 86, 75),
    (23, 170, 190),
)


def curves_picture(
    series: Mapping[str, Sequence[float]],
    at: Sequence[float],
    below: str,
    beside: str,
    from_zero: bool = True,
) -> NDArray[np.uint8]:
    """A line with marks for each series: (H, W, 3) uint8. The places ``at`` are evenly apart.

    ``below`` and ``beside`` name the axes; the vertical one begins at zero, or else below the least value.
    """
    image = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=13)
    left, top, right, bottom = MARGIN[0], MARGIN[1], SIZE[0] - MARGIN[2], SIZE[1] - MARGIN[3]
    top += LEGEND * min(len(series), ROWS)
    least, most = (end(end(values) for values in series.values()) for end in (min, max))
    step = _step(most if from_zero else max(most - least, 1e-9))
    lowest = 0.0 if from_zero else step * np.floor(least / step)
    up = (bottom - top) / max(step * np.ceil(most / step) - lowest, step)  # px of one unit
    for value in np.arange(lowest, lowest + (bottom - top) / up + step / 2, step):
        y = bottom - up * (value - lowest)
        draw.line([(left, y), (right, y)], fill=(220, 220, 220))
        draw.text((left - 8, y), f"{value:g}", fill="black", font=font, anchor="rm")
    xs = np.linspace(left + 20, right - 20, len(at))
    for x, value in zip(xs, at, strict=True):
        draw.text((x, bottom + 6), f"{value:g}", fill="black", font=font, anchor="mt")
    for place, (name, values) in enumerate(series.items()):
        colour = COLOURS[place % len(COLOURS)]
        points = [(x, bottom - up * (v - lowest)) for x, v in zip(xs, values, strict=True)]
        draw.line(points, fill=colour, width=2)
        for x, y in points:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill=colour)
        x, y = left + COLUMN * (place // ROWS), MARGIN[1] / 2 + LEGEND * (place % ROWS) + 8
        draw.line([(x, y), (x + 22, y)], fill=colour, width=3)
        draw.text((x + 30, y), name, fill="black", font=font, anchor="lm")
    draw.line([(left, bottom), (right, bottom)], fill="black")
    draw.text(((left + right) / 2, SIZE[1] - 16), below, fill="black", font=font, anchor="mm")
    draw.text((SIZE[0] - MARGIN[2], MARGIN[1] / 2 + 8), beside, fill="black", font=font, anchor="rm")
    return np.asarray(image)


def _step(highest: float) -> float:
    """A round distance between the lines: four to ten of them."""
    scale = 10.0 ** np.floor(np.log10(max(highest, 1e-9) / 4))
    return float(next(scale * factor for factor in (1, 2, 5, 10) if highest / (scale * factor) <= 10))
