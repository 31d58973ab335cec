"""Faces to train the encoder on: a crop of each photo with a rim around it, and what is known of the face.

What is not known is NaN: a photo may come with a code and a pose (synthetic faces), with a pose alone
(300W-LP, whose codes are those of another face model), or with landmarks alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facekit.detection.crops import PhotoPyramid
from facekit.detection.schemes import MIRROR_68
from facekit.errors import UsageError
from facekit.fitting.view import View
from facekit.networks.pose import Pose, pose_in_crop, turns_towards
from facekit.records import BoolArray, ByteArray

Array = NDArray[np.float64]

SIDE = 1.7  # of the crop, times the longer side of the box of the 68 landmarks
RAISED = 0.12  # of that side, by which the crop's middle lies above the box's: brows are its upper edge
RIM = 1.5  # stored width over the crop's, room to move the crop in
ZOOM, SHIFT, TURN = 0.16, 0.05, np.radians(10.0)  # how far crops move in training: log, sides, radians
GAIN, TINT = 0.15, 0.05  # spread of the logarithms of exposure and of each channel
RECTANGLE = (0.15, 0.6)  # sides of the crop, of the rectangles that hide part of it at the end of training
GROWN = 0.5  # part of the training over which they reach that size
HIDDEN = 0.8  # share of the pictures of which a part is hidden, at the end


@dataclass(frozen=True)
class KnownFace:
    """A photo and what is known of the face in it."""

    photo: ByteArray  # (H, W, 3) sRGB
    landmarks: Array  # (68, 2) px
    view: View | None = None
    code: Array | None = None  # (K,) standard deviations
    occluder: BoolArray | None = None  # (H, W), of another photo of the face: where something may lie


@dataclass(frozen=True)
class Lessons:
    """N faces."""

    pictures: NDArray[np.uint8]  # (N, R, R, 3) sRGB, R = RIM times the network's picture
    code: NDArray[np.float32]  # (N, K)
    scale: NDArray[np.float32]  # (N,) of the pose in the crop
    rotation: NDArray[np.float32]  # (N, 3, 3)
    origin: NDArray[np.float32]  # (N, 2)
    focal: NDArray[np.float32]  # (N,) crop sides; expected ones where none is known
    landmarks: NDArray[np.float32]  # (N, 68, 2) crop sides
    occluders: NDArray[np.uint8]  # (M, R, R) 1 where they hide any face

    def __len__(self) -> int:
        return len(self.pictures)

    def rows(self, which: NDArray[np.integer]) -> Lessons:
        """Some of the faces, with all occluders."""
        some = {f.name: getattr(self, f.name)[which] for f in fields(self) if f.name != "occluders"}
        return Lessons(**some, occluders=self.occluders)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """By name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> Lessons:
        """The inverse of ``arrays``."""
        return Lessons(**{field.name: arrays[field.name] for field in fields(Lessons)})  # type: ignore[arg-type]

    @staticmethod
    def joined(parts: Sequence[Lessons]) -> Lessons:
        """Those of all parts. Raises UsageError where there is none."""
        if not parts:
            raise UsageError("there are no faces to learn from")
        return Lessons(
            **{
                field.name: np.concatenate([getattr(p, field.name) for p in parts])
                for field in fields(Lessons)
            }
        )


def crop_of(landmarks: Array) -> Array:
    """The similarity (3, 3) from crop sides to photo pixels of the crop around 68 landmarks (68, 2) px."""
    good = landmarks[np.isfinite(landmarks).all(1)]
    low, high = good.min(0), good.max(0)
    side = SIDE * float((high - low).max())
    middle = (low + high) / 2 - [0.0, RAISED / SIDE * side]
    crop = np.diag([side, side, 1.0])
    crop[:2, 2] = middle - side / 2
    return crop


def cut(photo: ByteArray, crop: Array, size: int, rim: float = RIM) -> ByteArray:
    """The crop with its rim, (R, R, 3) for R = rim size; black beyond the photo."""
    return PhotoPyramid(photo).crop(_with_rim(crop, size, rim), round(rim * size))


