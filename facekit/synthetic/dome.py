"""A dome around a head: its cameras, their colours, its lamps; and the cameras of a headset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.geometry.camera import FLIP, focal_from_fov, intrinsics, look_at
from facekit.geometry.rotation import euler_to_matrix
from facekit.records import Camera, FloatArray

SPREAD = np.deg2rad([68.0, 27.0])  # how far cameras stand to the side and above or below
DISTANCE = 1.1  # m
HOLD = 0.265  # m of the head that fills the height of a view
FRONT_DISTANCE, FRONT_HOLD = 0.9, 0.28  # m, of the camera that sees the keypoints
FRONT_SIZE = 512  # px
GOLDEN = np.pi * (3 - 5**0.5)


@dataclass(frozen=True)
class Dome:
    """M cameras (world frame) and lamps."""

    names: tuple[str, ...]
    K: FloatArray  # (M, 3, 3) float64, px
    R: FloatArray  # (M, 3, 3) float64, world to camera
    t: FloatArray  # (M, 3) float64, m
    gain: FloatArray  # (M, 3) float32
    bias: FloatArray  # (M, 3) float32
    directions: FloatArray  # (L, 3) float32, to the lamps, world
    colours: FloatArray  # (L, 3) float32, linear RGB
    ambient: FloatArray  # (2, 3) float32, from above and from below


def build_dome(count: int, size: tuple[int, int], target: FloatArray, rng: np.random.Generator) -> Dome:
    """``count`` cameras with pictures of ``size`` (H, W) px around ``target`` (3,) m; the first is in front.

    The first camera's colours are the reference.
    """
    height, width = size
    focal = height * DISTANCE / HOLD
    cameras = []
    for i in range(count):
        r = np.sqrt(i / max(count - 1, 1))
        yaw, pitch = r * SPREAD * (np.cos(i * GOLDEN), np.sin(i * GOLDEN))
        R = FLIP @ euler_to_matrix(np.array([0.0, pitch, 0.0])) @ euler_to_matrix(np.array([yaw, 0.0, 0.0]))
        cameras.append((R, np.array([0.0, 0.0, DISTANCE]) - R @ target))
    gain = np.exp(rng.normal(0.0, 0.03, (count, 3)))
    bias = rng.normal(0.0, 0.008, (count, 3))
    gain[0], bias[0] = 1.0, 0.0
    lamps = np.array([[-0.55, 0.55, 0.75], [0.8, 0.15, 0.55], [0.1, 0.9, -0.4]])
    warm = np.exp(rng.normal(0.0, 0.03, (3, 3)))
    return Dome(
        tuple(f"cam{i:02d}" for i in range(count)),
        np.repeat(intrinsics(focal, (width, height))[None], count, axis=0),
        np.stack([R for R, _ in cameras]),
        np.stack([t for _, t in cameras]),
        gain.astype(np.float32),
        bias.astype(np.float32),
        (lamps / np.linalg.norm(lamps, axis=1, keepdims=True)).astype(np.float32),
        (np.array([[0.62], [0.20], [0.25]]) * warm).astype(np.float32),
        np.array([[0.34, 0.35, 0.37], [0.19, 0.18, 0.17]], np.float32),
    )


def front_camera(target: FloatArray) -> Camera:
    """The camera in front of the head, fixed to it, that sees the keypoints; its pictures are square."""
    focal = FRONT_SIZE * FRONT_DISTANCE / FRONT_HOLD
    size = np.array([FRONT_SIZE, FRONT_SIZE], np.int32)
    t = np.array([0.0, 0.0, FRONT_DISTANCE]) - FLIP @ target
    return Camera(intrinsics(focal, (FRONT_SIZE, FRONT_SIZE)), FLIP.copy(), t, size)


def headset_cameras(marks: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """K (3, 3, 3), R (3, 3, 3), t (3, 3): mouth, left eye, right eye, for a head with landmarks (68, 3) m.

    The mouth is seen from below at 7 cm, the eyes from the side and below at 5 cm, as from under a visor.
    """
    mouth = marks[48:68].mean(axis=0)
    left, right = marks[42:48].mean(axis=0), marks[36:42].mean(axis=0)
    side = np.array([-1.0, 1.0, 1.0])
    beside, aim = np.array([0.018, -0.022, 0.046]), np.array([0.002, 0.004, 0.0])
    below, lips = np.array([0.0, -0.045, 0.060]), np.array([0.0, 0.004, -0.006])
    places = [
        (mouth + below, mouth + lips, np.deg2rad(58.0)),
        (left + beside, left + aim, np.deg2rad(58.0)),
        (right + beside * side, right + aim * side, np.deg2rad(58.0)),
    ]
    height, width = size
    K, R, t = [], [], []
    for eye, target, fov in places:
        camera = look_at(eye, target, (width, height))
        K.append(intrinsics(focal_from_fov(float(fov), height), (width, height)))
        R.append(camera.R)
        t.append(camera.t)
    return np.stack(K), np.stack(R), np.stack(t)
