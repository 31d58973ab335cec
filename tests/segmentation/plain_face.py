"""Landmarks of a face without a photo."""

from __future__ import annotations

import numpy as np

SIDE = 128


def plain_landmarks(middle: tuple[float, float] = (64.0, 60.0), unit: float = 40.0) -> np.ndarray:
    """68 points of a face seen from the front; ``unit`` px from the eyes to the chin."""
    points = np.zeros((68, 2))
    jaw = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([0.62 * np.cos(jaw), 0.1 + 0.9 * np.sin(jaw)], axis=1)
    points[17:27, 0], points[17:27, 1] = np.linspace(-0.5, 0.5, 10), -0.2
    points[27:31] = np.stack([np.zeros(4), np.linspace(0, 0.35, 4)], axis=1)
    points[31:36] = np.stack([np.linspace(-0.1, 0.1, 5), np.full(5, 0.42)], axis=1)
    for first, x in ((36, -0.27), (42, 0.27)):
        turn = np.pi - np.arange(6) * np.pi / 3
        points[first : first + 6] = np.stack([x + 0.13 * np.cos(turn), -0.05 * np.sin(turn)], axis=1)
    turn = np.pi - np.linspace(0, 2 * np.pi, 20, endpoint=False)
    points[48:] = np.stack([0.22 * np.cos(turn), 0.63 + 0.08 * np.sin(turn)], axis=1)
    points[54] = 0.22, 0.63
    return points * unit + np.array(middle)
