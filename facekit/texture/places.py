"""Where on a head which skin is to be expected."""

from __future__ import annotations

import numpy as np

from facekit.morphable.model import FaceModel
from facekit.records import FloatArray
from facekit.texture.albedo import Ground
from facekit.texture.blend import CORE
from facekit.texture.chart import Chart
from facekit.texture.unwrap import smoothstep


def skin_attributes(model: FaceModel) -> FloatArray:
    """(V, 4) float32, columns SKIN, CORE, PLAIN and EYE of texture.blend.

    How likely a place of the head shows skin; whether it is the face proper, which always does; whether it
    is plain skin, without brows, eyes, nostrils and lips; and whether it is an eyeball.
    """
    count = len(model.topology.parts)
    regions = model.topology.regions
    zero = np.zeros(count, np.float32)
    scalp, face = regions.get("scalp", zero), regions.get("face", zero + 1)
    core = np.clip(regions.get("narrow_face", face) - scalp, 0, 1)
    brow = regions.get("forehead", zero)
    if (brow > 0.5).any():
        # the hairline crosses the upper half of the forehead, so that there the pixels around must tell
        height = model.mean[:, 1]
        low, high = np.quantile(height[brow > 0.5], (0.4, 0.75))
        core = core * (1 - brow * smoothstep(height, float(low), float(high)))
    inner = model.topology.parts > 0
    plain = np.where(inner, 0, core * (1 - busy(model)))
    eye = model.topology.part("left_eye", "right_eye")
    columns = np.where(inner, 1, 1 - scalp), np.where(inner, 1, core), plain, eye
    return np.stack(columns, 1).astype(np.float32)


def busy(model: FaceModel) -> FloatArray:
    """(V,) float32, 1 around the eyes, on nose and lips, where skin is not plain."""
    regions = model.topology.regions
    zero = np.zeros(len(model.topology.parts), np.float32)
    names = ("eye_region", "lips", "nose")
    return np.clip(sum((regions.get(name, zero) for name in names), zero), 0, 1).astype(np.float32)


def ground(model: FaceModel, chart: Chart) -> Ground:
    """Where the chart shows skin, plain skin and the face below the hairline."""
    skin = chart.image(chart.at((model.topology.parts == 0).astype(np.float32)))
    features = chart.image(chart.at(busy(model)))
    face = chart.image(chart.at(skin_attributes(model)[:, CORE]))
    lips = model.topology.regions.get("lips", np.zeros(len(model.topology.parts), np.float32))
    return Ground(skin, skin * (1 - features), skin * face, skin * chart.image(chart.at(lips)))
