"""What avatars are fitted to in the evaluations of LiP-Flow, made from a capture (Sec. 4.2, Fig. 10)."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from facekit.avatar.batches import signal_batch
from facekit.avatar.capture import Capture, HmcBatch, hmc_batch, view_batch
from facekit.avatar.fitting import PicturesTarget, PointsTarget, Target
from facekit.avatar.keypoints import LEFT_BROW, LEFT_LIDS, LIPS, RIGHT_BROW, RIGHT_LIDS
from facekit.avatar.models import Avatar
from facekit.avatar.render import Cameras, Renderer
from facekit.geometry.camera import project_points
from facekit.records import BoolArray, FloatArray, IntArray

TARGETS = ("kpt", "hmc", "frontal", "masked")
NEAR = 0.004  # of the picture's width: deviation of a keypoint that counts as one
MARGIN = 0.12  # of the face's width, round the eyes and the mouth that a mask leaves


def frontal_camera(capture: Capture) -> int:
    """The camera of the views that stands most in front of the head."""
    assert capture.views is not None
    count = len(capture.views.names)
    some = capture.frames()[:: max(1, len(capture) // 8)]
    ahead = [
        np.mean([view_batch(capture, some[k : k + 1], np.array([m])).towards[0, 2] for k in range(len(some))])
        for m in range(count)
    ]
    return int(np.argmax(ahead))


def make_target(
    name: str, avatar: Avatar, capture: Capture, frames: IntArray, *, posed: bool = True
) -> Target:
    """One of TARGETS for frames of a capture; for "hmc" ``posed`` says that the headset's pose is known."""
    mesh = capture.mesh
    if name == "kpt":
        assert capture.keypoints is not None
        return PointsTarget(signal_batch(capture, frames, "kpt"), capture.keypoints, NEAR)
    renderer = Renderer(mesh.faces, mesh.uv, mesh.uv_faces)
    if name == "hmc":
        seen = hmc_batch(capture, frames)
        cameras = cameras_of(seen) if posed else _nominal(capture, len(frames))
        return PicturesTarget(torch.from_numpy(seen.images), torch.from_numpy(seen.masks), cameras, renderer)
    which = frontal_camera(capture)
    views = view_batch(capture, frames, np.full(len(frames), which))
    masks = views.masks
    if name == "masked":
        masks = masks & np.stack([_left(capture, frame, which) for frame in frames.tolist()])
    parts = (torch.from_numpy(np.ascontiguousarray(value))[:, None] for value in (views.K, views.R, views.t))
    images = torch.from_numpy(views.images)[:, None]
    return PicturesTarget(images, torch.from_numpy(masks)[:, None], Cameras(*parts), renderer, which)


def cameras_of(seen: HmcBatch) -> Cameras:
    """The cameras (B, S, ...) of a headset's pictures."""
    return Cameras(*(torch.from_numpy(np.ascontiguousarray(v)) for v in (seen.K, seen.R, seen.t)))


def _nominal(capture: Capture, count: int) -> Cameras:
    """As if the headset sat as it should."""
    assert capture.hmc is not None
    rig = capture.hmc
    parts = (torch.as_tensor(np.array(v), dtype=torch.float32) for v in (rig.K, rig.R, rig.t))
    return Cameras(*(part.expand(count, *part.shape) for part in parts))


def _left(capture: Capture, frame: int, camera: int) -> BoolArray:
    """(H, W) bool: eyes and mouth in a view."""
    assert capture.keypoints is not None
    assert capture.views is not None
    places, index = capture.keypoints, capture.keypoints.index
    corners = np.asarray(capture.meshes[frame], np.float64)[places.corners]
    points = np.einsum("lkc,lk->lc", corners, places.bary.astype(np.float64))
    px = project_points(capture.view_camera(frame, camera), points)[:, :2]
    width = float(np.ptp(px[:, 0]))
    mask = np.zeros(capture.views.size, np.uint8)
    for group in (LEFT_LIDS + LEFT_BROW, RIGHT_LIDS + RIGHT_BROW, LIPS):
        some: FloatArray = px[np.isin(index, group)]
        if len(some) > 2:
            hull = cv2.convexHull(np.round(some).astype(np.int32))
            cv2.fillConvexPoly(mask, hull, 1)
    side = max(1, round(MARGIN * width / 2))
    return cv2.dilate(mask, np.ones((2 * side + 1,) * 2, np.uint8)).astype(bool)
