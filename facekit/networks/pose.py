"""The six pose numbers of the encoder and the camera that they stand for.

Table 3: scale, yaw, roll and pitch over pi/2, x and y over the size of the picture, each through Tanh. Here
they say how the head looks in a square crop: ``scale`` crop sides per metre, the turn of the head towards the
middle of the crop, and where the head's origin falls. That is a scaled orthographic camera; with the focal
length of the photo, or an expected one, it is a View and so a Camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facekit.fitting.view import FRONTAL, View
from facekit.geometry.rotation import euler_to_matrix

Array = NDArray[np.float64]

SCALE = 4.0  # crop sides per metre where the network says 0


@dataclass(frozen=True)
class Pose:
    """How B heads look in their crops."""

    scale: Tensor  # (B,) crop sides per metre
    rotation: Tensor  # (B, 3, 3) head frame to the frame of a camera that looks at the middle of the crop
    origin: Tensor  # (B, 2) crop sides, image of the head's origin; (0, 0) is the crop's corner

    def project(self, points: Tensor, focal: Tensor | None = None) -> Tensor:
        """Places in crop sides and depth behind the head's origin in m, (B, N, 3), of points (B, N, 3) m.

        ``focal`` (B,) in crop sides bends the picture as perspective does; without it the camera is scaled
        orthographic.
        """
        turned = points @ self.rotation.mT
        place = self.origin[:, None] - 0.5 + self.scale[:, None, None] * turned[..., :2]
        if focal is not None:
            place = place / (1 + turned[..., 2:] * (self.scale / focal)[:, None, None])
        return torch.cat([place + 0.5, turned[..., 2:]], -1)

    def numbers(self) -> Tensor:
        """(B, 3): scale and origin as the network's Tanh gives them, -1 to 1."""
        return torch.cat([(self.scale / SCALE - 1)[:, None], 2 * self.origin - 1], 1)


def decode(raw: Tensor) -> Pose:
    """The pose of numbers (B, 6) in -1..1: scale, yaw, roll, pitch, x, y."""
    angles = raw[:, [1, 3, 2]] * (math.pi / 2)
    frontal = torch.as_tensor(FRONTAL).to(raw)
    return Pose(SCALE * (1 + raw[:, 0]), frontal @ euler_to_matrix(angles), (raw[:, 4:] + 1) / 2)


def towards(point: Array, focal: float, centre: Array) -> Array:
    """The smallest rotation (3, 3) that takes the viewing axis to the ray of a pixel (2,)."""
    offset, length = torch.as_tensor(np.asarray(point) - centre)[None], torch.tensor([focal]).double()
    found: Array = turns_towards(offset, length)[0].numpy()
    return found


def turns_towards(offset: Tensor, focal: Tensor) -> Tensor:
    """(B, 3, 3), for rays at ``offset`` (B, 2) from the principal point, in the units of ``focal`` (B,)."""
    ray = torch.cat([offset, focal[:, None]], 1)
    x, y, z = (ray / ray.norm(dim=1, keepdim=True)).unbind(1)
    cross = -x * y / (1 + z)
    rows = [
        torch.stack([1 - x * x / (1 + z), cross, x], 1),
        torch.stack([cross, 1 - y * y / (1 + z), y], 1),
        torch.stack([-x, -y, z], 1),
    ]
    return torch.stack(rows, 1)


def pose_in_crop(view: View, crop: Array) -> tuple[float, Array, Array]:
    """Scale, rotation and origin, as in Pose, of a view, in a crop; ``crop`` (3, 3) is the similarity from
    crop sides to photo pixels.
    """
    side, turn = _parts(crop)
    middle = crop[:2, :2] @ [0.5, 0.5] + crop[:2, 2]
    rotation = turn.T @ towards(middle, view.focal, view.centre).T @ view.rotation
    return view.scale / side, rotation, np.linalg.solve(crop[:2, :2], view.origin - crop[:2, 2])


def view_of_pose(
    scale: float, rotation: Array, origin: Array, crop: Array, focal: float, centre: Array
) -> View:
    """The inverse of ``pose_in_crop`` for a photo with a focal length and a principal point, px."""
    side, turn = _parts(crop)
    middle = crop[:2, :2] @ [0.5, 0.5] + crop[:2, 2]
    turned = towards(middle, focal, centre) @ turn @ rotation
    return View(turned, crop[:2, :2] @ origin + crop[:2, 2], scale * side, focal, centre)


def _parts(crop: Array) -> tuple[float, Array]:
    """Pixels per side, and the turn (3, 3) of the crop in the picture."""
    side = float(np.sqrt(np.linalg.det(crop[:2, :2])))
    turn = np.eye(3)
    turn[:2, :2] = crop[:2, :2] / side
    return side, turn