def cut_mask(hidden: BoolArray, crop: Array, size: int, rim: float = RIM) -> BoolArray:
    """The pixels of the crop of which any part is hidden; nothing is hidden beyond the photo."""
    matrix, side = _with_rim(crop, size, rim), round(rim * size)
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    shrink = max(1.0, matrix[0, 0])
    spread = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), 0.5 * shrink) if shrink > 1 else hidden
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    centred = (np.linalg.inv(half) @ matrix @ half)[:2]
    found = cv2.warpAffine(np.asarray(spread, np.float32), centred, (side, side), flags=flags)
    return np.asarray(found > 0.02)


def _with_rim(crop: Array, size: int, rim: float) -> Array:
    """From pixels of the stored picture to those of the photo."""
    step = np.diag([1 / size, 1 / size, 1.0])
    step[:2, 2] = (1 - rim) / 2
    out: Array = crop @ step
    return out


def lesson(face: KnownFace, focal: float, size: int, modes: int) -> Lessons:
    """One face, for pictures of ``size`` px and codes of ``modes`` numbers; ``focal`` px is expected of
    photos of which it is not known.
    """
    crop = crop_of(face.landmarks)
    side = crop[0, 0]
    pose: tuple[float, Array, Array] = np.nan, np.full((3, 3), np.nan), np.full(2, np.nan)
    if face.view is not None:
        pose, focal = pose_in_crop(face.view, crop), face.view.focal
    stored = round(RIM * size)
    occluders = np.zeros((0, stored, stored), np.uint8)
    if face.occluder is not None:
        occluders = cut_mask(face.occluder, crop, size)[None].astype(np.uint8)
    code = np.full(modes, np.nan) if face.code is None else face.code
    return Lessons(
        pictures=cut(face.photo, crop, size)[None],
        code=_row(code),
        scale=_row(pose[0]),
        rotation=_row(pose[1]),
        origin=_row(pose[2]),
        focal=_row(focal / side),
        landmarks=_row((face.landmarks - crop[:2, 2]) / side),
        occluders=occluders,
    )


def _row(values: Array | float) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)[None]


