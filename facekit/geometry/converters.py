"""One converter for each foreign camera convention; inside facekit all cameras are as in camera.py.

Axes of the camera frame, x y and viewing direction: OpenCV right down +z; OpenGL and Blender right up -z;
pytorch3d left up +z; MediaPipe right up -z, in cm. Deep3DFace and DECA have their own pictures, see there.
"""

from __future__ import annotations

import math

import numpy as np

from facekit.geometry.camera import FLIP, focal_from_fov, intrinsics
from facekit.records import Camera, FloatArray

LEFT_UP = np.diag([-1.0, -1.0, 1.0])  # OpenCV camera axes to pytorch3d's
DEEP3DFACE_FOCAL, DEEP3DFACE_CENTRE, DEEP3DFACE_DISTANCE = 1015.0, 112.0, 10.0
MEDIAPIPE_FOV = math.radians(63.0)


def to_opengl(camera: Camera, near: float = 0.01, far: float = 100.0) -> tuple[FloatArray, FloatArray]:
    """View (4, 4), head frame to eye axes, and projection (4, 4) to clip space."""
    (fx, skew, cx), (_, fy, cy) = camera.K[0], camera.K[1]
    width, height = (float(x) for x in camera.image_size)
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = FLIP @ camera.R, FLIP @ camera.t
    depth = far - near
    projection = np.array(
        [
            [2 * fx / width, -2 * skew / width, 1 - 2 * cx / width, 0.0],
            [0.0, 2 * fy / height, 2 * cy / height - 1, 0.0],
            [0.0, 0.0, -(far + near) / depth, -2 * far * near / depth],
            [0.0, 0.0, -1.0, 0.0],
        ]
    )
    return view, projection


def from_opengl(view: FloatArray, projection: FloatArray, size: tuple[int, int]) -> Camera:
    """Camera of an OpenGL view and projection (4, 4), for a picture of ``size`` (width, height)."""
    width, height = size
    K = np.array(
        [
            [projection[0, 0] * width / 2, -projection[0, 1] * width / 2, (1 - projection[0, 2]) * width / 2],
            [0.0, projection[1, 1] * height / 2, (1 + projection[1, 2]) * height / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    return Camera(K=K, R=FLIP @ view[:3, :3], t=FLIP @ view[:3, 3], image_size=np.array(size, np.int32))


def from_mediapipe(pose: FloatArray, size: tuple[int, int], fov: float = MEDIAPIPE_FOV) -> Camera:
    """Camera of MediaPipe's pose (4, 4), metric model in cm to the camera; ``fov`` radians is vertical."""
    K = intrinsics(focal_from_fov(fov, size[1]), size)
    return Camera(K=K, R=FLIP @ pose[:3, :3], t=FLIP @ pose[:3, 3] / 100, image_size=np.array(size, np.int32))


def to_pytorch3d(camera: Camera) -> dict[str, FloatArray | bool]:
    """Arguments of ``PerspectiveCameras``, a batch of one in screen space; R is for row vectors, X R + T."""
    width, height = camera.image_size
    return {
        "R": (LEFT_UP @ camera.R).T[None],
        "T": (LEFT_UP @ camera.t)[None],
        "focal_length": np.array([[camera.K[0, 0], camera.K[1, 1]]]),
        "principal_point": np.array([[camera.K[0, 2], camera.K[1, 2]]]),
        "image_size": np.array([[float(height), float(width)]]),
        "in_ndc": False,
    }


def from_pytorch3d(
    R: FloatArray, T: FloatArray, focal: FloatArray, principal: FloatArray, size: tuple[int, int]
) -> Camera:
    """Camera of one ``PerspectiveCameras`` in screen space: R (3, 3), T, focal (2,), principal (2,) px."""
    K = np.array([[focal[0], 0.0, principal[0]], [0.0, focal[1], principal[1]], [0.0, 0.0, 1.0]])
    return Camera(K=K, R=LEFT_UP @ R.T, t=LEFT_UP @ T, image_size=np.array(size, np.int32))


def from_weak_perspective(
    scale: float, translation: FloatArray, size: int, *, R: FloatArray | None = None, focal: float = 5000.0
) -> Camera:
    """Pinhole camera of DECA's and Diverse3DFace's orthographic one, in a square crop of ``size`` px.

    Theirs: (x, y) = scale (X + translation) in [-1, 1], y up, X in metres. With ``focal`` px the camera
    stands at 2 focal / (size scale) metres; the longer, the nearer to theirs. R (3, 3): head pose in their
    frame.
    """
    pose = np.eye(3) if R is None else R
    t = np.array([translation[0], -translation[1], 2 * focal / (size * scale)])
    return Camera(
        K=intrinsics(focal, (size, size)), R=FLIP @ pose, t=t, image_size=np.array([size, size], np.int32)
    )


def from_deep3dface(R: FloatArray, t: FloatArray, size: int = 224) -> Camera:
    """Camera of Deep3DFace's R (3, 3), applied to row vectors (X R + t), and t (3,).

    Theirs: z_camera = 10 - z, focal 1015 px, centre 112 for 224 px, row counted from the bottom, and pixel
    k has its centre at k. Lengths are the model's.
    """
    focal, centre = DEEP3DFACE_FOCAL * size / 224, DEEP3DFACE_CENTRE * size / 224
    K = np.array([[focal, 0.0, centre + 0.5], [0.0, focal, size - 0.5 - centre], [0.0, 0.0, 1.0]])
    distance = np.array([0.0, 0.0, DEEP3DFACE_DISTANCE])
    return Camera(K=K, R=FLIP @ R.T, t=FLIP @ t + distance, image_size=np.array([size, size], np.int32))
