"""A small invented face model and photos of it, for the tests of fitting."""

from __future__ import annotations

import numpy as np

from facekit.fitting.landmark_model import LandmarkModel
from facekit.fitting.noise import Noise
from facekit.fitting.problem import Observations
from facekit.fitting.view import FRONTAL, View
from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import Topology

IDENTITY, EXPRESSION = 10, 4
CENTRE = np.array([256.0, 256.0])


def shell(rows: int = 24, columns: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V, 3) m of a face-like half ellipsoid, triangles (F, 3) and texture coordinates (V, 2)."""
    a, b = np.meshgrid(np.linspace(-1.3, 1.3, columns), np.linspace(-1.2, 1.2, rows))
    x, y = 0.075 * np.sin(a) * np.cos(b), 0.11 * np.sin(b)
    z = 0.09 * np.cos(a) * np.cos(b) + 0.025 * np.exp(-(a**2 * 12 + b**2 * 6))
    index = np.arange(rows * columns).reshape(rows, columns)
    p, q, r, s = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate([np.stack([p, q, s], -1).reshape(-1, 3), np.stack([p, s, r], -1).reshape(-1, 3)])
    uv = np.stack([(a + 1.3) / 2.6, (b + 1.2) / 2.4], -1).reshape(-1, 2)
    return np.stack([x, y, z], -1).reshape(-1, 3), faces.astype(np.int32), uv.astype(np.float32)


def face_model() -> FaceModel:
    """14 smooth modes on the shell, the last four expressions with weights 0 to 1; both landmark schemes."""
    vertices, faces, uv = shell()
    rng = np.random.default_rng(3)
    modes = np.zeros((IDENTITY + EXPRESSION, len(vertices), 3), np.float32)
    for k in range(len(modes)):
        wave = np.cos(vertices @ rng.normal(0, 25.0, (3, 3)) + rng.uniform(0, 6, 3))
        modes[k] = 0.002 / (1 + 0.2 * (k % IDENTITY)) * wave
    topology = Topology(
        faces,
        uv,
        faces,
        np.full(len(vertices), -1, np.int32),
        np.zeros(len(vertices), np.uint8),
        {"face": np.ones(len(vertices), np.float32)},
    )
    embeddings = {
        scheme: topology.embed(rng.integers(0, len(faces), count), rng.dirichlet(np.ones(3), count))
        for scheme, count in (("mediapipe478", 478), ("ibug68", 68))
    }
    topology = Topology(faces, uv, faces, topology.mirror, topology.parts, topology.regions, embeddings)
    return FaceModel(
        name="shell",
        licence="MIT",
        topology=topology,
        mean=vertices,
        basis=modes,
        blocks=(Block("identity", 0, IDENTITY), Block("expression", IDENTITY, IDENTITY + EXPRESSION)),
        expression_names=("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp"),
        expression_scale=np.full(EXPRESSION, 0.4),
        lower=np.r_[np.full(IDENTITY, -np.inf), np.zeros(EXPRESSION)],
        upper=np.r_[np.full(IDENTITY, np.inf), np.full(EXPRESSION, 2.5)],
    )


def view(yaw: float = 0.3, pitch: float = -0.1, roll: float = 0.2, focal: float = 1100.0) -> View:
    """A view of the head, angles in radians, 1500 px per metre."""
    turn = axis_angle_to_matrix(np.array([0.0, 0.0, roll])) @ FRONTAL
    turn = (
        turn
        @ axis_angle_to_matrix(np.array([0.0, yaw, 0.0]))
        @ axis_angle_to_matrix(np.array([pitch, 0.0, 0.0]))
    )
    return View(turn, np.array([270.0, 240.0]), 1500.0, focal, CENTRE)


def code(seed: int = 0, size: int = IDENTITY + EXPRESSION) -> np.ndarray:
    """A random code within the bounds."""
    values = np.random.default_rng(seed).standard_normal(size)
    values[IDENTITY:] = np.abs(values[IDENTITY:]) + 0.2
    return values


def plain(points: np.ndarray, model: LandmarkModel, sigma: float) -> Observations:
    """Observations with independent noise of ``sigma`` metres."""
    noise = Noise(np.full(2 * len(points), sigma**2), np.zeros((0, 2 * len(points))))
    return Observations(points, lambda view: model, lambda view: noise)
