"""A view of the head in seven well-conditioned numbers: rotation, where the head's origin falls, scale, focal
length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.geometry.rotation import axis_angle_to_matrix
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

    def project(self, points: Array) -> Array:
        """Pixels (N, 2) of points (N, 3) in the head frame, metres."""
        x = points @ self.rotation.T
        w = 1.0 + x[:, 2:] * (self.scale / self.focal)
        pixels: Array = self.centre + (self.origin - self.centre + self.scale * x[:, :2]) / w
        return pixels

    def jacobian(self, points: Array) -> tuple[Array, Array]:
        s, f = self.scale, self.focal
        x = points @ self.rotation.T
        w = 1.0 + x[:, 2] * (s / f)
        q = (self.origin - self.centre + s * x[:, :2]) / w[:, None]
        local = np.zeros((len(points), 2, 3))  # d px / d (R X)
        local[:, 0, 0] = local[:, 1, 1] = s / w
        local[:, :, 2] = -q * (s / f / w)[:, None]
        pose = np.zeros((len(points), 2, 7))
        # a left rotation by w moves R X by w × R X, so the row l becomes (R X) × l
        pose[:, :, :3] = np.cross(x[:, None, :], local)
        pose[:, 0, 3] = pose[:, 1, 4] = 1.0 / w
        bend = q * (x[:, 2] * s / f / w)[:, None]
        pose[:, :, 5] = s * x[:, :2] / w[:, None] - bend
        pose[:, :, 6] = bend
        return pose, local @ self.rotation

    def moved(self, step: Array) -> View:
        """The view after a step (7,): rotation (3, axis-angle, camera frame), origin (2, px), log scale, log
        focal.
        """
        return View(
            nearest_rotation(axis_angle_to_matrix(step[:3]) @ self.rotation),
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

    def camera(self, image_size: NDArray[np.integer]) -> Camera:
        """As a Camera record for a photo of ``image_size`` (2,) width, height."""
        k = np.array([[self.focal, 0.0, self.centre[0]], [0.0, self.focal, self.centre[1]], [0.0, 0.0, 1.0]])
        return Camera(K=k, R=self.rotation, t=self.translation(), image_size=np.asarray(image_size, np.int32))


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
