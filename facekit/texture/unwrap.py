"""From photo to texture: what the photo shows of each texel, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facekit.geometry.camera import centre, project_points
from facekit.raster.fragments import rasterize_numpy
from facekit.records import BoolArray, Camera, FloatArray, IntArray
from facekit.texture.chart import Chart
from facekit.texture.shading import unit

DEPTH_TOLERANCE = 0.004  # m, how far behind the nearest surface a texel may lie and still be that surface
GRAZING = (0.12, 0.42)  # cosine to the viewer at which trust starts and is full
EDGE = (0.006, 0.022)  # distance from the mask, in face widths, at which trust starts and is full
OUTLINE = (
    0.012,
    0.04,
)  # the same from the outline of the rendered head, which is never quite that of the photo


@dataclass(frozen=True)
class Unwrapped:
    """Colours of the texels in a photo, linear RGB, and trust from 0 (not seen) to 1 (seen)."""

    colour: FloatArray  # (N, 3) float32
    trust: FloatArray  # (N,) float32


def unwrap(
    picture: FloatArray,
    hidden: BoolArray,
    camera: Camera,
    vertices: FloatArray,
    normals: FloatArray,
    faces: IntArray,
    chart: Chart,
) -> Unwrapped:
    """Sample a photo at the texels of a face.

    picture (H, W, 3) float32 linear RGB; hidden (H, W) bool; camera of that picture; vertices (V, 3) m,
    normals (V, 3) unit, faces (F, 3). A texel counts as seen where its point projects into the picture, is
    the nearest surface there, faces the camera and is not hidden; trust falls off smoothly towards grazing
    angles and towards the mask.
    """
    points = chart.at(vertices)
    screen = project_points(camera, points)
    height, width = hidden.shape
    u = (screen[:, 0] - 0.5).astype(np.float32)
    v = (screen[:, 1] - 0.5).astype(np.float32)
    colour = sample(picture, u, v)
    inside = (u >= 0) & (v >= 0) & (u <= width - 1) & (v <= height - 1) & (screen[:, 2] > 0)
    depth = rasterize_numpy(project_points(camera, vertices)[None], faces, (height, width)).depth[0]
    behind = screen[:, 2] - _nearest(depth, u, v)
    towards = unit(centre(camera).astype(np.float32) - points)
    cosine = (unit(chart.at(normals)) * towards).sum(1)
    face_width = max(float(np.ptp(screen[:, 0])), 1.0)
    trust = smoothstep(cosine, *GRAZING) * (inside & (behind < DEPTH_TOLERANCE))
    # The outermost ring of visible pixels may hold some of the occluder, and at the outline some of the
    # background.
    for edge, (start, full) in ((~hidden, EDGE), (np.isfinite(depth), OUTLINE)):
        away = cv2.distanceTransform(edge.astype(np.uint8), cv2.DIST_L2, 5)
        distance = sample(np.asarray(away[..., None], np.float32), u, v)[:, 0]
        low, high = max(1.5, start * face_width), max(3.5, full * face_width)
        trust = trust * (smoothstep(distance, low, high) if not edge.all() else 1.0)
    return Unwrapped(colour, trust.astype(np.float32))


def sample(picture: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """Bilinear samples (N, C) of a picture (H, W, C) at columns u, rows v; 0 is the first pixel's centre."""
    columns = 4096  # cv2.remap takes no more than 32767 rows or columns
    count = len(u)
    rows = -(-count // columns)
    grid_u = np.zeros(rows * columns, np.float32)
    grid_v = np.zeros(rows * columns, np.float32)
    grid_u[:count], grid_v[:count] = u, v
    grid = cv2.remap(
        np.ascontiguousarray(picture, np.float32),
        grid_u.reshape(rows, columns),
        grid_v.reshape(rows, columns),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(grid.reshape(rows * columns, -1)[:count], np.float32)


def _nearest(depth: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """The least depth (N,) among the four pixels around (u, v); inf where there is no surface."""
    height, width = depth.shape
    result = np.full(len(u), np.inf)
    for dy in (0, 1):
        for dx in (0, 1):
            x = np.clip(np.floor(u) + dx, 0, width - 1).astype(np.int64)
            y = np.clip(np.floor(v) + dy, 0, height - 1).astype(np.int64)
            result = np.minimum(result, depth[y, x])
    return result


def smoothstep(x: FloatArray, low: float, high: float) -> FloatArray:
    """0 below ``low``, 1 above ``high``, with zero slope at both."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)
