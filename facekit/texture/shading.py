"""Light on the surface: shading per texel, and dividing it out of what a photo shows."""

from __future__ import annotations

import numpy as np

from facekit.geometry.mesh import vertex_normals
from facekit.morphable.topology import PARTS, Topology
from facekit.raster.shade import Y0, shade
from facekit.records import FloatArray, Light
from facekit.synthetic.light import ambient_occlusion

RESIDUAL = (0.03, 0.08)  # sRGB, RMS of what the photometric fit leaves: from a good fit to a poor one
WHITEST = 1.2  # mean shading of what is seen in a well exposed photo, at most
LIGHT_SKIN = (0.9, 0.8)  # quantile of the seen albedo's strongest channel, and what it is at most
LEAST = 0.3  # of the light's direction that is kept after a poor fit
DARKEST = (
    0.3  # of the mean shading: where no visible skin tells, light comes from all around; darker is noise
)

# Share of the light that reaches what lies behind lids and lips; distant light alone knows no shadow.
REACHED = {"left_eye": 0.6, "right_eye": 0.6, "mouth": 0.5, "teeth": 0.5, "socket": 0.4}
CLOSED = 0.2  # what is left of it behind closed lips
WIDE = 0.010  # m, gap between the lips from which on the mouth is open
INNER_LIPS = ((61, 62, 63), (67, 66, 65))  # upper and lower, iBUG
HOLLOW = ("nose", "lips")  # regions whose hollows are darkened: nostrils, and the line between the lips
OPEN = 0.93  # ambient occlusion of open skin
DEEPEST = 0.1


def shelter(topology: Topology, vertices: FloatArray) -> FloatArray:
    """(V,) float32: the share of the light that reaches each of the vertices (V, 3) m, 1 on open skin."""
    table = dict(REACHED)
    if "ibug68" in topology.embeddings:
        points = topology.embeddings["ibug68"].points(np.asarray(vertices, np.float64))
        upper, lower = (points[list(row)] for row in INNER_LIPS)
        opening = float(np.clip(np.linalg.norm(upper - lower, axis=1).mean() / WIDE, 0, 1))
        for name in ("mouth", "teeth"):
            table[name] *= CLOSED + (1 - CLOSED) * opening
    reached = np.array([table.get(name, 1.0) for name in PARTS], np.float32)[topology.parts]
    return reached * _hollows(topology, vertices)


def _hollows(topology: Topology, vertices: FloatArray) -> FloatArray:
    """(V,) float32: square root of the ambient occlusion in the regions HOLLOW, 1 elsewhere.

    The root stands for the part of the light that comes from a lamp and not from all around.
    """
    where = np.zeros(len(topology.parts), np.float32)
    for name in HOLLOW:
        where = np.maximum(where, topology.regions.get(name, 0.0))
    where = where * (topology.parts == 0)
    if not where.any():
        return 1 - where
    points = np.asarray(vertices, np.float32)
    normals = vertex_normals(np.asarray(vertices, np.float64), topology.faces).astype(np.float32)
    sky = np.sqrt(np.clip(ambient_occlusion(points, normals, topology.faces) / OPEN, DEEPEST, 1))
    return np.asarray(1 - where * (1 - sky), np.float32)


def shading(normals: FloatArray, light: Light) -> FloatArray:
    """Shading (..., 3) float32 in linear RGB of unit normals (..., 3) in the head frame, kept away from zero.

    The floor is DARKEST times the mean over directions, which is the constant term of the light.
    """
    raw = shade(np.asarray(normals, np.float32), np.asarray(light.sh, np.float32))
    mean = max(float(light.sh[0].mean()) * Y0, 1e-3)
    return np.maximum(raw, DARKEST * mean).astype(np.float32)


def trusted_light(light: Light, normals: FloatArray, residual: float) -> Light:
    """The light with its direction taken back as far as the fit left pixels unexplained.

    Hair, shadows and paint can only be explained by a hard light from somewhere, which then wrongly darkens
    what is hidden. Above RESIDUAL (sRGB, of the photometric fit) all but the constant term shrink, and the
    constant one changes so that the mean shading of the visible normals (M, 3) stays.
    """
    low, high = RESIDUAL
    keep = 1.0 - (1.0 - LEAST) * float(np.clip((residual - low) / (high - low), 0, 1))
    if keep == 1.0 or len(normals) == 0:
        return light
    return _evened(light, normals, keep)


def even_light(light: Light, normals: FloatArray) -> Light:
    """Light from all around with the mean shading of the visible normals (M, 3), as if none were separated
    from the texture.
    """
    return _evened(light, normals, 0.0) if len(normals) else light


def _evened(light: Light, normals: FloatArray, keep: float) -> Light:
    """The light with all but the constant term at ``keep`` times what they are, of the same mean on the
    normals (M, 3).
    """
    sh = np.asarray(light.sh, np.float32).copy()
    sh[1:] *= keep
    before = shade(np.asarray(normals, np.float32), np.asarray(light.sh, np.float32)).mean(0)
    after = shade(np.asarray(normals, np.float32), sh).mean(0)
    sh[0] = np.maximum(sh[0] + (before - after) / Y0, 0.2 * sh[0])
    return Light(sh, light.order)


def exposure(light: Light, normals: FloatArray) -> float:
    """What to multiply a texture by, so that it looks right under another light; at least 1.

    Light and albedo share one factor that no photo tells. Where the fit makes the light on the visible
    normals (M, 3) so strong that white would be brighter than a picture can hold, the albedo has come out too
    dark.
    """
    if len(normals) == 0:
        return 1.0
    return max(1.0, float(shading(normals, light).mean()) / WHITEST)


def whiteness(colour: FloatArray, shade: FloatArray) -> float:
    """What to multiply the light by, so that the light tones (M, 3) of skin, linear RGB, under a shade (M, 3)
    have an albedo that skin can have; at least 1.

    With too weak a light the albedo would be cut off at white, channel by channel: pink blotches.
    """
    if len(colour) == 0:
        return 1.0
    quantile, most = LIGHT_SKIN
    light = float(np.quantile((colour / np.maximum(shade, 1e-4)).max(1), quantile))
    return max(1.0, light / most)


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors (..., 3) at length one; zero stays zero."""
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return vectors / np.maximum(length, 1e-12)[..., None]
