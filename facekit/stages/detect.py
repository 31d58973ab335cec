"""detect: a photo to the landmarks of the faces in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facekit.detection.crops import PhotoPyramid
from facekit.detection.detector import Detector
from facekit.detection.facemesh import FaceMesh
from facekit.detection.plausible import implausible, tolerance
from facekit.detection.reading import as_landmarks, cover, follow, place, read_face, under_mask
from facekit.detection.schemes import in_scheme, mean_over_mesh
from facekit.detection.search import Face, confirm_box, find_faces
from facekit.errors import NoFaceError, UsageError
from facekit.records import SCHEMES, BoolArray, ByteArray, Landmarks

DETECTORS = ("mediapipe", "face-alignment")
SMALLEST_PHOTO = 32  # px


def detect(
    photo: ByteArray,
    hidden: BoolArray | None = None,
    *,
    detector: str = "mediapipe",
    scheme: str | None = None,
    face: str | int = "largest",
    box: tuple[float, float, float, float] | None = None,
    device: str = "cpu",
) -> list[Landmarks]:
    """Landmarks of the faces in a photo, by falling size.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        hidden: (H, W) bool, where something hides the face. Hidden landmarks get a large sigma, and the
            hidden part is filled for a second look, so that the occluder pulls less at the visible ones.
        detector: "mediapipe" (478 points) or "face-alignment" (68 points).
        scheme: "mediapipe478" or "ibug68"; None is what the detector gives.
        face: "largest", "all", or a number counted from 0 by falling size.
        box: x0 y0 x1 y1 px of the face, instead of a search.
        device: for face-alignment: "cpu", "cuda", "mps".

    Raises: NoFaceError where no face is found; UsageError; ModelUnavailableError for absent weights.
    """
    _check(photo, hidden, face)
    _check_scheme(detector, scheme)
    network = make_detector(detector, device)
    if box is not None:
        faces = [_boxed(photo, hidden, box)]
    else:
        faces = _chosen(find_faces(photo, hidden, every=face != "largest"), face)
    found = [_landmarks(network, f, hidden) for f in faces]
    return [in_scheme(landmarks, scheme or network.scheme) for landmarks in found]


def detect_masked(photo: ByteArray, hidden: BoolArray | None = None) -> Landmarks:
    """The face whose landmarks the mask covers most; the largest where it covers none, or without a mask.

    Args and errors as those of ``detect``.
    """
    (largest,) = detect(photo, hidden)
    if hidden is None or largest.hidden.any() or not hidden.any():
        return largest
    # The search for all faces takes twenty times as long, and one face with a mask on it is the rule.
    return max([largest, *detect(photo, hidden, face="all")], key=lambda face: int(face.hidden.sum()))


def redetect(completed: ByteArray, previous: Landmarks, hidden: BoolArray | None = None) -> Landmarks:
    """Landmarks again, on a picture whose hidden part has been completed, starting from ``previous``.

    No occluder pulls at the visible points here. Points that were hidden stay so, with their large sigma: the
    network sees there only what the completion invented. Where the second look makes no sense, ``previous``
    comes back.

    Args: completed (H, W, 3) uint8; previous, of the same size; hidden (H, W) bool, the mask if at hand.
    """
    if completed.shape[:2] != tuple(previous.image_size[::-1]):
        raise UsageError("the completed picture and the landmarks are not of the same size")
    network, pictures = FaceMesh(), [PhotoPyramid(completed)]
    start = place(previous.points, previous.scheme, network.margin)
    read = read_face(network, pictures, follow(network, pictures, start, steps=1))
    unseen = under_mask(read.points, hidden)
    if implausible(read, network.scheme, pictures[0].size, unseen, tolerance(1.0, masked=True)):
        return previous
    again = as_landmarks(read, network, previous.score, hidden, pictures[0].size)
    again = in_scheme(again, previous.scheme)
    covered = again.hidden | previous.hidden
    sigma = np.where(covered, np.maximum(again.sigma, previous.sigma), again.sigma)
    return replace(again, hidden=covered, sigma=sigma)


def adopt(landmarks: Landmarks, hidden: BoolArray | None = None, scheme: str | None = None) -> Landmarks:
    """Landmarks from elsewhere, as if detected: those under the mask hidden, in the scheme asked for."""
    marked = cover(landmarks, hidden)
    return in_scheme(marked, scheme or marked.scheme)


def make_detector(name: str, device: str = "cpu") -> Detector:
    """The landmark network of that name; UsageError for others, ModelUnavailableError without weights."""
    if name == "mediapipe":
        return FaceMesh()
    if name == "face-alignment":
        from facekit.detection.fan import FaceAlignment

        return FaceAlignment(device)
    raise UsageError(f"unknown detector {name!r}; choose one of {', '.join(DETECTORS)}")


def _landmarks(network: Detector, face: Face, hidden: BoolArray | None) -> Landmarks:
    """The record of a face; a network other than the mesh reads it again on crops placed by the mesh."""
    read, size = face.mesh, face.pictures[0].size
    if not isinstance(network, FaceMesh):
        points = mean_over_mesh(face.mesh.points)
        placed = place(points, network.scheme, network.margin, network.shift)
        read = read_face(network, face.pictures, placed)
        unseen = under_mask(read.points, hidden)
        problem = implausible(read, network.scheme, size, unseen, largest_spread=0.05)
        if problem:
            raise NoFaceError(
                f"{network.name} sees no face where mediapipe does: {problem}; use --detector mediapipe"
            )
    return as_landmarks(read, network, face.score, hidden, size)


def _boxed(photo: ByteArray, hidden: BoolArray | None, box: tuple[float, float, float, float]) -> Face:
    height, width = photo.shape[:2]
    x0, y0, x1, y1 = box
    if not (x1 > x0 and y1 > y0 and x1 > 0 and y1 > 0 and x0 < width and y0 < height):
        raise UsageError(
            f"the box must be x0,y0,x1,y1 with x1 > x0 and y1 > y0 inside the {width}×{height} photo."
        )
    face = confirm_box(photo, hidden, box)
    if face is None:
        raise NoFaceError("no face fits into the box; check it, or give the landmarks with --landmarks FILE")
    return face


def _chosen(faces: list[Face], face: str | int) -> list[Face]:
    if not faces:
        raise NoFaceError(
            "no face found, not even enlarged, brightened or turned; say where it is with detect --box "
            "x0,y0,x1,y1, or give its landmarks with --landmarks FILE"
        )
    if face == "all":
        return faces
    index = 0 if face == "largest" else int(face)
    if not 0 <= index < len(faces):
        count = f"{len(faces)} face{'s' * (len(faces) != 1)}"
        raise NoFaceError(f"there is no face {index}: {count} found, counted from 0 by falling size")
    return [faces[index]]


def _check(photo: ByteArray, hidden: BoolArray | None, face: str | int) -> None:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise UsageError("the photo must be (H, W, 3) uint8")
    height, width = photo.shape[:2]
    if min(height, width) < SMALLEST_PHOTO:
        raise NoFaceError(
            f"the photo is only {width}×{height} pixels; a face needs at least {SMALLEST_PHOTO}"
        )
    if hidden is not None and hidden.shape != (height, width):
        size = f"{hidden.shape[1]}×{hidden.shape[0]}"
        raise UsageError(
            f"the occlusion mask is {size}, the photo {width}×{height}; they must be of one size."
        )
    if hidden is not None and hidden.all():
        raise NoFaceError(
            "the occlusion mask hides the whole photo; white must mark only what hides the face."
        )
    if isinstance(face, str) and face not in ("largest", "all"):
        raise UsageError(f"--face must be largest, all or a number, not {face!r}")


def _check_scheme(detector: str, scheme: str | None) -> None:
    """Before any weights are looked for."""
    if scheme is not None and scheme not in SCHEMES:
        raise UsageError(f"unknown landmark scheme {scheme!r}; choose one of {', '.join(SCHEMES)}")
    if detector == "face-alignment" and scheme == "mediapipe478":
        raise UsageError("face-alignment gives 68 landmarks; use --scheme ibug68 or --detector mediapipe")
