"""One face, given about where it is, to landmarks with an uncertainty for each point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facekit.detection.agreement import perturbed, robust_mean
from facekit.detection.crops import PhotoPyramid, Placement, scale_of, transform
from facekit.detection.detector import Detector
from facekit.detection.lanes import side_by_side
from facekit.detection.points import Points, face_box, longer_side
from facekit.detection.schemes import ANCHORS, MIRROR, OUTLINE
from facekit.records import BoolArray, FloatArray, Landmarks

HIDDEN_SIGMA = 0.25  # of the face's longer side: a hidden landmark is a guess
# How the error of a landmark grows with the spread of its readings: most likely values for 1,235 faces made
# by ``facekit synth``, the network's offsets from the anatomical landmarks (by yaw and pitch) taken away.
FLOOR_SIGMA = 0.0077  # of the face's longer side: the error where all readings agree
SPREAD_GAIN = 1.6
RIM = 0.012  # of the face's longer side: this near to the occluder a landmark counts as hidden


def read_once(
    detector: Detector, photo: PhotoPyramid, placement: Placement, flip: bool = False, lane: int = 0
) -> Points:
    """Run the network on one crop and map its points back to the photo, mirror names undone."""
    matrix = placement.matrix(detector.crop_size, flip)
    reading = detector.landmarks(photo.crop(matrix, detector.crop_size), lane)
    order = MIRROR[detector.scheme] if flip else slice(None)
    points, depth = transform(matrix, reading.points), reading.depth * scale_of(matrix)
    return Points(points[order], depth[order], reading.confidence[order], np.zeros(len(points)), placement)


def _read_all(detector: Detector, looks: list[tuple[PhotoPyramid, Placement, bool]]) -> list[Points]:
    return side_by_side(lambda look, lane: read_once(detector, *look, lane), looks, detector.lanes)


def follow(
    detector: Detector, pictures: list[PhotoPyramid], placement: Placement, steps: int = 2
) -> Placement:
    """Move the crop to where its landmarks say the face is, ``steps`` times."""
    for _ in range(steps):
        readings = _read_all(detector, [(picture, placement, False) for picture in pictures])
        points = np.mean([r.points for r in readings], axis=0)
        placement = place(points, detector.scheme, detector.margin, detector.shift)
    return placement


def place(points: FloatArray, scheme: str, margin: float, shift: float = 0.0) -> Placement:
    """The crop for a network, from landmarks: upright by the eyes, ``margin`` times their box."""
    right_eye, left_eye, *_ = ANCHORS[scheme]
    across = points[left_eye] - points[right_eye]
    angle = float(np.arctan2(across[1], across[0]))
    box = face_box(points[OUTLINE[scheme]])
    side = longer_side(box)
    down = np.array([-np.sin(angle), np.cos(angle)])
    return Placement((box[:2] + box[2:]) / 2 + shift * side * down, side * margin, angle)


def read_face(detector: Detector, pictures: list[PhotoPyramid], placement: Placement) -> Points:
    """Robust mean over perturbed crops of every picture (the photo, and the photo with its hole filled)."""
    around = perturbed(placement, detector.runs)
    readings = _read_all(detector, [(picture, p, flip) for picture in pictures for p, flip in around])
    stacked = np.stack([np.column_stack([r.points, r.depth]) for r in readings])
    mean, spread = robust_mean(stacked)
    confidence = np.mean([r.confidence for r in readings], axis=0)
    return Points(mean[:, :2], mean[:, 2], confidence, spread, placement)


def as_landmarks(
    read: Points, detector: Detector, score: float, hidden: BoolArray | None, size: tuple[int, int]
) -> Landmarks:
    """The record: sigma from the spread, and large for points that are hidden or outside the photo."""
    box = face_box(read.points)
    side = longer_side(box)
    sigma = np.hypot(SPREAD_GAIN * read.spread, FLOOR_SIGMA * side) / np.sqrt(
        np.clip(read.confidence, 0.04, 1)
    )
    landmarks = Landmarks(
        scheme=detector.scheme,
        points=read.points.astype(np.float32),
        depth=read.depth.astype(np.float32),
        sigma=sigma.astype(np.float32),
        hidden=np.zeros(len(sigma), dtype=bool),
        score=score,
        box=box.astype(np.float32),
        crop=read.placement.matrix(detector.crop_size),
        image_size=np.array(size, dtype=np.int32),
        detector=detector.name,
    )
    return cover(landmarks, hidden)


def cover(landmarks: Landmarks, hidden: BoolArray | None) -> Landmarks:
    """Mark what lies under the mask (H, W) as hidden; hidden points and points outside the photo
    get a large sigma."""
    points, side = landmarks.points, longer_side(landmarks.box)
    covered = landmarks.hidden | under_mask(points, hidden, RIM * side)
    outside = ((points < 0) | (points > landmarks.image_size)).any(axis=1)
    guess = np.maximum(landmarks.sigma, np.float32(HIDDEN_SIGMA * side))
    return replace(landmarks, hidden=covered, sigma=np.where(covered | outside, guess, landmarks.sigma))


def under_mask(points: FloatArray, hidden: BoolArray | None, rim: float = 0.0) -> BoolArray:
    """(L,) bool: which points (L, 2) px lie under the mask (H, W) or within ``rim`` px of it."""
    if hidden is None:
        return np.zeros(len(points), dtype=bool)
    turn = np.arange(0, 2 * np.pi, np.pi / 8)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    offsets = (
        np.concatenate([np.zeros((1, 2)), *(r * ring for r in (rim / 2, rim))])
        if rim > 0
        else np.zeros((1, 2))
    )
    near = np.floor(np.nan_to_num(points, nan=-1e6)[:, None] + offsets).astype(int)
    column, row = near[..., 0], near[..., 1]
    height, width = hidden.shape
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return np.asarray((inside & hidden[row.clip(0, height - 1), column.clip(0, width - 1)]).any(axis=1))
