"""Finds the faces of a photo: plain look first, then ever harder ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from facekit.detection.boxes import Box, find_boxes, intersection_over_union, suppress
from facekit.detection.crops import PhotoPyramid, Placement
from facekit.detection.facemesh import FaceMesh
from facekit.detection.filling import brighten, smooth_fill
from facekit.detection.plausible import implausible, matches_box, tolerance
from facekit.detection.points import Points, face_box, longer_side
from facekit.detection.reading import follow, read_face, under_mask
from facekit.records import BoolArray, ByteArray

TURNS = tuple(np.radians(d) for d in (30.0, -30.0, 60.0, -60.0, 90.0, -90.0, 180.0))
DOUBTFUL = 0.008  # spread above which an open face may be upside down
DEEPEST = 3  # windows down to an eighth of the photo


@dataclass(frozen=True, eq=False)
class Face:
    """A face that was found: the mesh over it, and the pictures that it was found in."""

    mesh: Points
    score: float
    pictures: list[PhotoPyramid]


def pictures_of(photo: ByteArray, hidden: BoolArray | None) -> list[PhotoPyramid]:
    """What the networks look at: the photo, and where something hides the face also one with that filled.

    Neither is always better: known occluders (glasses) help the network, unknown ones mislead it.
    """
    pictures = [PhotoPyramid(photo)]
    if hidden is not None and hidden.any():
        pictures.append(PhotoPyramid(smooth_fill(photo, hidden)))
    return pictures


def find_faces(photo: ByteArray, hidden: BoolArray | None, every: bool) -> list[Face]:
    """Faces by falling size. ``every``: search all window sizes; otherwise stop at the first one seen."""
    faces: list[Face] = []
    for pictures, boxes, easy in _looks(pictures_of(photo, hidden), every):
        if faces and not easy:
            break
        for box in boxes:
            face = confirm(pictures, box, hidden)
            faces = faces if face is None else _with(face, faces)
        if not every and any(len(f.pictures) > 1 or _unsteadiness(f.mesh) < DOUBTFUL for f in faces):
            break
    return sorted(faces, key=lambda f: -longer_side(face_box(f.mesh.points)))


def confirm(pictures: list[PhotoPyramid], box: Box, hidden: BoolArray | None) -> Face | None:
    """Lay the mesh over a box; None if what comes out is no face."""
    detector, masked = FaceMesh(), len(pictures) > 1
    start = box.placement.moved((0.0, 0.0), detector.margin, 0.0)
    mesh = read_face(detector, pictures, follow(detector, pictures, start))
    if (
        not masked and _unsteadiness(mesh) > DOUBTFUL
    ):  # the mesh can lie upright on a face that is upside down
        turned = start.moved((0.0, 0.0), 1.0, np.pi)
        other = read_face(detector, pictures, follow(detector, pictures, turned))
        mesh = min(mesh, other, key=_unsteadiness)
    covered = under_mask(mesh.points, hidden)
    if implausible(mesh, detector.scheme, pictures[0].size, covered, tolerance(box.score, masked)):
        return None
    if not matches_box(mesh.points, box.placement.centre, box.placement.side):
        return None
    return Face(mesh, box.score, pictures)


def confirm_box(
    photo: ByteArray, hidden: BoolArray | None, corners: tuple[float, float, float, float]
) -> Face | None:
    """The face in a box x0 y0 x1 y1 that the user gave, upright or turned."""
    low, high = np.array(corners[:2]), np.array(corners[2:])
    side, pictures = float((high - low).max()), pictures_of(photo, hidden)
    for angle in (0.0, *TURNS):
        face = confirm(pictures, Box(float("nan"), Placement((low + high) / 2, side, angle)), hidden)
        if face is not None:
            return face
    return None


def _looks(pictures: list[PhotoPyramid], every: bool) -> Iterator[tuple[list[PhotoPyramid], list[Box], bool]]:
    """Pictures, the boxes found in them, and whether this is an easy look; cheap looks first.

    The hard ones, brightened, turned and enlarged, are for photos where the easy ones found nothing.
    """
    enlarged = range(2, DEEPEST + 1)
    for level in (0, 1, *(enlarged if every else ())):
        yield pictures, _boxes_in(pictures, level), True
    bright = [PhotoPyramid(brighten(p.photo)) for p in pictures]
    for level in (0, 1):
        yield bright, _boxes_in(bright, level), False
    for angle in TURNS:
        yield pictures, _boxes_in(pictures, 0, angle), False
    for level in enlarged:
        yield pictures, _boxes_in(pictures, level), False
    for angle in TURNS:
        yield pictures, _boxes_in(pictures, 1, angle), False


def _boxes_in(pictures: list[PhotoPyramid], level: int, angle: float = 0.0) -> list[Box]:
    return suppress([box for picture in pictures for box in find_boxes(picture, level, angle)])


def _unsteadiness(mesh: Points) -> float:
    """Median spread as a part of the face's longer side."""
    return float(np.median(mesh.spread)) / max(longer_side(face_box(mesh.points)), 1e-6)


def _with(face: Face, faces: list[Face]) -> list[Face]:
    """The faces and one more; of two that overlap the steadier one stays."""
    box = face_box(face.mesh.points)
    same = [f for f in faces if intersection_over_union(box, face_box(f.mesh.points)) > 0.3]
    if any(_unsteadiness(f.mesh) <= _unsteadiness(face.mesh) for f in same):
        return faces
    return [*(f for f in faces if f not in same), face]