def draw(
    lessons: Lessons, index: Tensor, size: int, mirror: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Faces ``index`` (B,) in crops that are moved, turned, scaled, flipped and exposed at random, before
    anything is hidden: picture (B, 3, S, S) in 0..1, code, scale, rotation, origin, focal, landmarks.
    ``mirror`` (K, K) is FaceModel.mirror_matrix.
    """
    count = len(index)
    noise = torch.rand(4, count, generator=generator) * 2 - 1
    zoom, angle = (ZOOM * noise[0]).exp(), TURN * noise[1]
    shift, flip = SHIFT * noise[2:].T, torch.rand(count, generator=generator) < 0.5
    batch = moved(lessons, index, size, Moves(zoom, angle, shift, flip), mirror)
    exposure = torch.randn(count, 4, generator=generator)
    gain = (GAIN * exposure[:, :1] + TINT * exposure[:, 1:]).exp()
    return batch | {"picture": (batch["picture"] * gain[:, :, None, None]).clamp(0, 1)}


def still(lessons: Lessons, index: Tensor, size: int, mirror: Tensor) -> dict[str, Tensor]:
    """As ``draw``, of the crops as they are."""
    zero = torch.zeros(len(index))
    return moved(lessons, index, size, Moves(zero + 1, zero, zero[:, None].repeat(1, 2), zero > 0), mirror)


@dataclass(frozen=True)
class Moves:
    """From a new crop to the stored one: a point p becomes zoom Rot(angle) (p - 1/2) + 1/2 + shift; first
    ``flip`` mirrors it.
    """

    zoom: Tensor  # (B,)
    angle: Tensor  # (B,)
    shift: Tensor  # (B, 2)
    flip: Tensor  # (B,) bool

    @property
    def linear(self) -> Tensor:
        """(B, 2, 2)."""
        c, s = self.angle.cos() * self.zoom, self.angle.sin() * self.zoom
        return torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)

    def back(self, points: Tensor) -> Tensor:
        """Points (B, N, 2) of the stored crop in the new one, before it is mirrored."""
        return torch.linalg.solve(self.linear, (points - 0.5 - self.shift[:, None]).mT).mT + 0.5

    def grid(self, size: int, rim: float = RIM) -> Tensor:
        """(B, S, S, 2) for grid_sample on stored pictures."""
        axis = (torch.arange(size) + 0.5) / size - 0.5
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        points = torch.stack([x, y], -1).reshape(1, -1, 2).repeat(len(self.zoom), 1, 1)
        points[self.flip] *= torch.tensor([-1.0, 1.0])
        placed = points @ self.linear.mT + self.shift[:, None]
        return (2 * placed / rim).reshape(-1, size, size, 2)


def moved(lessons: Lessons, index: Tensor, size: int, moves: Moves, mirror: Tensor) -> dict[str, Tensor]:
    """As ``draw``, for given moves."""
    rows = index.numpy()
    code, landmarks = torch.from_numpy(lessons.code[rows]), torch.from_numpy(lessons.landmarks[rows])
    focal = torch.from_numpy(lessons.focal[rows])
    turn = torch.zeros(len(rows), 3, 3)
    turn[:, 2, 2] = 1
    turn[:, :2, :2] = moves.linear / moves.zoom[:, None, None]
    aside = turns_towards(moves.shift, focal)
    rotation = turn.mT @ aside.mT @ torch.from_numpy(lessons.rotation[rows])
    origin = moves.back(torch.from_numpy(lessons.origin[rows])[:, None])[:, 0]
    landmarks = moves.back(landmarks)
    side, f = torch.tensor([-1.0, 1.0, 1.0]), moves.flip[:, None]
    upset = (
        torch.tensor([1.0, 0.0]) + torch.tensor([-1.0, 1.0]) * landmarks[:, torch.as_tensor(MIRROR_68).long()]
    )
    stored = torch.from_numpy(lessons.pictures[rows]).permute(0, 3, 1, 2).float() / 255
    picture = functional.grid_sample(stored, moves.grid(size), padding_mode="zeros", align_corners=False)
    return {
        "picture": picture,
        "code": torch.where(f, code @ mirror, code),
        "scale": torch.from_numpy(lessons.scale[rows]) / moves.zoom,
        "rotation": torch.where(f[..., None], side[:, None] * rotation * side, rotation),
        "origin": torch.where(f, torch.tensor([1.0, 0.0]) + side[:2] * origin, origin),
        "focal": focal / moves.zoom,
        "landmarks": torch.where(f[..., None], upset, landmarks),
    }


def hide(lessons: Lessons, count: int, size: int, progress: float, generator: torch.Generator) -> Tensor:
    """What hides part of each face, (B, S, S) bool: nothing, a rectangle, or an occluder of the lessons, in
    sizes and shares that grow over the first half of the training.
    """
    grown = min(1.0, progress / GROWN)
    chance, which = torch.rand(2, count, generator=generator)
    low, high = RECTANGLE
    sides = low + (high - low) * max(grown, 0.2) * torch.rand(count, 2, generator=generator)
    corner = torch.rand(count, 2, generator=generator) * (1.1 - sides)
    axis = (torch.arange(size) + 0.5) / size
    x, y = ((axis >= corner[:, k, None]) & (axis < (corner + sides)[:, k, None]) for k in range(2))
    out = y[:, :, None] & x[:, None, :]
    if len(lessons.occluders):
        pick = torch.randint(len(lessons.occluders), (count,), generator=generator)
        rim = (lessons.occluders.shape[1] - size) // 2
        inner = lessons.occluders[pick.numpy(), rim : rim + size, rim : rim + size] > 0
        out = torch.where((which < 0.5)[:, None, None], torch.from_numpy(inner), out)
    return out & (chance < HIDDEN * (0.5 + 0.5 * grown))[:, None, None]


def as_input(picture: Tensor, hidden: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) in 0..1 as the encoder takes them: -1..1, 0 where ``hidden`` (B, S, S) bool."""
    return (2 * picture - 1) * ~hidden[:, None]


def pose_of(batch: dict[str, Tensor]) -> Pose:
    """The true poses of a batch."""
    return Pose(batch["scale"], batch["rotation"], batch["origin"])
