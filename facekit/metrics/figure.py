"""The error histogram as a picture (Diverse3DFace, Fig. 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facekit.metrics.histogram import error_histogram

SIZE = (760, 400)  # px
MARGIN = (62, 44, 20, 58)  # px, left, top, right, bottom
COLOURS = ((120, 120, 120), (31, 119, 180), (214, 39, 40))
STEP = 10  # percent between the lines


def histogram_picture(
    series: Mapping[str, Sequence[float]], width: float, bins: int, label: str
) -> NDArray[np.uint8]:
    """Bars side by side, one colour for each of up to three series of errors: (H, W, 3) uint8.

    ``width`` and ``bins`` as in ``error_histogram``; ``label`` stands below the axis.
    """
    if len(series) > len(COLOURS):
        raise ValueError(f"at most {len(COLOURS)} series fit into one histogram")
    image = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=13)
    left, top, right, bottom = MARGIN[0], MARGIN[1], SIZE[0] - MARGIN[2], SIZE[1] - MARGIN[3]
    shares = {name: 100 * error_histogram(values, width, bins)[1] for name, values in series.items()}
    highest = STEP * np.ceil(max([STEP, *(share.max() for share in shares.values())]) / STEP)
    for percent in np.arange(0, highest + 1, STEP if highest <= 60 else 2 * STEP):
        y = bottom - (bottom - top) * percent / highest
        draw.line([(left, y), (right, y)], fill=(220, 220, 220))
        draw.text((left - 8, y), f"{percent:.0f} %", fill="black", font=font, anchor="rm")
    slot = (right - left) / bins
    bar = 0.8 * slot / max(len(shares), 1)
    for place, (name, share) in enumerate(shares.items()):
        for i, percent in enumerate(share):
            x = left + slot * (i + 0.1) + bar * place
            draw.rectangle(
                [x, bottom - (bottom - top) * percent / highest, x + bar - 1, bottom], fill=COLOURS[place]
            )
        x = left + 200 * place
        draw.rectangle([x, 14, x + 13, 27], fill=COLOURS[place])
        draw.text((x + 20, 21), name, fill="black", font=font, anchor="lm")
    for i in range(bins):
        draw.text((left + slot * i, bottom + 6), f"{width * i:g}", fill="black", font=font, anchor="mt")
    draw.line([(left, bottom), (right, bottom)], fill="black")
    draw.text(((left + right) / 2, SIZE[1] - 14), label, fill="black", font=font, anchor="mm")
    return np.asarray(image)
