"""A face mask: a smooth cup over nose, mouth and chin, with pleats, ear loops and a fabric."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

from facekit.records import FloatArray
from facekit.synthetic.chance import between
from facekit.synthetic.scene import Surface
from facekit.synthetic.shapes import grid_faces, surface, tube

COLUMNS, ROWS = 61, 45
REACH = 74.0  # degrees to either side


def face_mask(landmarks: FloatArray, vertices: FloatArray, rng: np.random.Generator) -> list[Surface]:
    """A random mask on a face: landmarks (68, 3) and skin vertices (V, 3) m in the head frame."""
    nose, chin = landmarks[29], landmarks[8]
    axis = np.array([landmarks[27, 0], 0.0, landmarks[27, 2] - 0.085])
    azimuth = np.deg2rad(np.linspace(-REACH, REACH, COLUMNS))
    side = np.abs(azimuth) / np.deg2rad(REACH)
    height = nose[1] - chin[1]
    top = nose[1] - 0.10 * height * between(rng, -0.6, 1.6) - 0.22 * height * side**1.5
    low = chin[1] - 0.008 * between(rng, 0.3, 1.5) + 0.52 * height * side**2.2
    rows = np.linspace(0, 1, ROWS)[:, None]
    y = top * (1 - rows) + low * rows
    radius = _radius(vertices, axis, azimuth, y)
    under = np.clip((chin[1] + 0.008 - y) / 0.02, 0, 1)  # the cup closes below the chin
    radius = radius - 0.010 * under**2 + 0.0025
    if rng.random() < 0.6:
        fold = np.sin(rows * np.pi * 2 * between(rng, 2.5, 4.5))
        radius = radius + 0.0012 * fold * np.sin(rows * np.pi) * (1 - 0.5 * side)
    points = np.stack([axis[0] + radius * np.sin(azimuth), y, axis[2] + radius * np.cos(azimuth)], axis=-1)
    coords = np.stack(
        [np.broadcast_to(azimuth * 95.0, y.shape), (y - chin[1]) * 1000, np.zeros_like(y)], axis=-1
    ).reshape(-1, 3)
    pale = rng.random() < 0.5
    colour = np.array([0.62, 0.68, 0.72]) * rng.uniform(0.7, 1.1, 3) if pale else rng.uniform(0.02, 0.5, 3)
    parts = [surface(points.reshape(-1, 3), grid_faces(ROWS, COLUMNS), "fabric", colour, coords)]
    for column, sign in ((0, -1.0), (COLUMNS - 1, 1.0)):
        for row in (2, ROWS - 4):
            parts.append(
                tube(_loop(points[row, column], sign, landmarks, vertices), 0.0012, False, "fabric", colour)
            )
    return parts


def _radius(vertices: FloatArray, axis: FloatArray, azimuth: FloatArray, y: FloatArray) -> FloatArray:
    """Radius (ROWS, COLUMNS) of a smooth surface around the face: its radius map dilated and blurred."""
    offset = vertices - axis
    turn = np.arctan2(offset[:, 0], offset[:, 2])
    reach = np.hypot(offset[:, 0], offset[:, 2])
    lines = np.linspace(y.min() - 0.01, y.max() + 0.01, ROWS)
    grid = np.zeros((ROWS, COLUMNS))
    column = np.rint(np.interp(turn, azimuth, np.arange(COLUMNS), -9, -9)).astype(int)
    row = np.rint(np.interp(vertices[:, 1], lines, np.arange(ROWS), -9, -9)).astype(int)
    inside = (column >= 0) & (row >= 0)
    np.maximum.at(grid, (row[inside], column[inside]), reach[inside])
    grid = gaussian_filter(maximum_filter(grid, 9), 2.2, mode="nearest")
    rows = np.interp(y, lines, np.arange(ROWS))
    low = np.clip(rows.astype(int), 0, ROWS - 2)
    part = rows - low
    columns = np.arange(COLUMNS)
    return grid[low, columns] * (1 - part) + grid[low + 1, columns] * part


def _loop(start: FloatArray, sign: float, landmarks: FloatArray, vertices: FloatArray) -> FloatArray:
    """A cord from the cup's corner to behind the ear."""
    level = landmarks[0, 1] if start[1] > landmarks[33, 1] - 0.02 else landmarks[1, 1] - 0.012
    end = np.array([0.0, level, landmarks[[0, 16], 2].mean() - 0.028])
    near = (
        (np.abs(vertices[:, 1] - level) < 0.01)
        & (np.abs(vertices[:, 2] - end[2]) < 0.012)
        & (vertices[:, 0] * sign > 0)
    )
    end[0] = sign * ((np.abs(vertices[near, 0]).max() if near.any() else 0.075) + 0.001)
    t = np.linspace(0, 1, 10)[:, None]
    middle = (start + end) / 2 + np.array([sign * 0.004, 0, 0])
    return start * (1 - t) ** 2 + 2 * middle * t * (1 - t) + end * t**2
