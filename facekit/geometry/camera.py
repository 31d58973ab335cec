"""Pinhole cameras in facekit's convention, and the cameras that renders are taken with.

OpenCV axes: x right, y down, z forward. Pixels: image corner (0, 0), first pixel's centre (0.5, 0.5).
px = K (R X + t), X in the head frame: metres, y up, the face looks along +z, subject's left at +x.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from facekit.geometry.arrays import Array, namespace
from facekit.geometry.rotation import euler_to_matrix
from facekit.records import Camera, FloatArray

FLIP = np.diag(
    [1.0, -1.0, -1.0]
)  # head frame (y up, z to the viewer) to OpenCV (y down, z away from the viewer)
FOV = math.radians(20.0)  # a portrait lens: far enough that the nose does not swell
TINY = 1e-12


def project(K: Array, R: Array, t: Array, X: Array) -> Array:
    """Pixels and depth of points.

    K (..., 3, 3) px, R (..., 3, 3), t (..., 3) m, X (..., V, 3) m, all NumPy or all torch; returns (..., V,
    3): px, py, depth in metres along the viewing direction. Points in the camera plane give huge finite
    pixels; those behind it have depth <= 0 and pixels that mean nothing.
    """
    xp = namespace(X)
    camera = X @ R.swapaxes(-1, -2) + t[..., None, :]
    depth = camera[..., 2]
    image = camera @ K.swapaxes(-1, -2)
    safe = xp.where(abs(depth) < TINY, xp.full_like(depth, TINY), depth)
    return xp.stack([image[..., 0] / safe, image[..., 1] / safe, depth], -1)


def project_points(camera: Camera, points: FloatArray) -> FloatArray:
    """Pixels and depth (..., V, 3) float64 of head-frame points (..., V, 3) m."""
    return project(camera.K, camera.R, camera.t, np.asarray(points, np.float64))


def centre(camera: Camera) -> FloatArray:
    """Where the camera stands, (3,) m in the head frame."""
    return -camera.R.T @ camera.t


def intrinsics(focal: float, size: tuple[int, int]) -> FloatArray:
    """K (3, 3) for a focal length in px and ``size`` (width, height), principal point in the middle."""
    width, height = size
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def focal_from_fov(fov: float, pixels: float) -> float:
    """Focal length in px for a field of view in radians across ``pixels``."""
    return pixels / (2.0 * math.tan(fov / 2.0))


def fov_from_focal(focal: float, pixels: float) -> float:
    """Field of view in radians across ``pixels`` for a focal length in px."""
    return 2.0 * math.atan(pixels / (2.0 * focal))


def orbit(
    yaw: float,
    pitch: float,
    distance: float,
    size: tuple[int, int],
    *,
    fov: float = FOV,
    target: FloatArray | None = None,
) -> Camera:
    """A camera that sees the head as if it had turned by yaw, then tilted back by pitch.

    Radians, signs as in rotation.py; the head's vertical stays vertical in the picture. The camera stands
    ``distance`` metres from ``target`` (3,) m (default the origin), which is in the middle of the picture of
    ``size`` (width, height); ``fov`` radians is the field of view of the shorter side.
    """
    R = FLIP @ euler_to_matrix(np.array([0.0, pitch, 0.0])) @ euler_to_matrix(np.array([yaw, 0.0, 0.0]))
    point = np.zeros(3) if target is None else np.asarray(target, np.float64)
    t = np.array([0.0, 0.0, distance]) - R @ point
    K = intrinsics(focal_from_fov(fov, min(size)), size)
    return Camera(K=K, R=R, t=t, image_size=np.array(size, np.int32))


def frame_camera(
    vertices: FloatArray,
    yaw: float,
    pitch: float,
    size: tuple[int, int],
    *,
    fov: float = FOV,
    margin: float = 1.1,
) -> Camera:
    """The orbit camera that holds all ``vertices`` (V, 3) m, with ``margin`` times their radius."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    target = np.asarray((low + high) / 2, np.float64)
    radius = float(np.sqrt(((vertices - target) ** 2).sum(axis=1).max())) * margin
    return orbit(yaw, pitch, radius / math.sin(fov / 2), size, fov=fov, target=target)


def look_at(
    eye: FloatArray,
    target: FloatArray,
    size: tuple[int, int],
    *,
    fov: float = FOV,
    up: FloatArray | None = None,
) -> Camera:
    """A camera at ``eye`` (3,) m that looks at ``target`` (3,) m, ``up`` (default +y) up in the picture."""
    forward = np.asarray(target, np.float64) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, np.array([0.0, 1.0, 0.0]) if up is None else up)
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    K = intrinsics(focal_from_fov(fov, min(size)), size)
    return Camera(K=K, R=R, t=-R @ np.asarray(eye, np.float64), image_size=np.array(size, np.int32))


def resize(camera: Camera, size: tuple[int, int]) -> Camera:
    """The same view in a picture of ``size`` (width, height)."""
    scale = np.array(size) / camera.image_size
    return replace(
        camera, K=np.diag([scale[0], scale[1], 1.0]) @ camera.K, image_size=np.array(size, np.int32)
    )


def crop(camera: Camera, window: tuple[int, int, int, int]) -> Camera:
    """The same view seen through ``window`` x0 y0 x1 y1 px of its picture."""
    x0, y0, x1, y1 = window
    shift = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0], [0.0, 0.0, 1.0]])
    return replace(camera, K=shift @ camera.K, image_size=np.array([x1 - x0, y1 - y0], np.int32))


def uncrop(K: Array, crop_to_photo: Array) -> Array:
    """K (3, 3) in photo pixels, of a K that holds in a crop; ``crop_to_photo`` is Landmarks.crop."""
    return crop_to_photo @ K
