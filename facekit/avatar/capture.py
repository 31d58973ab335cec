"""A capture: one person filmed by many cameras, the tracked mesh of each frame, and what drives an avatar.

Letters as in records.py, and: N frames, M cameras, H×W pixels of a view, T texels a side, S pictures of the
headset (h×w pixels), L keypoints. Frames are of the head frame (metres, y up, face along +z): the head's
motion is taken out of the meshes and kept in ``head``. Pictures and textures are 8-bit as a camera stores
them (sRGB); row 0 of a texture is the top of the UV square. Arrays may be memory-mapped: slices are cheap.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.geometry.camera import project_points
from facekit.records import BoolArray, ByteArray, Camera, FloatArray, IntArray, Step

Part = TypeVar("Part")

HMC_NAMES = ("mouth", "left_eye", "right_eye")
ANCHOR = 0  # camera whose colours are the reference: its gain is 1 and its bias 0


@dataclass(frozen=True)
class Mesh:
    """The topology that all frames share, and its chart."""

    faces: IntArray  # (F, 3) int32
    uv: FloatArray  # (U, 2) float32, origin at the bottom left
    uv_faces: IntArray  # (F, 3) int32, index into uv


@dataclass(frozen=True)
class Views:
    """What the cameras saw. Cameras stand still: px = K (R X + t), X in the world."""

    names: tuple[str, ...]  # M
    K: FloatArray  # (M, 3, 3) float64, px
    R: FloatArray  # (M, 3, 3) float64, world to camera
    t: FloatArray  # (M, 3) float64, m
    gain: FloatArray  # (M, 3) float32: stored = gain * colour + bias, all in 0..1; NaN where unknown
    bias: FloatArray  # (M, 3) float32
    images: ByteArray  # (N, M, H, W, 3) uint8
    masks: ByteArray  # (N, M, H, ceil(W/8)) uint8, bits: pixels that show the mesh, see unpack

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) px."""
        return int(self.images.shape[2]), int(self.images.shape[3])


