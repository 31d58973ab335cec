"""A view of the head in seven well-conditioned numbers: rotation, where the head's origin falls, scale, focal
length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.records import Camera

Array = NDArray[np.float64]

FRONTAL = np.diag(
    [1.0, -1.0, -1.0]
)  # head frame (y up, +z to the viewer) to camera frame (y down, z forward)


def nearest_rotation(m: Array) -> Array:
    """The rotation (3, 3) nearest to a matrix in the Frobenius norm."""
    u, _, vt = np.linalg.svd(m)
    return (u * np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])) @ vt


@dataclass(frozen=True)
class View:
    """px = centre + (origin - centre + scale (R X)_xy) / (1 + scale (R X)_z / focal).

    Unlike (f, t) these numbers hardly trade against each other: ``scale`` = focal / depth is seen directly,
    and the focal length only bends the picture. focal → ∞ is the scaled orthographic camera.
    """

    rotation: Array  # (3, 3) head frame to camera frame
    origin: Array  # (2,) px, image of the head's origin
    scale: float  # px per metre at the depth of the head's origin
    focal: float  # px
    centre: Array  # (2,) px, principal point

    @staticmethod
    def frontal() -> View:
        """From the front, one pixel to the metre, from far away."""
        return View(FRONTAL, np.zeros(2), 1.0, 1e6, np.zeros(2))

    def project(self, points: Array) -> Array:
        """Pixels (N, 2) of points (N, 3) in the head frame, metres."""
        x = points @ self.rotation.T
        w = 1.0 + x[:, 2:] * (self.scale / self.focal)
        pixels: Array = self.centre + (self.origin - self.centre + self.scale * x[:, :2]) / w
        return pixels

    def jacobian(self, points: Array) -> tuple[Array, Array]:
        """Slopes of the pixels of points (N, 3) by a step of ``moved`` (N, 2, 7) and by the points
        (N, 2, 3).
        """
        s, f = self.scale, self.focal
        x, y, z = np.ascontiguousarray((points @ self.rotation.T).T)
        shrink = 1.0 / (1.0 + z * (s / f))
        near = s * shrink  # d px / d (R X)_x and d py / d (R X)_y
        u, v = (self.origin - self.centre)[:, None] + s * np.stack([x, y])
        far_x, far_y = u * shrink * near / -f, v * shrink * near / -f  # by (R X)_z
        pose = np.zeros((len(points), 2, 7))
        # a left rotation by w moves R X by w × R X, so the row l becomes (R X) × l
        pose[:, 0, 0], pose[:, 0, 1], pose[:, 0, 2] = y * far_x, z * near - x * far_x, -y * near
        pose[:, 1, 0], pose[:, 1, 1], pose[:, 1, 2] = y * far_y - z * near, -x * far_y, x * near
        pose[:, 0, 3] = pose[:, 1, 4] = shrink
        pose[:, 0, 5], pose[:, 1, 5] = x * near + z * far_x, y * near + z * far_y
        pose[:, 0, 6], pose[:, 1, 6] = -z * far_x, -z * far_y
        local = np.zeros((len(points), 2, 3))
        r = self.rotation
        local[:, 0] = near[:, None] * r[0] + far_x[:, None] * r[2]
        local[:, 1] = near[:, None] * r[1] + far_y[:, None] * r[2]
        return pose, local

    def moved(self, step: Array) -> View:
        """The view after a step (7,): rotation (3, axis-angle, camera frame), origin (2, px), log scale, log
        focal.
        """
        return View(
            _turn(step[:3]) @ self.rotation,
            self.origin + step[3:5],
            float(self.scale * np.exp(step[5])),
            float(self.focal * np.exp(step[6])),
            self.centre,
        )

    def translation(self) -> Array:
        """t (3,) in metres of px = K (R X + t)."""
        return np.array([*((self.origin - self.centre) / self.scale), self.focal / self.scale])

    @cached_property
    def angles(self) -> tuple[float, float, float]:
        """Yaw, pitch, roll of the head as the camera sees it, radians.

        Yaw and pitch say from which side of the head the camera looks (0, 0: from the front; yaw > 0: from
        the subject's left, pitch > 0: from above), measured along the ray to the head, so that an off-centre
        face counts as it looks. Roll is the clockwise turn of the head's up direction in the picture.
        """
        t = self.translation()
        d = -self.rotation.T @ (t / np.linalg.norm(t))
        up = self.rotation[:, 1]
        return (
            float(np.arctan2(d[0], d[2])),
            float(np.arcsin(np.clip(d[1], -1.0, 1.0))),
            float(np.arctan2(up[0], -up[1])),
        )

    def turning(self) -> Array:
        """Slopes (2, 7) of yaw and pitch by a step of ``moved``, radians."""
        ray = np.r_[self.origin - self.centre, self.focal]
        length = float(np.linalg.norm(ray))
        n = ray / length
        across = (np.eye(3) - np.outer(n, n)) / length
        move = np.zeros((3, 7))  # of n, as the head sees it
        move[:, :3] = [[0.0, -n[2], n[1]], [n[2], 0.0, -n[0]], [-n[1], n[0], 0.0]]
        move[:, 3:5], move[:, 6] = across[:, :2], across[:, 2] * self.focal
        d, by_step = -self.rotation.T @ n, -self.rotation.T @ move
        level = max(d[0] ** 2 + d[2] ** 2, 1e-12)
        yaw = (d[2] * by_step[0] - d[0] * by_step[2]) / level
        return np.stack([yaw, by_step[1] / np.sqrt(level)])

    def camera(self, image_size: NDArray[np.integer]) -> Camera:
        """As a Camera record for a photo of ``image_size`` (2,) width, height."""
        k = np.array([[self.focal, 0.0, self.centre[0]], [0.0, self.focal, self.centre[1]], [0.0, 0.0, 1.0]])
        return Camera(K=k, R=self.rotation, t=self.translation(), image_size=np.asarray(image_size, np.int32))


def _turn(v: Array) -> Array:
    """Rodrigues' formula for one vector (3,), ten times as fast as for many."""
    x, y, z = v
    angle = float(np.sqrt(x * x + y * y + z * z))
    a = np.sin(angle) / angle if angle > 1e-9 else 1.0
    b = (1 - np.cos(angle)) / angle**2 if angle > 1e-4 else 0.5
    s = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + a * s + b * (s @ s)


def view_of(camera: Camera) -> View:
    """The View of a Camera record with square pixels and no skew."""
    k, t = np.asarray(camera.K, np.float64), np.asarray(camera.t, np.float64)
    focal, centre = float((k[0, 0] + k[1, 1]) / 2), k[:2, 2]
    return View(
        np.asarray(camera.R, np.float64), centre + focal * t[:2] / t[2], float(focal / t[2]), focal, centre
    )


def align(vectors: Array, roll: float) -> Array:
    """Turn picture vectors (..., 2) by ``-roll``, so that the head stands upright."""
    c, s = np.cos(roll), np.sin(roll)
    return vectors @ np.array([[c, -s], [s, c]])
