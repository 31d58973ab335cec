"""Light on the surface: shading per texel, and dividing it out of what a photo shows."""

from __future__ import annotations

import numpy as np

from facekit.raster.shade import shade
from facekit.records import FloatArray, Light

DARKEST = 0.12  # of the mean shading: darker than this a photo says more of its noise than of the skin


def shading(normals: FloatArray, light: Light) -> FloatArray:
    """Shading (..., 3) float32 in linear RGB of unit normals (..., 3) in the head frame, kept away from zero.

    The floor is DARKEST times the mean over directions, which is the constant term of the light.
    """
    raw = shade(np.asarray(normals, np.float32), np.asarray(light.sh, np.float32))
    mean = max(float(light.sh[0].mean()) * 0.2821, 1e-3)
    return np.maximum(raw, DARKEST * mean).astype(np.float32)


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors (..., 3) at length one; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-12)