@dataclass(frozen=True)
class Hmc:
    """Head-mounted cameras: grey pictures of the mouth, the left and the right eye.

    px = K (R (P X) + t): P of ``pose`` takes the head frame to the headset's, which has its axes and differs
    by how the headset sits. The pictures show the face without background, 0 where ``masks`` is 0.
    """

    K: FloatArray  # (S, 3, 3) float64, px
    R: FloatArray  # (S, 3, 3) float64, headset to camera
    t: FloatArray  # (S, 3) float64, m
    pose: FloatArray  # (N, 3, 4) float64, head frame to headset
    images: ByteArray  # (N, S, h, w) uint8 grey
    masks: ByteArray  # (N, S, h, ceil(w/8)) uint8, bits
    names: tuple[str, ...] = HMC_NAMES

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) px."""
        return int(self.images.shape[2]), int(self.images.shape[3])


@dataclass(frozen=True)
class Keypoints:
    """Points of the mesh as a camera in front of the head sees them, 0..1 of its picture; NaN is missing."""

    scheme: str  # "mediapipe478", or "" for points that no detector gives
    index: IntArray  # (L,) int32, places in that scheme
    corners: IntArray  # (L, 3) int32, vertices of the triangle that each point lies in
    bary: FloatArray  # (L, 3) float32
    camera: Camera  # in the head frame; its pictures are square
    points: FloatArray  # (N, L, 2) float32, x to the right, y down
    rest: FloatArray | None = None  # (L, 3) float32, m, head frame: where they are on the face at rest
    noise: float = 0.0  # of ``points``, known for invented ones (disturb_keypoints): training draws it anew


@dataclass(frozen=True)
class Capture:
    """One person. ``views``, ``hmc`` and ``keypoints`` may be absent."""

    subject: str
    mesh: Mesh
    segments: tuple[str, ...]  # names of what the person was asked to do
    segment: IntArray  # (N,) int32, index into segments
    held_out: BoolArray  # (N,) bool, frames to test on: whole segments
    head: FloatArray  # (N, 3, 4) float64, head frame to world, m
    meshes: FloatArray  # (N, V, 3) float32, m, head frame
    textures: ByteArray  # (N, T, T, 3) uint8, mean over the views
    views: Views | None = None
    hmc: Hmc | None = None
    keypoints: Keypoints | None = None
    expression_names: tuple[str, ...] = ()  # E; empty where the expression is not known
    expression: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # (N, E) weights
    history: tuple[Step, ...] = ()

    def __len__(self) -> int:
        return len(self.meshes)

    def frames(self, which: str = "all") -> IntArray:
        """Frame numbers (n,): ``training``, ``held-out`` or ``all``."""
        if which not in ("all", "training", "held-out"):
            raise ValueError(f"unknown part {which!r}: all, training or held-out")
        if which == "all":
            return np.arange(len(self))
        return np.flatnonzero(self.held_out == (which == "held-out"))

    def view_camera(self, frame: int, camera: int) -> Camera:
        """The camera of a view in the head frame."""
        views = _present(self.views, "views")
        R, t = _through(views.R[camera], views.t[camera], self.head[frame])
        return Camera(views.K[camera], R, t, np.array(views.size[::-1], np.int32))

    def hmc_camera(self, frame: int, which: int) -> Camera:
        """The camera of a picture of the headset in the head frame."""
        hmc = _present(self.hmc, "pictures of a headset")
        R, t = _through(hmc.R[which], hmc.t[which], hmc.pose[frame])
        return Camera(hmc.K[which], R, t, np.array(hmc.size[::-1], np.int32))


@dataclass(frozen=True)
class ViewBatch:
    """B views, one of each frame. Colours 0..1, not corrected by gain and bias."""

    frame: IntArray  # (B,)
    camera: IntArray  # (B,)
    images: FloatArray  # (B, H, W, 3) float32
    masks: BoolArray  # (B, H, W)
    K: FloatArray  # (B, 3, 3) float32, px
    R: FloatArray  # (B, 3, 3) float32, head frame to camera
    t: FloatArray  # (B, 3) float32, m
    towards: FloatArray  # (B, 3) float32, unit, from the head frame's origin to the camera: the view vector


@dataclass(frozen=True)
class HmcBatch:
    """Pictures of the headset in B frames."""

    frame: IntArray  # (B,)
    images: FloatArray  # (B, S, h, w) float32, grey 0..1
    masks: BoolArray  # (B, S, h, w)
    K: FloatArray  # (B, S, 3, 3) float32, px
    R: FloatArray  # (B, S, 3, 3) float32, head frame to camera
    t: FloatArray  # (B, S, 3) float32, m
    towards: FloatArray  # (B, S, 3) float32, unit, from the head frame's origin to the camera


def view_batch(capture: Capture, frames: IntArray, cameras: IntArray) -> ViewBatch:
    """Views of ``frames`` (B,) by ``cameras`` (B,). ValueError for a capture without views."""
    views = _present(capture.views, "views")
    frames, cameras = np.asarray(frames), np.asarray(cameras)
    pairs = list(zip(frames.tolist(), cameras.tolist(), strict=True))
    images = np.stack([views.images[n, m] for n, m in pairs])
    masks = np.stack([views.masks[n, m] for n, m in pairs])
    R, t = _through(views.R[cameras], views.t[cameras], capture.head[frames])
    return ViewBatch(
        frames,
        cameras,
        images.astype(np.float32) / 255,
        unpack(masks, views.size[1]),
        views.K[cameras].astype(np.float32),
        R.astype(np.float32),
        t.astype(np.float32),
        towards(R, t),
    )


def hmc_batch(capture: Capture, frames: IntArray) -> HmcBatch:
    """Pictures of the headset in ``frames`` (B,). ValueError for a capture without them."""
    hmc = _present(capture.hmc, "pictures of a headset")
    frames = np.asarray(frames)
    images = np.stack([hmc.images[n] for n in frames.tolist()])
    masks = np.stack([hmc.masks[n] for n in frames.tolist()])
    R, t = _through(hmc.R[None], hmc.t[None], hmc.pose[frames][:, None])
    return HmcBatch(
        frames,
        images.astype(np.float32) / 255,
        unpack(masks, hmc.size[1]),
        np.broadcast_to(hmc.K.astype(np.float32), (len(frames), *hmc.K.shape)),
        R.astype(np.float32),
        t.astype(np.float32),
        towards(R, t),
    )


def towards(R: FloatArray, t: FloatArray) -> FloatArray:
    """Unit vectors (..., 3) float32 from the origin to cameras with R (..., 3, 3), t (..., 3)."""
    centre = -np.einsum("...ji,...j->...i", R, t)
    return (centre / np.linalg.norm(centre, axis=-1, keepdims=True)).astype(np.float32)


def pack(mask: BoolArray) -> ByteArray:
    """Masks (..., W) bool as bits (..., ceil(W/8)) uint8."""
    return np.packbits(mask, axis=-1)


def unpack(bits: ByteArray, width: int) -> BoolArray:
    """Masks (..., width) bool of bits (..., ceil(width/8)) uint8."""
    return np.unpackbits(bits, axis=-1, count=width).astype(bool)


def project_keypoints(keypoints: Keypoints, vertices: FloatArray) -> FloatArray:
    """The keypoints (..., L, 2) float32, 0..1, of meshes (..., V, 3) m in the head frame."""
    corners = np.asarray(vertices, np.float64)[..., keypoints.corners, :]
    points = np.einsum("...lkc,lk->...lc", corners, keypoints.bary.astype(np.float64))
    screen = project_points(keypoints.camera, points)[..., :2]
    return (screen / keypoints.camera.image_size).astype(np.float32)


def blank(shape: tuple[int, ...], dtype: type = np.uint8) -> NDArray[Any]:
    """An array of zeros that takes no memory, for a capture whose frames are yet to come."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def rest_keypoints(capture: Capture) -> FloatArray:
    """Where the keypoints are on the face at rest, (L, 3) float32, m, head frame.

    Rest is the training frame with the least expression; where expressions are not known, the one whose mesh
    is nearest to the median of all. ValueError for a capture without keypoints.
    """
    points = _present(capture.keypoints, "keypoints")
    if points.rest is not None:
        return points.rest
    frames = capture.frames("training")
    if len(capture.expression_names):
        calm = frames[np.argmin(capture.expression[frames].sum(axis=1))]
    else:
        corners = np.unique(points.corners)
        seen = np.asarray(capture.meshes[frames][:, corners])
        away = ((seen - np.median(seen, axis=0)) ** 2).sum(axis=(1, 2))
        calm = frames[np.argmin(away)]
    triangles = capture.meshes[calm][points.corners]
    return np.einsum("lkc,lk->lc", triangles, points.bary).astype(np.float32)


def part(capture: Capture, frames: IntArray) -> Capture:
    """The capture with some of its frames only, in the given order; copies them."""
    views, hmc, points = capture.views, capture.hmc, capture.keypoints
    known = len(capture.expression_names) > 0
    return replace(
        capture,
        segment=capture.segment[frames],
        held_out=capture.held_out[frames],
        head=capture.head[frames],
        meshes=capture.meshes[frames],
        textures=capture.textures[frames],
        views=views and replace(views, images=views.images[frames], masks=views.masks[frames]),
        hmc=hmc and replace(hmc, pose=hmc.pose[frames], images=hmc.images[frames], masks=hmc.masks[frames]),
        keypoints=points and replace(points, points=points.points[frames]),
        expression=capture.expression[frames] if known else capture.expression,
    )


def _through(R: FloatArray, t: FloatArray, pose: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R and t of cameras (..., 3, 3), (..., 3) after a pose (..., 3, 4) of what they see."""
    turn, shift = pose[..., :3], pose[..., 3]
    return R @ turn, np.einsum("...ij,...j->...i", R, shift) + t


def _present(given: Part | None, name: str) -> Part:
    if given is None:
        raise ValueError(f"the capture has no {name}")
    return given
